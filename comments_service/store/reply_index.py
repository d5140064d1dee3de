"""The index of the words of all replies; SQLite's FTS5.

The index holds no texts, so that they are not stored twice: whoever takes a reply out has to say
what was put in.
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

# One look-up of a reply in the index costs 0.05 ms; reading the index on costs 0.0002 ms a match.
LOOKED_UP = 200
# Collecting 1,000 ids to compare matches with costs 0.4 ms.
COLLECTED = 20_000

index = table("comment_search", column("rowid", Integer), column("rank"))
# An expression instead of the column, so that SQLite reads the index once and looks each match up
# elsewhere. Without statistics it would rather search the index anew for each of 100,000 replies.
row_id = index.c.rowid + literal_column("0")
_ADD = text("INSERT INTO comment_search (rowid, text, name) VALUES (:id, :text, :name)")
_REMOVE = text(
    "INSERT INTO comment_search (comment_search, rowid, text, name)"
    " VALUES ('delete', :id, :text, :name)"
)


def add(connection: Connection, new: Sequence[tuple[int, str, str]]) -> None:
    """Put replies in: (row id, text, name) of each."""
    if connection.dialect.name == "sqlite" and new:
        connection.execute(_ADD, [_row(*one) for one in new])


def remove(connection: Connection, row_id: int, words: str, name: str) -> None:
    """Take one out; `words` and `name` are what was put in."""
    if connection.dialect.name == "sqlite":
        connection.execute(_REMOVE, _row(row_id, words, name))


def replace(
    connection: Connection, row_id: int, before: tuple[str, str], after: tuple[str, str]
) -> None:
    """Put other words in the place of a reply's."""
    remove(connection, row_id, *before)
    add(connection, [(row_id, *after)])


def matches(connection: Connection, words: str = "", name: str = "") -> ColumnElement[bool] | None:
    """Return the condition that `index` holds the words, and the name; None if neither has any.

    Words are looked for in texts and names. Where no reply has them all, the last one may be the
    beginning of a word: that costs a walk over all of its words' places, and is worth it then only.
    For editors only: it tells what replies in every state hold.
    """
    whole = condition(words, name)
    if whole is None:
        return None
    probe = select(index.c.rowid).where(whole).limit(1)
    if connection.execute(probe).first() is not None:
        return whole
    return condition(words, name, beginning=True)


def condition(words: str, name: str = "", *, beginning: bool = False) -> ColumnElement[bool] | None:
    """Return the condition that `index` holds the words, and the name; None if neither has any.

    With `beginning`, the last word of each may be the beginning of one.
    """
    asked = []
    if (anywhere := search_for(words, beginning=beginning)) is not None:
        asked.append(f"({anywhere})")
    if (in_name := search_for(name, beginning=beginning)) is not None:
        asked.append(f"{{name}} : ({in_name})")
    if not asked:
        return None
    return literal_column("comment_search").op("MATCH")(" AND ".join(asked))


def within(connection: Connection, selections: Sequence[Select[int]]) -> list[ColumnElement[bool]]:
    """Return conditions on `index` that keep the rows whose ids are in all of `selections`.

    A selection of more than `COLLECTED` ids gives no condition: the query has to check each match.
    Each selection should be answered by an index, because it is read once to count it.
    """
    conditions: list[ColumnElement[bool]] = []
    for ids in selections:
        counted = select(func.count()).select_from(ids.limit(COLLECTED + 1).subquery())
        number = connection.execute(counted).scalar_one()
        if number <= LOOKED_UP:
            # The shortest way of all; further selections can only be checked on what it finds.
            return [index.c.rowid.in_(ids.correlate(None))]
        if number <= COLLECTED:
            conditions.append(row_id.in_(ids.correlate(None)))
    return conditions


def _row(row_id: int, words: str, name: str) -> dict[str, object]:
    return {"id": row_id, "text": searchable(words), "name": searchable(name)}
