"""The one rule of what readers may see. Pages, feeds, counts and search all ask it."""

from comments_service.domain.models import Status
from comments_service.store.tables import comment

IS_PUBLIC = comment.c.status == Status.APPROVED
