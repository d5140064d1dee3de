"""The moderation queue: sign in, decide, undo.

Every door but the sign-in is behind `editor_only`; a test says so.
"""

import logging
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from comments_service import auth, moderation, submission
from comments_service.actors import Actor
from comments_service.errors import BadRequest, Invalid, NotFound
from comments_service.store import events, tallies
from comments_service.store import queue as listings
from comments_service.store.database import Database
from comments_service.store.editors import Session
from comments_service.store.events import Event, Told
from comments_service.store.queue import Cursor, Filter, Queued
from comments_service.tables import Status
from comments_service.web import security
from comments_service.web.context import Context, context_of
from comments_service.web.forms import read_form
from comments_service.web.pages import page
from comments_service.web.permalinks import locate

logger = logging.getLogger("rejoinder.service")

QUEUE = "/moderate/"
SIGN_IN = "/moderate/sign-in"
SESSION = "rejoinder_session"
PAGE_SIZE = 50
_FORM_LIMIT = 65_536

Handler = Callable[[Request], Awaitable[Response]]
EditorHandler = Callable[[Request, Session], Awaitable[Response]]


def editor_only(handler: EditorHandler) -> Handler:
    """Let only a signed-in editor through; check the form's token on every POST."""

    @wraps(handler)
    async def guarded(request: Request) -> Response:
        found = await run_in_threadpool(_session, request)
        if found is None:
            return RedirectResponse(SIGN_IN, 303, headers={"Cache-Control": "no-store"})
        if request.method == "POST":
            security.check_origin(request, context_of(request).settings)
            request.state.form = await read_form(request, _FORM_LIMIT)
            security.check_token(request.state.form, found.csrf)
        return await handler(request, found)

    guarded.editor_only = True  # type: ignore[attr-defined]
    return guarded


def _session(request: Request) -> Session | None:
    context = context_of(request)
    token = request.cookies.get(security.cookie_name(context.settings, SESSION))
    if token is None:
        return None
    return auth.find_session(
        context.db,
        token,
        now=context.now(),
        idle=timedelta(hours=context.settings.session_idle_hours),
        absolute=timedelta(days=context.settings.session_days),
    )


# --- signing in -------------------------------------------------------------------------------


async def sign_in_form(request: Request) -> Response:
    """Show the sign-in form, or the queue to whoever is signed in already."""
    if await run_in_threadpool(_session, request) is not None:
        return RedirectResponse(QUEUE, 303)
    return _before_sign_in(request, "sign_in.html", email="", problem="")


async def sign_in(request: Request) -> Response:
    """Open a session under a new id."""
    context = context_of(request)
    form = await _form_before_sign_in(request)
    email = form.get("email", "")
    opened = await run_in_threadpool(
        lambda: auth.sign_in(
            context.db, email=email, password=form.get("password", ""), now=context.now()
        )
    )
    if opened is None:
        logger.warning("event=sign-in result=refused")
        return _before_sign_in(
            request,
            "sign_in.html",
            422,
            email=email,
            problem="Email address and password do not belong together. Check both",
        )
    return _enter(context, opened)


async def link_form(request: Request) -> Response:
    """Show what a one-time link does; only its button does it (mail scanners open links)."""
    context = context_of(request)
    token = request.path_params["token"]
    editor = await run_in_threadpool(
        lambda: auth.look_at_link(context.db, token, now=context.now())
    )
    return _before_sign_in(
        request, "welcome.html", editor=editor, link=token, email="", name="", problems={}
    )


async def use_link(request: Request) -> Response:
    """Sign in by a one-time link, making the first editor if that is what it is for."""
    context = context_of(request)
    token = request.path_params["token"]
    form = await _form_before_sign_in(request)
    email, name = form.get("email", ""), form.get("name", "")

    def act() -> auth.SignedIn:
        now = context.now()
        if auth.look_at_link(context.db, token, now=now) is not None:
            return auth.use_link(context.db, token, now=now)
        return auth.create_first_editor(
            context.db, token, email=email, name=name, password=form.get("password", ""), now=now
        )

    try:
        opened = await run_in_threadpool(act)
    except Invalid as error:
        return _before_sign_in(
            request,
            "welcome.html",
            error.status,
            editor=None,
            link=token,
            email=email,
            name=name,
            problems=error.fields,
        )
    return _enter(context, opened)


async def _form_before_sign_in(request: Request) -> dict[str, str]:
    context = context_of(request)
    security.check_origin(request, context.settings)
    form = await read_form(request, _FORM_LIMIT)
    security.check_token(form, security.visit_token(request, context)[1])
    return form


def _before_sign_in(
    request: Request, template: str, status: int = 200, **values: object
) -> Response:
    context = context_of(request)
    visit, token = security.visit_token(request, context)
    response = page(request, template, status, token=token, **values)
    security.set_cookie(response, context.settings, security.PRE_SESSION, visit)
    return response


def _enter(context: Context, opened: auth.SignedIn) -> Response:
    # By number: an editor's address is as private as a reader's.
    logger.warning("event=sign-in result=ok editor=%d", opened.editor.id)
    response = RedirectResponse(QUEUE, 303, headers={"Cache-Control": "no-store"})
    security.set_cookie(response, context.settings, SESSION, opened.token)
    return response


@editor_only
async def sign_out(request: Request, session: Session) -> Response:
    """End the session on the server and in the browser."""
    context = context_of(request)
    token = request.cookies[security.cookie_name(context.settings, SESSION)]
    await run_in_threadpool(auth.sign_out, context.db, token)
    response = RedirectResponse(SIGN_IN, 303)
    security.clear_cookie(response, context.settings, SESSION)
    return response


# --- the queue --------------------------------------------------------------------------------


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
    Route("/moderate/sign-out", sign_out, methods=["POST"]),
    Route(SIGN_IN, sign_in_form, methods=["GET"]),
    Route(SIGN_IN, sign_in, methods=["POST"]),
    Route("/moderate/link/{token}", link_form, methods=["GET"]),
    Route("/moderate/link/{token}", use_link, methods=["POST"]),
]
