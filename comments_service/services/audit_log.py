"""Reading of the audit log: page by page, or all of it for an export."""

from collections.abc import Iterator

from comments_service.services.pages import the_site
from comments_service.store import events
from comments_service.store.database import Database
from comments_service.store.events import Told, Wanted

# Events that one transaction of an export reads.
_EXPORTED = 1_000


def entries(
    db: Database, wanted: Wanted, *, before: int | None, limit: int
) -> tuple[list[Told], list[str]]:
    """Return up to `limit` events below the number `before`, newest first, and all actors."""
    with db.read() as connection:
        site = the_site(connection)
        found = events.history(connection, site.id, before=before, limit=limit, wanted=wanted)
        return found, events.actors(connection, site.id)


def every_entry(db: Database, wanted: Wanted) -> Iterator[Told]:
    """Yield every event, newest first; in several transactions, which keeps each one short."""
    before = None
    while True:
        with db.read() as connection:
            site = the_site(connection)
            found = events.history(
                connection, site.id, before=before, limit=_EXPORTED, wanted=wanted
            )
        yield from found
        if not found:
            return
        before = found[-1].event.seq
