"""Who performed an action, as the audit log records it."""

from typing import NamedTuple


class Actor(NamedTuple):
    """Who acts: a name for the log, and the editor's row id if it is one."""

    name: str
    editor_id: int | None = None


AUTHOR = Actor("the author")

COMMAND_LINE = Actor("command line")

RULES = Actor("the rules")
