"""States and records that several layers share."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class Status(StrEnum):
    """Where a reply stands."""

    PENDING = "pending"
    APPROVED = "approved"
    SPAM = "spam"
    TRASH = "trash"


class Origin(StrEnum):
    """How a reply came in."""

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

    def holds(self, now: datetime) -> bool:
        """Return whether it is in force."""
        return self.lifted_at is None and (self.expires_at is None or self.expires_at > now)


class Stalled(NamedTuple):
    """A page that does not reach readers, and why; `written` when the publisher did its part."""

    title: str
    why: str
    written: bool


class PublisherState(NamedTuple):
    """How the publisher does.

    `seen_at` is its last sign of life, `behind` how many pages show less than they should, `since`
    the longest of these, `trouble` what it said about anything but a page.
    """

    seen_at: datetime | None
    behind: int
    since: datetime | None
    stalled: list[Stalled]
    trouble: str | None
