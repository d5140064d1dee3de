"""Who performed an action, as the audit log records it."""

from typing import NamedTuple


class Actor(NamedTuple):
    """The name for the audit log, and the row id if the actor is an editor."""

    name: str
    editor_id: int | None = None


AUTHOR = Actor("the author")

COMMAND_LINE = Actor("command line")

RULES = Actor("the rules")
