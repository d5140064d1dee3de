"""Removes the words of erased replies from SQLite's full-text index, in small steps.

FTS5 only marks words as deleted. They are removed when the segments of the index are merged.
"""

from sqlalchemy import Connection, delete, func, insert, select, text

from comments_service.store.tables import scrub

# Pages of the index that one step writes; few, so that each step is a short transaction.
_PAGES = 200
_MERGE = text("INSERT INTO comment_search (comment_search, rank) VALUES ('merge', :pages)")
_CHANGES = text("SELECT total_changes()")


def owe(connection: Connection) -> None:
    """Record a pending scrub; call it in the transaction that erases."""
    connection.execute(insert(scrub).values({}))


def owed(connection: Connection) -> int:
    """Return the number of the last pending scrub, or 0."""
    return connection.execute(select(func.max(scrub.c.id))).scalar() or 0


def settle(connection: Connection, number: int) -> None:
    """Delete the pending scrubs up to that number."""
    connection.execute(delete(scrub).where(scrub.c.id <= number))


def merge(connection: Connection, *, begin: bool) -> bool:
    """Do one step of merging the index into one segment; return whether there may be more to do.

    `begin` must be True for the first step only: it selects all segments for the merge.
    """
    if connection.dialect.name != "sqlite":
        return False
    before = connection.execute(_CHANGES).scalar_one()
    connection.execute(_MERGE, {"pages": -_PAGES if begin else _PAGES})
    # According to FTS5's documentation, a step without work changes fewer than two rows.
    return bool(connection.execute(_CHANGES).scalar_one() - before >= 2)
