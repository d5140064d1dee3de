"""The moderation queue: look, decide, undo."""

import logging
import re
from datetime import UTC, datetime
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from comments_service import moderation, submission
from comments_service.actors import Actor
from comments_service.errors import BadRequest, NotFound
from comments_service.store import events, tallies
from comments_service.store import queue as listings
from comments_service.store.database import Database
from comments_service.store.editors import Session
from comments_service.store.events import Event, Told
from comments_service.store.queue import Cursor, Filter, Queued
from comments_service.tables import Status
from comments_service.web.context import context_of
from comments_service.web.entrance import QUEUE, editor_only
from comments_service.web.pages import page
from comments_service.web.permalinks import locate

logger = logging.getLogger("rejoinder.service")

PAGE_SIZE = 50


class _Listing(NamedTuple):
    replies: list[Queued]
    counts: dict[str, int]
    next_cursor: str | None
    done: Event | None


@editor_only
async def queue(request: Request, session: Session) -> Response:
    """List the replies of one state, oldest first."""
    name = request.query_params.get("status", Status.PENDING)
    if name not in set(Status):
        raise NotFound(f"There is no state called “{name}”.")
    status = Status(name)
    after = _cursor(request.query_params.get("after"))
    done = _number(request.query_params.get("done"))
    context = context_of(request)
    listing = await run_in_threadpool(_list, context.db, status, after, done)
    return page(
        request,
        "queue.html",
        session=session,
        state=status,
        listing=listing,
        states=list(Status),
        after=after is not None,
    )


def _list(db: Database, status: Status, after: Cursor | None, done: int | None) -> _Listing:
    with db.read() as connection:
        site = submission.the_site(connection)
        found = listings.listed(
            connection, site.id, Filter(status), after=after, limit=PAGE_SIZE + 1
        )
        shown = found[:PAGE_SIZE]
        more = len(found) > PAGE_SIZE
        return _Listing(
            replies=shown,
            counts=tallies.of_site(connection, site.id),
            next_cursor=f"{shown[-1].submitted_at.timestamp():.6f}-{shown[-1].id}"
            if more
            else None,
            done=events.find(connection, site.id, done) if done is not None else None,
        )


@editor_only
async def decide(request: Request, session: Session) -> Response:
    """Approve, mark as spam, trash or send back one reply."""
    context = context_of(request)
    form: dict[str, str] = request.state.form
    done = await run_in_threadpool(
        lambda: moderation.decide(
            context.db,
            request.path_params["id"],
            form.get("action", ""),
            by=_actor(session),
            expected=form.get("was", ""),
            now=context.now(),
        )
    )
    return _back(form, done)


@editor_only
async def see(request: Request, _session: Session) -> Response:
    """Lead to the reply's place on the site."""
    public_id = request.path_params["id"]
    _, place = await run_in_threadpool(locate, context_of(request), public_id)
    return RedirectResponse(place, 303)


@editor_only
async def undo(request: Request, session: Session) -> Response:
    """Take one decision back."""
    context = context_of(request)
    form: dict[str, str] = request.state.form
    number = _number(form.get("event"))
    if number is None:
        raise BadRequest("The form does not say what to undo.")
    done = await run_in_threadpool(
        lambda: moderation.undo(context.db, number, by=_actor(session), now=context.now())
    )
    return _back(form, done)


@editor_only
async def history(request: Request, session: Session) -> Response:
    """List what was decided, newest first, each with its undo."""
    before = _number(request.query_params.get("before"))
    told = await run_in_threadpool(_history, context_of(request).db, before)
    return page(
        request,
        "history.html",
        session=session,
        told=told[:PAGE_SIZE],
        next_before=told[PAGE_SIZE - 1].event.seq if len(told) > PAGE_SIZE else None,
    )


def _history(db: Database, before: int | None) -> list[Told]:
    with db.read() as connection:
        site = submission.the_site(connection)
        return events.history(connection, site.id, before=before, limit=PAGE_SIZE + 1)


def _actor(session: Session) -> Actor:
    return Actor(session.editor.name, session.editor.id)


def _back(form: dict[str, str], done: Event) -> Response:
    """Lead back to the list that the editor was looking at, with what was done and its undo."""
    name = form.get("list", "")
    if name == "history":
        return RedirectResponse(f"/moderate/history#event-{done.seq}", 303)
    view = f"status={name}&" if name in set(Status) else ""
    return RedirectResponse(f"{QUEUE}?{view}done={done.seq}", 303)


def _number(value: str | None) -> int | None:
    return int(value) if value is not None and re.fullmatch(r"[0-9]{1,15}", value) else None


def _cursor(value: str | None) -> Cursor | None:
    if value is None:
        return None
    match = re.fullmatch(r"([0-9]{1,11}\.[0-9]{6})-([0-9]{1,15})", value)
    if match is None:
        raise NotFound("There is no such page of the queue.")
    return Cursor(datetime.fromtimestamp(float(match[1]), UTC), int(match[2]))


ROUTES = [
    Route("/moderate", lambda request: RedirectResponse(QUEUE, 301), methods=["GET"]),
    Route(QUEUE, queue, methods=["GET"]),
    Route("/moderate/history", history, methods=["GET"]),
    Route("/moderate/replies/{id}", see, methods=["GET"]),
    Route("/moderate/replies/{id}", decide, methods=["POST"]),
    Route("/moderate/undo", undo, methods=["POST"]),
]
