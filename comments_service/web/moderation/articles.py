"""The articles: whether each takes new replies, who said so, and what stands in its discussion."""

import re
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from comments_service.domain.actor import Actor
from comments_service.domain.errors import NotFound
from comments_service.domain.models import Status
from comments_service.services import moderation
from comments_service.services.pages import the_site
from comments_service.store import articles as listings
from comments_service.store import counters, events, followers
from comments_service.store.articles import Article, Place
from comments_service.store.database import Database
from comments_service.store.editors import Session
from comments_service.store.events import Event
from comments_service.web.moderation.permissions import editor_only
from comments_service.web.support.context import context_of
from comments_service.web.support.pages import page

ARTICLES = "/moderate/articles"
PAGE_SIZE = 50
# Characters of the words to look for.
LONGEST = 200
# What the buttons mean for `moderation.set_open`.
_ACTIONS = {"close": False, "open": True, "article": None}


class _Shown(NamedTuple):
    """An article with its counts by state, and the entry that says who opened or closed it."""

    article: Article
    counts: dict[str, int]
    decided: Event | None
    # How many addresses get mail about new replies.
    followers: int


class _Listing(NamedTuple):
    articles: list[_Shown]
    next_cursor: str | None
    done: Event | None


@editor_only
async def articles(request: Request, session: Session) -> Response:
    """List the articles, the latest first, or those whose title or key has the words."""
    typed = request.query_params.get("q", "").replace("\0", "")
    words = typed[:LONGEST]
    cursor = request.query_params.get("after", "")
    after = _place(cursor)
    done = request.query_params.get("done", "")
    number = int(done) if re.fullmatch(r"[0-9]{1,15}", done) else None
    context = context_of(request)
    listing = await run_in_threadpool(_list, context.db, words, after, number)
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
        more="?" + urlencode({**more, "after": listing.next_cursor})
        if listing.next_cursor
        else None,
    )


def _list(db: Database, words: str, after: Place | None, done: int | None) -> _Listing:
    with db.read() as connection:
        site = the_site(connection)
        found = listings.listed(connection, site.id, words, after=after, limit=PAGE_SIZE + 1)
        shown = found[:PAGE_SIZE]
        counts = counters.of_pages(connection, [one.id for one in shown])
        following = followers.counts(connection, [one.id for one in shown])
        entry = events.find(connection, site.id, done) if done is not None else None
        return _Listing(
            [
                _Shown(
                    one,
                    counts[one.id],
                    None if one.opened is None else events.last_of_page(connection, one.key),
                    following[one.id],
                )
                for one in shown
            ],
            _cursor(listings.place(shown[-1])) if len(found) > PAGE_SIZE else None,
            entry if entry and entry.page and "opened" in (entry.after or {}) else None,
        )


@editor_only
async def decide(request: Request, session: Session) -> Response:
    """Close an article for replies, open it, or leave that to the article."""
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
    # Whole microseconds: a float loses the last digits of times long ago.
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
