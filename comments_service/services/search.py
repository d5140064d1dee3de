"""The readers' search: articles and public replies that contain the words."""

from typing import NamedTuple
from urllib.parse import urljoin

from comments_service.domain.excerpt import Piece, around, excerpt
from comments_service.services.pages import the_site
from comments_service.store import comments, pages, reader_search
from comments_service.store.database import Database


class FoundReply(NamedTuple):
    """A reply in the search results."""

    reply: reader_search.FoundReply
    url: str
    excerpt: list[Piece]


class FoundArticle(NamedTuple):
    """An article in the search results; `excerpt` is empty if its text has no hit."""

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
        for reply in reader_search.replies(connection, site.id, words, limit):
            position = comments.position_of_thread(connection, reply.id)
            path = pages.url_of_position(connection, reply.page_id, position)
            url = f"{urljoin(site_url, path)}#comment-{reply.public_id}"
            replies.append(FoundReply(reply, url, excerpt(reply.html, words)))
    return [_article(site_url, page, words) for page in articles], replies


def _article(base: str, page: reader_search.FoundPage, words: str) -> FoundArticle:
    pieces = around(page.text, words)
    if not any(piece.hit for piece in pieces):
        pieces = []
    return FoundArticle(page.title, urljoin(base, page.url), page.question, pieces)
