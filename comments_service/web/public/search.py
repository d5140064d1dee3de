"""The search page for readers without JavaScript: articles and public replies."""

from collections.abc import Sequence

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from comments_service.domain.errors import TooMany
from comments_service.services import search as search_service
from comments_service.services.search import FoundArticle, FoundReply
from comments_service.web.support.client_network import network_of
from comments_service.web.support.context import context_of
from comments_service.web.support.pages import page

MOST = 50
LONGEST = 200
# Searches per network and minute.
A_MINUTE = 60


async def search(request: Request) -> Response:
    """Show the articles and public replies that contain the words."""
    context = context_of(request)
    # PostgreSQL rejects NUL in text.
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
    articles, replies = await run_in_threadpool(
        lambda: search_service.search(
            context.db, asked, site_url=context.settings.site_url, limit=MOST
        )
    )
    return _shown(request, asked, articles=articles, replies=replies, cut=cut)


def _shown(
    request: Request,
    asked: str,
    *,
    status: int = 200,
    articles: Sequence[FoundArticle] = (),
    replies: Sequence[FoundReply] = (),
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


ROUTES = [Route("/comments/search", search, methods=["GET"])]
