"""Enums and records that several layers share: statuses, roles, bans, publisher state."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from comments_service.domain.content_token import content_token


class Status(StrEnum):
    """The moderation status of a reply."""

    PENDING = "pending"
    APPROVED = "approved"
    SPAM = "spam"
    TRASH = "trash"


class Origin(StrEnum):
    """How a reply was created."""

    FORM = "form"
    DEMO = "demo"
    EDITOR = "editor"


class Role(StrEnum):
    """What an editor may do."""

    ADMIN = "admin"
    EDITOR = "editor"


class Ban(NamedTuple):
    """A ban. `kind` is "address", "network" or "word"."""

    id: int
    kind: str
    value: str
    note: str
    created_at: datetime
    expires_at: datetime | None
    lifted_at: datetime | None

    @property
    def token(self) -> str:
        """The number of the ban with a hash of what it bans, for the form that lifts it."""
        return content_token(self.id, self.kind, self.value)

    def holds(self, now: datetime) -> bool:
        """Return whether the ban is in force at `now`."""
        return self.lifted_at is None and (self.expires_at is None or self.expires_at > now)


class Stalled(NamedTuple):
    """A page whose changes do not reach readers, and why; `written`: its files are up to date."""

    title: str
    why: str
    written: bool


class PublisherState(NamedTuple):
    """The state of the publisher.

    `seen_at` is its last heartbeat, `behind` the number of pages that are out of date, `since` the
    time of the oldest change missing there, `trouble` a problem that is not about a page.
    """

    seen_at: datetime | None
    behind: int
    since: datetime | None
    stalled: list[Stalled]
    trouble: str | None
