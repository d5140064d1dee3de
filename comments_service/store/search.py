"""The index of the words of all replies; SQLite's FTS5.

The index holds no texts, so that they are not stored twice: whoever takes a reply out has to say
what was put in.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, column, literal_column, select, table, text

from comments_service.words import search_for, searchable

index = table("comment_search", column("rowid"), column("rank"))
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
    """
    whole = _matches(words, name, beginning=False)
    if whole is None:
        return None
    probe = select(index.c.rowid).where(whole).limit(1)
    if connection.execute(probe).first() is not None:
        return whole
    return _matches(words, name, beginning=True)


def _matches(words: str, name: str, *, beginning: bool) -> ColumnElement[bool] | None:
    asked = []
    if (anywhere := search_for(words, beginning=beginning)) is not None:
        asked.append(f"({anywhere})")
    if (in_name := search_for(name, beginning=beginning)) is not None:
        asked.append(f"{{name}} : ({in_name})")
    if not asked:
        return None
    return literal_column("comment_search").op("MATCH")(" AND ".join(asked))


def _row(row_id: int, words: str, name: str) -> dict[str, object]:
    return {"id": row_id, "text": searchable(words), "name": searchable(name)}
