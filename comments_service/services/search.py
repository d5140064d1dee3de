"""The readers' search: articles and public replies that contain the words."""

from typing import NamedTuple
from urllib.parse import urljoin

from comments_service.domain.excerpt import Piece, around, excerpt
from comments_service.services.pages import the_site
from comments_service.store import comments, pages, reader_search
from comments_service.store.database import Database


class FoundReply(NamedTuple):
    """A reply as the results show it."""

    reply: reader_search.FoundReply
    url: str
    excerpt: list[Piece]


class FoundArticle(NamedTuple):
    """An article as the results show it; no excerpt where its text has no hit to show."""

    title: str
    url: str
    question: str
    excerpt: list[Piece]


def search(
    db: Database, words: str, *, site_url: str, limit: int
) -> tuple[list[FoundArticle], list[FoundReply]]:
    """Return at most `limit` articles and `limit` replies, best first."""
    with db.read() as connection:
        site = the_site(connection)
        articles = reader_search.articles(connection, site.id, words, limit)
        replies = []
        for one in reader_search.replies(connection, site.id, words, limit):
            position = comments.position_of_thread(connection, one.id)
            path = pages.url_of_position(connection, one.page_id, position)
            url = f"{urljoin(site_url, path)}#comment-{one.public_id}"
            replies.append(FoundReply(one, url, excerpt(one.html, words)))
    return [_article(site_url, one, words) for one in articles], replies


def _article(base: str, one: reader_search.FoundPage, asked: str) -> FoundArticle:
    pieces = around(one.text, asked)
    if not any(piece.hit for piece in pieces):
        pieces = []
    return FoundArticle(one.title, urljoin(base, one.url), one.question, pieces)
