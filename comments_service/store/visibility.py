"""Visibility: the condition for public replies, used for pages, feeds, counts and search."""

from comments_service.domain.models import Status
from comments_service.store.tables import comment

IS_PUBLIC = comment.c.status == Status.APPROVED
