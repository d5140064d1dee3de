"""Full-text index of all replies (SQLite FTS5).

The index is contentless, so that texts are not stored twice: deleting an entry requires the text
that was indexed.
"""

from collections.abc import Sequence

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    column,
    func,
    literal_column,
    select,
    table,
    text,
)

from comments_service.domain.tokenizer import search_for, searchable

# Up to this many ids are looked up in the index one by one. A look-up costs 0.05 ms; reading on in
# the index costs 0.0002 ms a match.
LOOKED_UP = 200
# Up to this many ids are collected to compare matches with. Collecting 1,000 ids costs 0.4 ms.
COLLECTED = 20_000

index = table("comment_search", column("rowid", Integer), column("rank"))
# An expression instead of the column, so that SQLite reads the index once and looks up each match
# in the other table. Otherwise, without statistics, it may search the index for each of 100,000
# replies.
row_id = index.c.rowid + literal_column("0")
_ADD = text("INSERT INTO comment_search (rowid, text, name) VALUES (:id, :text, :name)")
_REMOVE = text(
    "INSERT INTO comment_search (comment_search, rowid, text, name)"
    " VALUES ('delete', :id, :text, :name)"
)


def add(connection: Connection, new: Sequence[tuple[int, str, str]]) -> None:
    """Add replies, given as (row id, text, name) of each."""
    if connection.dialect.name == "sqlite" and new:
        connection.execute(_ADD, [_row(*reply) for reply in new])


def remove(connection: Connection, row_id: int, words: str, name: str) -> None:
    """Remove a reply; `words` and `name` must be the text and name that were added."""
    if connection.dialect.name == "sqlite":
        connection.execute(_REMOVE, _row(row_id, words, name))


def replace(
    connection: Connection, row_id: int, before: tuple[str, str], after: tuple[str, str]
) -> None:
    """Replace a reply's entry; `before` and `after` are (text, name)."""
    remove(connection, row_id, *before)
    add(connection, [(row_id, *after)])


def matches(connection: Connection, words: str = "", name: str = "") -> ColumnElement[bool] | None:
    """Return the condition that `index` contains the words and the name; None if both are empty.

    Words are searched in texts and names. If no reply has them all, the last one also matches as a
    prefix; this is tried second because a prefix search is expensive. For editors only, because the
    result depends on replies of every status.
    """
    whole = condition(words, name)
    if whole is None:
        return None
    probe = select(index.c.rowid).where(whole).limit(1)
    if connection.execute(probe).first() is not None:
        return whole
    return condition(words, name, beginning=True)


def condition(words: str, name: str = "", *, beginning: bool = False) -> ColumnElement[bool] | None:
    """Return the condition that `index` contains the words and the name; None if both are empty.

    With `beginning`, the last word of each also matches as a prefix.
    """
    parts = []
    if (anywhere := search_for(words, beginning=beginning)) is not None:
        parts.append(f"({anywhere})")
    if (in_name := search_for(name, beginning=beginning)) is not None:
        parts.append(f"{{name}} : ({in_name})")
    if not parts:
        return None
    return literal_column("comment_search").op("MATCH")(" AND ".join(parts))


def within(connection: Connection, selections: Sequence[Select[int]]) -> list[ColumnElement[bool]]:
    """Return conditions on `index` for rows whose ids are in all of `selections`.

    They are an optimization only: a selection of more than `COLLECTED` ids gives no condition, so
    the query must check each match itself. Each selection should use a database index, because it
    is read once to count its ids.
    """
    conditions: list[ColumnElement[bool]] = []
    for ids in selections:
        counted = select(func.count()).select_from(ids.limit(COLLECTED + 1).subquery())
        number = connection.execute(counted).scalar_one()
        if number <= LOOKED_UP:
            # The fastest way; further conditions would not make it faster.
            return [index.c.rowid.in_(ids.correlate(None))]
        if number <= COLLECTED:
            conditions.append(row_id.in_(ids.correlate(None)))
    return conditions


def _row(row_id: int, words: str, name: str) -> dict[str, object]:
    return {"id": row_id, "text": searchable(words), "name": searchable(name)}
