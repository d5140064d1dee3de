"""Readers' search without JavaScript: articles and public replies."""

import html
import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urljoin

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from comments_service.domain.errors import TooMany
from comments_service.domain.tokenizer import writes_no_spaces
from comments_service.services.pages import the_site
from comments_service.store import comments, pages, reader_search
from comments_service.web.support.client_network import network_of
from comments_service.web.support.context import Context, context_of
from comments_service.web.support.pages import page

MOST = 50
LONGEST = 200
# Searches of one network.
A_MINUTE = 60
AROUND = 120
_TAG = re.compile(r"<[^>]*>")
_WORD = re.compile(r"[^\W_]+")
# Where a hit may stand: as a word, as the beginning of one, anywhere. In a long text another word
# that only holds the letters comes too early.
_BOUNDS = ((r"(?<![^\W_])", r"(?![^\W_])"), (r"(?<![^\W_])", ""), ("", ""))


class _Bases(dict[int, int]):
    """Letters without their accents, one for one, as the index has them."""

    def __missing__(self, code: int) -> int:
        parts = unicodedata.normalize("NFD", chr(code))
        accents = parts[1:] and all(unicodedata.category(part) == "Mn" for part in parts[1:])
        # か and が are letters of their own.
        self[code] = ord(parts[0]) if accents and not writes_no_spaces(chr(code)) else code
        return self[code]


_BASES = _Bases()


class Piece(NamedTuple):
    """A stretch of an excerpt; `hit` when it is what was looked for."""

    text: str
    hit: bool


class Found(NamedTuple):
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


async def search(request: Request) -> Response:
    """Show what public replies and articles hold the words."""
    context = context_of(request)
    # PostgreSQL refuses NUL in a text.
    asked = request.query_params.get("q", "").replace("\0", " ").strip()
    cut = LONGEST if len(asked) > LONGEST else 0
    asked = asked[:LONGEST]
    if not asked:
        return _shown(request, asked)
    try:
        context.search_limit.count(network_of(request), context.now())
    except TooMany as error:
        answer = _shown(request, asked, status=error.status, problem=error.detail)
        answer.headers.update(error.headers)
        return answer
    articles, replies = await run_in_threadpool(_look, context, asked)
    return _shown(request, asked, articles=articles, replies=replies, cut=cut)


def _shown(
    request: Request,
    asked: str,
    *,
    status: int = 200,
    articles: Sequence[FoundArticle] = (),
    replies: Sequence[Found] = (),
    problem: str | None = None,
    cut: int = 0,
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
        cut=cut,
    )


def _look(context: Context, asked: str) -> tuple[list[FoundArticle], list[Found]]:
    base = context.settings.site_url
    with context.db.read() as connection:
        site = the_site(connection)
        articles = reader_search.articles(connection, site.id, asked, MOST)
        replies = []
        for one in reader_search.replies(connection, site.id, asked, MOST):
            slot = comments.slot_of_thread(connection, one.id)
            address = pages.address_of_slot(connection, one.page_id, slot)
            url = f"{urljoin(base, address)}#comment-{one.public_id}"
            replies.append(Found(one, url, excerpt(one.html, asked)))
    return [_article(base, one, asked) for one in articles], replies


def _article(base: str, one: reader_search.FoundPage, asked: str) -> FoundArticle:
    pieces = around(one.text, asked)
    if not any(piece.hit for piece in pieces):
        pieces = []
    return FoundArticle(one.title, urljoin(base, one.url), one.question, pieces)


def excerpt(text: str, asked: str) -> list[Piece]:
    """Return the words around the first hit, in pieces; `text` is HTML, the pieces are not."""
    return around(" ".join(html.unescape(_TAG.sub(" ", text)).split()), asked)


def around(plain: str, asked: str) -> list[Piece]:
    """Return the words of a plain text around the first hit, in pieces."""
    folded = plain.translate(_BASES)
    hits = _hits(folded, asked.translate(_BASES))
    first = hits.search(folded)
    start = max(first.start() - AROUND, 0) if first else 0
    if start:
        # At the beginning of a word, where there is one soon.
        start = plain.find(" ", start, start + 30) + 1 or start
    end = start + 2 * AROUND
    shown = plain[start:end]
    pieces = [Piece("… ", False)] if start else []
    at = 0
    for hit in hits.finditer(folded[start:end]):
        pieces += [
            Piece(shown[at : hit.start()], False),
            Piece(shown[hit.start() : hit.end()], True),
        ]
        at = hit.end()
    pieces.append(Piece(shown[at:] + (" …" if end < len(plain) else ""), False))
    return [piece for piece in pieces if piece.text]


def _hits(plain: str, asked: str) -> re.Pattern[str]:
    """Return what finds the words in this text, as strictly as they stand in it at all."""
    words = sorted(set(_WORD.findall(asked)), key=len, reverse=True)
    for before, after in _BOUNDS:
        patterns = [
            re.escape(word)
            if any(map(writes_no_spaces, word))
            else f"{before}{re.escape(word)}{after}"
            for word in words
        ]
        hits = re.compile("|".join(patterns) or r"(?!)", re.IGNORECASE)
        if hits.search(plain):
            break
    return hits


ROUTES = [Route("/comments/search", search, methods=["GET"])]
