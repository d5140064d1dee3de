"""The index of the words of all replies; SQLite's FTS5.

The index holds no texts, so that they are not stored twice: whoever takes a reply out has to say
what was put in.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, column, literal_column, table, text

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


def matches(words: str = "", name: str = "") -> ColumnElement[bool] | None:
    """Return the condition that `index` holds the words, and the name; None if neither has any.

    Words are looked for in texts and names.
    """
    asked = [search_for(words)]
    if (in_name := search_for(name)) is not None:
        asked.append(f"{{name}} : ({in_name})")
    expression = " AND ".join(f"({one})" if "{" not in one else one for one in asked if one)
    if not expression:
        return None
    return literal_column("comment_search").op("MATCH")(expression)


def _row(row_id: int, words: str, name: str) -> dict[str, object]:
    return {"id": row_id, "text": searchable(words), "name": searchable(name)}
