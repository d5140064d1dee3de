"""What readers find: public replies and articles by their words, and by names and titles."""

from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, select

from comments_service.domain.tokenizer import phrases
from comments_service.store import article_index, reply_index
from comments_service.store.tables import comment, page
from comments_service.store.visibility import IS_PUBLIC


class FoundReply(NamedTuple):
    """A public reply. No field here could hold an email address."""

    id: int
    public_id: str
    page_id: int
    page_title: str
    author_name: str
    html: str
    submitted_at: datetime


class FoundPage(NamedTuple):
    """An article, by its title, its question or its text; `text` is "" where it is not known."""

    id: int
    title: str
    url: str
    question: str
    text: str = ""


def replies(connection: Connection, site_id: int, words: str, limit: int) -> list[FoundReply]:
    """Return up to `limit` public replies that hold all the words, the newest first.

    Where no public reply has them all, the last one may be the beginning of a word. Replies that
    are not public have no say in that: a reader could tell from it what they hold.
    """
    for beginning in (False, True):
        matches = reply_index.condition(words, beginning=beginning)
        if matches is None:
            return []
        if found := _public(connection, site_id, matches, limit):
            return found
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
    """Return up to `limit` registered pages that hold all the words.

    First those that have them in title and question, then the others, the best ones first.
    """
    found = {one.id: one for one in _titled(connection, site_id, words, limit)}
    for hit in article_index.holding(connection, site_id, words, limit):
        found.setdefault(hit.id, FoundPage(*hit))
    shown = list(found.values())[:limit]
    held = article_index.of(connection, [one.id for one in shown])
    return [one._replace(text=held.get(one.id, "")) for one in shown]


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


# More than a large site has pages: walked in order, a smaller cache would hold nothing in time.
@lru_cache(maxsize=20_000)
def _line(title: str, question: str) -> str:
    return " " + " ".join(phrases(f"{title} {question}"))
