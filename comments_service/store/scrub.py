"""Removes the words of erased replies from SQLite's full-text index, a step at a time.

FTS5 notes a deletion beside the deleted words; both go only when the parts of the index are merged.
"""

from sqlalchemy import Connection, delete, func, insert, select, text

from comments_service.store.tables import scrub

# Pages of the index that one step writes: few enough that no reader waits long for its turn.
_PAGES = 200
_MERGE = text("INSERT INTO comment_search (comment_search, rank) VALUES ('merge', :pages)")
_CHANGES = text("SELECT total_changes()")


def owe(connection: Connection) -> None:
    """Note an erasure; call it in the transaction that erases."""
    connection.execute(insert(scrub).values({}))


def owed(connection: Connection) -> int:
    """Return the number of the last erasure that is still to be scrubbed, or 0."""
    return connection.execute(select(func.max(scrub.c.id))).scalar() or 0


def settle(connection: Connection, number: int) -> None:
    """Forget the erasures up to that number."""
    connection.execute(delete(scrub).where(scrub.c.id <= number))


def merge(connection: Connection, *, begin: bool) -> bool:
    """Do one step of merging the whole index into one part; whether there may be more to do.

    `begin` collects all parts for it, and must be so in the first step only.
    """
    if connection.dialect.name != "sqlite":
        return False
    before = connection.execute(_CHANGES).scalar_one()
    connection.execute(_MERGE, {"pages": -_PAGES if begin else _PAGES})
    # As FTS5 documents it: a step that did nothing changes fewer than two rows.
    return bool(connection.execute(_CHANGES).scalar_one() - before >= 2)
