"""The texts of articles, as the publisher sent them, and SQLite's FTS5 index of their words.

The index holds no texts: whoever takes one out has to say what was put in. Other databases have no
index here, so that articles are found by their titles only.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    TextClause,
    column,
    delete,
    func,
    insert,
    literal_column,
    select,
    table,
    text,
)

from comments_service.domain.tokenizer import search_for, searchable
from comments_service.store.tables import article_text, page

_index = table("article_search", column("rowid"), column("rank"))
_ADD = text("INSERT INTO article_search (rowid, head, text) VALUES (:id, :head, :text)")
_REMOVE = text(
    "INSERT INTO article_search (article_search, rowid, head, text)"
    " VALUES ('delete', :id, :head, :text)"
)
# A word of the title says more of an article than one of its text.
_BEST_FIRST: ColumnElement[float] = literal_column("bm25(article_search, 10.0, 1.0)")


class Text(NamedTuple):
    """An article's text; an empty one says that readers do not find it by its words."""

    key: str
    digest: str
    text: str


class Wanted(NamedTuple):
    """Keys of pages whose text is another one here, and of those that are not registered."""

    wanted: list[str]
    unknown: list[str]


class Hit(NamedTuple):
    """A page that holds what was looked for."""

    id: int
    title: str
    url: str
    question: str


def wanted(connection: Connection, site_id: int, digests: Mapping[str, str]) -> Wanted:
    """Compare digests by page key with those of the texts here; no text has the digest ""."""
    query = (
        select(page.c.key, func.coalesce(article_text.c.digest, "").label("digest"))
        .outerjoin(article_text, article_text.c.page_id == page.c.id)
        .where(page.c.site_id == site_id, page.c.registered)
    )
    known = {row.key: row.digest for row in connection.execute(query)}
    return Wanted(
        sorted(key for key, digest in digests.items() if known.get(key, digest) != digest),
        sorted(digests.keys() - known.keys()),
    )


def replace(connection: Connection, site_id: int, texts: Sequence[Text]) -> list[str]:
    """Put these texts in the place of what there was; return the keys that are not registered."""
    query = select(page.c.key, page.c.id, page.c.title, page.c.question).where(
        page.c.site_id == site_id, page.c.registered, page.c.key.in_({one.key for one in texts})
    )
    pages = {row.key: row for row in connection.execute(query)}
    for one in texts:
        if (found := pages.get(one.key)) is None:
            continue
        remove(connection, found.id)
        if one.text:
            head = f"{found.title} {found.question}"
            row = {"page_id": found.id, "digest": one.digest, "head": head, "text": one.text}
            connection.execute(insert(article_text).values(row))
            _change(connection, _ADD, found.id, head, one.text)
    return sorted({one.key for one in texts} - pages.keys())


def remove(connection: Connection, page_id: int) -> None:
    """Forget a page's text, if there is one."""
    query = select(article_text.c.head, article_text.c.text).where(
        article_text.c.page_id == page_id
    )
    before = connection.execute(query).first()
    if before is None:
        return
    _change(connection, _REMOVE, page_id, before.head, before.text)
    connection.execute(delete(article_text).where(article_text.c.page_id == page_id))


def of(connection: Connection, page_ids: Iterable[int]) -> dict[int, str]:
    """Return the texts of these pages, by the pages' row ids."""
    query = select(article_text.c.page_id, article_text.c.text).where(
        article_text.c.page_id.in_(list(page_ids))
    )
    return {row.page_id: row.text for row in connection.execute(query)}


def holding(connection: Connection, site_id: int, words: str, limit: int) -> list[Hit]:
    """Return up to `limit` pages whose title, question and text hold all words, best ones first.

    Where none has them all, the last word may be the beginning of one.
    """
    if connection.dialect.name != "sqlite":
        return []
    for beginning in (False, True):
        asked = search_for(words, beginning=beginning)
        if asked is None:
            return []
        query = (
            select(page.c.id, page.c.title, page.c.url, page.c.question)
            .join(_index, _index.c.rowid == page.c.id)
            .where(
                literal_column("article_search").op("MATCH")(asked),
                page.c.registered,
                page.c.site_id == site_id,
            )
            .order_by(_BEST_FIRST, page.c.id)
            .limit(limit)
        )
        found = [Hit._make(row) for row in connection.execute(query)]
        if found:
            return found
    return []


def _change(
    connection: Connection, statement: TextClause, page_id: int, head: str, words: str
) -> None:
    if connection.dialect.name == "sqlite":
        row = {"id": page_id, "head": searchable(head), "text": searchable(words)}
        connection.execute(statement, row)
