"""Full-text index of articles (SQLite FTS5), and the articles' texts from the publisher.

The index is contentless: deleting an entry requires the text that was indexed. There is no index in
other databases, where articles are found by their titles only.
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
# Matches in title and question count ten times as much as matches in the text.
_BEST_FIRST: ColumnElement[float] = literal_column("bm25(article_search, 10.0, 1.0)")


class Text(NamedTuple):
    """An article's text; an empty one removes the article from the index."""

    key: str
    digest: str
    text: str


class Wanted(NamedTuple):
    """Keys of pages whose stored text is outdated, and keys that are not registered."""

    wanted: list[str]
    unknown: list[str]


class Hit(NamedTuple):
    """A page that matches a search."""

    id: int
    title: str
    url: str
    question: str


def wanted(connection: Connection, site_id: int, digests: Mapping[str, str]) -> Wanted:
    """Compare digests by page key with those of the stored texts; "" means no text."""
    query = (
        select(page.c.key, func.coalesce(article_text.c.digest, "").label("digest"))
        .outerjoin(article_text, article_text.c.page_id == page.c.id)
        .where(page.c.site_id == site_id, page.c.registered)
    )
    stored = {row.key: row.digest for row in connection.execute(query)}
    return Wanted(
        sorted(key for key, digest in digests.items() if stored.get(key, digest) != digest),
        sorted(digests.keys() - stored.keys()),
    )


def replace(connection: Connection, site_id: int, texts: Sequence[Text]) -> list[str]:
    """Replace the stored texts of these pages; return the keys that are not registered."""
    query = select(page.c.key, page.c.id, page.c.title, page.c.question).where(
        page.c.site_id == site_id, page.c.registered, page.c.key.in_({new.key for new in texts})
    )
    pages = {row.key: row for row in connection.execute(query)}
    for new in texts:
        if (place := pages.get(new.key)) is None:
            continue
        remove(connection, place.id)
        if new.text:
            head = f"{place.title} {place.question}"
            row = {"page_id": place.id, "digest": new.digest, "head": head, "text": new.text}
            connection.execute(insert(article_text).values(row))
            _change(connection, _ADD, place.id, head, new.text)
    return sorted({new.key for new in texts} - pages.keys())


def remove(connection: Connection, page_id: int) -> None:
    """Delete a page's text and its index entry, if there is one."""
    query = select(article_text.c.head, article_text.c.text).where(
        article_text.c.page_id == page_id
    )
    before = connection.execute(query).first()
    if before is None:
        return
    _change(connection, _REMOVE, page_id, before.head, before.text)
    connection.execute(delete(article_text).where(article_text.c.page_id == page_id))


def of(connection: Connection, page_ids: Iterable[int]) -> dict[int, str]:
    """Return the stored texts of these pages, by row id of the page."""
    query = select(article_text.c.page_id, article_text.c.text).where(
        article_text.c.page_id.in_(list(page_ids))
    )
    return {row.page_id: row.text for row in connection.execute(query)}


def holding(connection: Connection, site_id: int, words: str, limit: int) -> list[Hit]:
    """Return up to `limit` pages that contain all words in title, question or text, best first.

    If no page has them all, the last word also matches as a prefix.
    """
    if connection.dialect.name != "sqlite":
        return []
    for beginning in (False, True):
        expression = search_for(words, beginning=beginning)
        if expression is None:
            return []
        query = (
            select(page.c.id, page.c.title, page.c.url, page.c.question)
            .join(_index, _index.c.rowid == page.c.id)
            .where(
                literal_column("article_search").op("MATCH")(expression),
                page.c.registered,
                page.c.site_id == site_id,
            )
            .order_by(_BEST_FIRST, page.c.id)
            .limit(limit)
        )
        hits = [Hit._make(row) for row in connection.execute(query)]
        if hits:
            return hits
    return []


def _change(
    connection: Connection, statement: TextClause, page_id: int, head: str, words: str
) -> None:
    if connection.dialect.name == "sqlite":
        row = {"id": page_id, "head": searchable(head), "text": searchable(words)}
        connection.execute(statement, row)
