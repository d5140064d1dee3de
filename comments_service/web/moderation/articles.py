"""The page that lists articles: reply counts, and whether each accepts new replies."""

import re
from datetime import UTC, datetime
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from comments_service.domain.actor import Actor
from comments_service.domain.errors import NotFound
from comments_service.domain.models import Status
from comments_service.services import articles as article_service
from comments_service.services import moderation
from comments_service.store.articles import Place
from comments_service.store.editors import Session
from comments_service.web.moderation.permissions import editor_only
from comments_service.web.support.context import context_of
from comments_service.web.support.pages import page

ARTICLES = "/moderate/articles"
PAGE_SIZE = 50
# Maximum length of the search text, in characters.
LONGEST = 200
# Form actions, as the `opened` argument of `moderation.set_open`.
_ACTIONS = {"close": False, "open": True, "article": None}


@editor_only
async def articles(request: Request, session: Session) -> Response:
    """List the articles, newest first. `q` filters by words in the title or key."""
    typed = request.query_params.get("q", "").replace("\0", "")
    words = typed[:LONGEST]
    cursor = request.query_params.get("after", "")
    after = _place(cursor)
    done = request.query_params.get("done", "")
    number = int(done) if re.fullmatch(r"[0-9]{1,15}", done) else None
    context = context_of(request)
    listing = await run_in_threadpool(
        lambda: article_service.listing(
            context.db, words, after=after, limit=PAGE_SIZE, done=number
        )
    )
    more = {"q": words} if words else {}
    return page(
        request,
        "articles.html",
        session=session,
        listing=listing,
        words=words,
        cut=LONGEST if len(typed) > LONGEST else 0,
        after=cursor,
        states=list(Status),
        more="?" + urlencode({**more, "after": _cursor(listing.next)}) if listing.next else None,
    )


@editor_only
async def decide(request: Request, session: Session) -> Response:
    """Close or open an article for replies, or let its own metadata decide."""
    form: dict[str, str] = request.state.form
    action = form.get("action", "")
    if action not in _ACTIONS:
        raise NotFound(f"There is no action called “{action}”.")
    context = context_of(request)
    done = await run_in_threadpool(
        lambda: moderation.set_open(
            context.db,
            form.get("key", ""),
            opened=_ACTIONS[action],
            by=Actor(session.editor.name, session.editor.id),
            now=context.now(),
        )
    )
    back = {name: form[name] for name in ("q", "after") if form.get(name)}
    return RedirectResponse(f"{ARTICLES}?{urlencode({**back, 'done': done.seq})}", 303)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _cursor(place: Place) -> str:
    # Integer microseconds: a float is not precise enough for distant dates.
    since = place.published - _EPOCH
    micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return f"{micros}_{place.id}"


def _place(cursor: str) -> Place | None:
    if not cursor:
        return None
    match = re.fullmatch(r"(-?[0-9]{1,18})_([0-9]{1,15})", cursor)
    try:
        if match is not None:
            at = datetime.fromtimestamp(0, UTC)
            return Place(at + (datetime.resolution * int(match[1])), int(match[2]))
    except OverflowError:
        pass
    raise NotFound("There is no such page of the articles.")


ROUTES = [
    Route(ARTICLES, articles, methods=["GET"]),
    Route(ARTICLES, decide, methods=["POST"]),
]
