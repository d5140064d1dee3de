"""Look-up of an editor's last action that can be undone (the queue's undo key)."""

from datetime import datetime

from sqlalchemy import Connection

from comments_service.domain.errors import Conflict
from comments_service.domain.labels import DONE
from comments_service.services import site_rules
from comments_service.services.pages import the_site
from comments_service.store import events
from comments_service.store.database import Database
from comments_service.store.events import Event
from comments_service.store.sites import Site

# At most this many events are searched; for older ones there is the history.
_MOST = 1_000


def find(db: Database, *, editor_id: int, since: datetime) -> Event:
    """Return the editor's latest action after `since` that was not undone.

    Raises `Conflict` if there is none, or if it cannot be undone; an older one is never returned
    instead.
    """
    with db.read() as connection:
        return _find(connection, the_site(connection), editor_id, since)


def _find(connection: Connection, site: Site, editor_id: int, since: datetime) -> Event:
    for entry in events.latest_of_editor(connection, site.id, editor_id, limit=_MOST):
        if entry.at < since:
            break
        if entry.action == "join" or not _in_force(connection, site.id, entry.seq):
            continue
        if not can_be_undone(entry):
            what = DONE.get(entry.action, entry.action)
            raise Conflict(
                f"Your last action cannot be undone: {what}. Undo earlier actions in the history."
            )
        return entry
    raise Conflict("Nothing to undo since you signed in. Undo earlier actions in the history.")


def can_be_undone(entry: Event) -> bool:
    """Return whether `moderation.take_back` can undo an event of this kind."""
    if entry.after is None or entry.action == "submit":
        return False
    about_page = entry.page is not None and "opened" in entry.after
    return entry.comment is not None or about_page or site_rules.knows(entry)


def _in_force(connection: Connection, site_id: int, seq: int) -> bool:
    # Recursive, because an undo may have been undone itself.
    undoers = events.undoers(connection, site_id, seq)
    return not any(_in_force(connection, site_id, undoer) for undoer in undoers)
