"""Readers' search without JavaScript: public replies, and articles by their titles."""

import html
import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urljoin

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from comments_service import submission
from comments_service.errors import TooMany
from comments_service.store import comments, findings, pages
from comments_service.web.context import Context, context_of
from comments_service.web.network import network_of
from comments_service.web.pages import page

MOST = 50
LONGEST = 200
# Searches of one network.
A_MINUTE = 60
AROUND = 120
_TAG = re.compile(r"<[^>]*>")
_WORD = re.compile(r"[^\W_]+")


class Piece(NamedTuple):
    """A stretch of an excerpt; `hit` when it is what was looked for."""

    text: str
    hit: bool


class Found(NamedTuple):
    """A reply as the results show it."""

    reply: findings.FoundReply
    url: str
    excerpt: list[Piece]


async def search(request: Request) -> Response:
    """Show what public replies and articles hold the words."""
    context = context_of(request)
    # PostgreSQL refuses NUL in a text.
    asked = request.query_params.get("q", "").replace("\0", " ").strip()[:LONGEST]
    if not asked:
        return _shown(request, asked)
    try:
        request.app.state.searches.count(network_of(request), context.now())
    except TooMany as error:
        answer = _shown(request, asked, status=error.status, problem=error.detail)
        answer.headers.update(error.headers)
        return answer
    articles, replies = await run_in_threadpool(_look, context, asked)
    return _shown(request, asked, articles=articles, replies=replies)


def _shown(
    request: Request,
    asked: str,
    *,
    status: int = 200,
    articles: Sequence[findings.FoundPage] = (),
    replies: Sequence[Found] = (),
    problem: str | None = None,
) -> Response:
    return page(
        request,
        "search.html",
        status,
        asked=asked,
        articles=articles,
        replies=replies,
        most=MOST,
        problem=problem,
    )


def _look(context: Context, asked: str) -> tuple[list[findings.FoundPage], list[Found]]:
    base = context.settings.site_url
    with context.db.read() as connection:
        site = submission.the_site(connection)
        articles = findings.articles(connection, site.id, asked, MOST)
        replies = []
        for one in findings.replies(connection, site.id, asked, MOST):
            slot = comments.slot_of_thread(connection, one.id)
            address = pages.address_of_slot(connection, one.page_id, slot)
            url = f"{urljoin(base, address)}#comment-{one.public_id}"
            replies.append(Found(one, url, excerpt(one.html, asked)))
    return [one._replace(url=urljoin(base, one.url)) for one in articles], replies


def excerpt(text: str, asked: str) -> list[Piece]:
    """Return the words around the first hit, in pieces; `text` is HTML, the pieces are not."""
    plain = " ".join(html.unescape(_TAG.sub(" ", text)).split())
    words = sorted({re.escape(word) for word in _WORD.findall(asked)}, key=len, reverse=True)
    hits = re.compile("|".join(words) or r"(?!)", re.IGNORECASE)
    first = hits.search(plain)
    start = max(first.start() - AROUND, 0) if first else 0
    if start:
        # At the beginning of a word, where there is one soon.
        start = plain.find(" ", start, start + 30) + 1 or start
    end = start + 2 * AROUND
    shown = plain[start:end]
    pieces = [Piece("… ", False)] if start else []
    at = 0
    for hit in hits.finditer(shown):
        pieces += [Piece(shown[at : hit.start()], False), Piece(hit[0], True)]
        at = hit.end()
    pieces.append(Piece(shown[at:] + (" …" if end < len(plain) else ""), False))
    return [piece for piece in pieces if piece.text]


ROUTES = [Route("/comments/search", search, methods=["GET"])]
