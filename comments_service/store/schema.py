"""Check whether the database has been set up by the migrations."""

from sqlalchemy import inspect

from comments_service.store import sites
from comments_service.store.database import Database
from comments_service.store.tables import site


def epoch(db: Database) -> str | None:
    """Return the epoch of the database; None if it has not been set up.

    Raises `Unavailable`.
    """
    if db.file is not None and not db.file.exists():
        return None
    with db.read() as connection:
        if not inspect(connection).has_table(site.name):
            return None
        row = sites.find(connection)
    return None if row is None else row.epoch
