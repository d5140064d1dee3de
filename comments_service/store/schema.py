"""Whether a database has been set up, before anything else is asked of it."""

from sqlalchemy import inspect

from comments_service.store import sites
from comments_service.store.database import Database
from comments_service.store.tables import site


def epoch(db: Database) -> str | None:
    """Return the name that the database was given when it was set up; None if it is empty.

    May raise `Unavailable`.
    """
    if db.file is not None and not db.file.exists():
        return None
    with db.read() as connection:
        if not inspect(connection).has_table(site.name):
            return None
        known = sites.find(connection)
    return None if known is None else known.epoch
