"""The one rule of what readers may see. Pages, feeds, counts and search all ask it."""

from comments_service.tables import Status, comment

IS_PUBLIC = comment.c.status == Status.APPROVED
