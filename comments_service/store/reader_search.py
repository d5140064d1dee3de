"""Queries of the readers' search: public replies and articles that contain all words."""

from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, select

from comments_service.domain.tokenizer import phrases
from comments_service.store import article_index, reply_index
from comments_service.store.tables import comment, page
from comments_service.store.visibility import IS_PUBLIC


class FoundReply(NamedTuple):
    """A public reply; without any private field."""

    id: int
    public_id: str
    page_id: int
    page_title: str
    author_name: str
    html: str
    submitted_at: datetime


class FoundPage(NamedTuple):
    """An article that matches; `text` is "" if it is not stored."""

    id: int
    title: str
    url: str
    question: str
    text: str = ""


def replies(connection: Connection, site_id: int, words: str, limit: int) -> list[FoundReply]:
    """Return up to `limit` public replies that contain all the words, newest first.

    If no public reply has them all, the last word also matches as a prefix. Only public replies
    decide about that, because otherwise a reader could infer what other replies contain.
    """
    for beginning in (False, True):
        matches = reply_index.condition(words, beginning=beginning)
        if matches is None:
            return []
        if rows := _public(connection, site_id, matches, limit):
            return rows
    return []


def _public(
    connection: Connection, site_id: int, matches: ColumnElement[bool], limit: int
) -> list[FoundReply]:
    query = (
        select(
            comment.c.id,
            comment.c.public_id,
            comment.c.page_id,
            page.c.title,
            comment.c.author_name,
            comment.c.html,
            comment.c.submitted_at,
        )
        .join(reply_index.index, reply_index.index.c.rowid == comment.c.id)
        .join(page, page.c.id == comment.c.page_id)
        .where(matches, IS_PUBLIC, page.c.registered, comment.c.site_id == site_id)
        .order_by(reply_index.index.c.rowid.desc())
        .limit(limit)
    )
    return [FoundReply._make(row) for row in connection.execute(query)]


def articles(connection: Connection, site_id: int, words: str, limit: int) -> list[FoundPage]:
    """Return up to `limit` registered pages that contain all the words.

    Those with all words in title and question come first, then the others, best matches first.
    """
    hits = {hit.id: hit for hit in _titled(connection, site_id, words, limit)}
    for hit in article_index.holding(connection, site_id, words, limit):
        hits.setdefault(hit.id, FoundPage(*hit))
    shown = list(hits.values())[:limit]
    texts = article_index.of(connection, [hit.id for hit in shown])
    return [hit._replace(text=texts.get(hit.id, "")) for hit in shown]


def _titled(connection: Connection, site_id: int, words: str, limit: int) -> list[FoundPage]:
    asked = [f" {phrase}" for phrase in phrases(words)]
    if not asked:
        return []
    query = (
        select(page.c.id, page.c.title, page.c.url, page.c.question)
        .where(page.c.site_id == site_id, page.c.registered)
        .order_by(page.c.id)
    )
    found = []
    for row in connection.execute(query):
        text = _line(row.title, row.question)
        if all(phrase in text for phrase in asked):
            found.append(FoundPage(row.id, row.title, row.url, row.question))
            if len(found) == limit:
                break
    return found


# Larger than the number of pages of a large site: each search walks all pages in order, and with a
# smaller LRU cache every look-up would miss.
@lru_cache(maxsize=20_000)
def _line(title: str, question: str) -> str:
    return " " + " ".join(phrases(f"{title} {question}"))
