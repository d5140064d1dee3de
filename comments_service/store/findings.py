"""What readers find: public replies by their words, registered pages by their titles."""

from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import Connection, select

from comments_service.store import search
from comments_service.store.comments import IS_PUBLIC
from comments_service.tables import comment, page
from comments_service.words import phrases


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
    """An article, by its title or its question."""

    title: str
    url: str
    question: str


def replies(connection: Connection, site_id: int, words: str, limit: int) -> list[FoundReply]:
    """Return up to `limit` public replies that hold all the words, the newest first."""
    matches = search.matches(connection, words)
    if matches is None:
        return []
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
        .join(search.index, search.index.c.rowid == comment.c.id)
        .join(page, page.c.id == comment.c.page_id)
        .where(matches, IS_PUBLIC, page.c.registered, comment.c.site_id == site_id)
        .order_by(search.index.c.rowid.desc())
        .limit(limit)
    )
    return [FoundReply._make(row) for row in connection.execute(query)]


def articles(connection: Connection, site_id: int, words: str, limit: int) -> list[FoundPage]:
    """Return up to `limit` registered pages whose title or question has all the words."""
    asked = [f" {phrase}" for phrase in phrases(words)]
    if not asked:
        return []
    query = (
        select(page.c.title, page.c.url, page.c.question)
        .where(page.c.site_id == site_id, page.c.registered)
        .order_by(page.c.id)
    )
    found = []
    for row in connection.execute(query):
        text = _line(row.title, row.question)
        if all(phrase in text for phrase in asked):
            found.append(FoundPage._make(row))
            if len(found) == limit:
                break
    return found


# More than a large site has pages: walked in order, a smaller cache would hold nothing in time.
@lru_cache(maxsize=20_000)
def _line(title: str, question: str) -> str:
    return " " + " ".join(phrases(f"{title} {question}"))
