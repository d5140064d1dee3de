"""The moderation queue: look, decide, edit, answer, undo.

Every action answers twice: with a redirection for a browser without scripts, and with the reply's
card alone when htmx asks (`HX-Request`). Both show the same templates.
"""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from comments_service.domain import publish_state
from comments_service.domain.comment_form import LIMITS, Refused
from comments_service.domain.errors import BadRequest, Conflict, NotFound, ServiceError
from comments_service.domain.models import Status
from comments_service.services import bulk_actions, moderation, reply_versions
from comments_service.services.pages import the_site
from comments_service.services.reply_versions import Stale
from comments_service.store import counters, events, outbox, publishing
from comments_service.store import queue as listings
from comments_service.store.comments import ERASED
from comments_service.store.database import Database
from comments_service.store.editors import Session
from comments_service.store.events import Event
from comments_service.store.queue import Cursor, Filter, Queued
from comments_service.web.moderation.login import admin_only, editor_only
from comments_service.web.moderation.permissions import actor_of
from comments_service.web.moderation.queue_query import (
    ANY,
    HISTORY,
    NAMES,
    QUEUE,
    View,
    cursor,
    cursor_of,
    in_words,
    query_of,
    read,
    sent_with,
    way_back,
)
from comments_service.web.public import build_report
from comments_service.web.support.context import Context, context_of
from comments_service.web.support.forms import number_of
from comments_service.web.support.pages import page
from comments_service.web.support.publisher_heartbeat import PublisherHeartbeat

PAGE_SIZE = 50
# Counting goes no further: the page says "more than" then.
MOST_COUNTED = 1_000


class Done(NamedTuple):
    """What was just done, and what follows: an open change request, replies under a new ban."""

    event: Event
    reply: Queued | None
    caught: int


class _Listing(NamedTuple):
    replies: list[Queued]
    counts: dict[str, int]
    matching: int
    next_cursor: str | None
    done: Done | None
    batch: bulk_actions.State | None
    email: str
    alarms: list[str]
    # What is wrong with the last build of the site, or "".
    build: str
    wishes: int


@editor_only
async def queue(request: Request, session: Session) -> Response:
    """List the replies that match the address's filter."""
    query = request.query_params
    done, batch = number_of(query.get("done")), number_of(query.get("batch"))
    return await show_list(
        request, session, _view(request), after=query.get("after"), done=done, batch=batch
    )


async def show_list(
    request: Request,
    session: Session,
    view: View,
    *,
    after: str | None = None,
    done: int | None = None,
    batch: int | None = None,
    problem: str = "",
    status: int = 200,
) -> Response:
    """Render one page of a list; `problem` says why a bulk action was not begun."""
    try:
        begins = cursor(after or None)
    except ValueError:
        raise NotFound("There is no such page of the queue.") from None
    context = context_of(request)
    listing = await run_in_threadpool(_list, context, view, begins, done, batch)
    return page(
        request,
        "queue.html",
        status,
        session=session,
        view=view,
        listing=listing,
        names=NAMES,
        words=in_words(view),
        most=MOST_COUNTED,
        after=after or "",
        problem=problem,
    )


def _view(request: Request) -> View:
    view = read(request.query_params)
    if view is None:
        raise NotFound(f"There is no state called “{request.query_params['status']}”.")
    return view


def _list(
    context: Context,
    view: View,
    after: Cursor | None,
    done: int | None,
    batch: int | None,
) -> _Listing:
    db, now = context.db, context.now()
    with db.read() as connection:
        site = the_site(connection)
        found = listings.listed(connection, site.id, view.what, after=after, limit=PAGE_SIZE + 1)
        shown = found[:PAGE_SIZE]
        last = shown[-1] if len(found) > PAGE_SIZE else None
        counts = counters.of_site(connection, site.id)
        return _Listing(
            replies=shown,
            counts=counts | {ANY: sum(counts.values())},
            matching=listings.count(connection, site.id, view.what, most=MOST_COUNTED + 1),
            next_cursor=cursor_of(last.submitted_at, last.id) if last else None,
            done=look_at_done(connection, site.id, done),
            batch=_batch(db, batch),
            email=listings.sought_text(connection, view.what.who) or ""
            if view.what.who is not None
            else "",
            alarms=_alarms(connection, site.id, context.heartbeat, now),
            build=build_report.beginning(build_report.read(context.settings.site_report)),
            wishes=listings.wishes(connection, most=MOST_COUNTED),
        )


def look_at_done(connection: Connection, site_id: int, number: int | None) -> Done | None:
    """Return the entry of that number with what an editor has to know about it."""
    event = events.find(connection, site_id, number) if number is not None else None
    if event is None:
        return None
    reply = listings.find(connection, site_id, event.comment) if event.comment else None
    caught = 0
    if event.after and event.after.get("lifted") is False:
        under = Filter(status=Status.PENDING, ban=event.after["ban"])
        caught = listings.count(connection, site_id, under, most=MOST_COUNTED)
    return Done(event, reply, caught)


def _alarms(
    connection: Connection, site_id: int, presence: PublisherHeartbeat, now: datetime
) -> list[str]:
    """What keeps approved replies from readers, or mail from editors: one sentence each."""
    state = publishing.publisher_state(
        connection, site_id, seen_at=presence.seen_at, trouble=presence.trouble
    )
    told = (publish_state.alarm(state, now), outbox.trouble(connection, now=now))
    return [one for one in told if one]


def _batch(db: Database, batch_id: int | None) -> bulk_actions.State | None:
    if batch_id is None:
        return None
    try:
        return bulk_actions.state(db, batch_id)
    except NotFound:
        return None


def find(db: Database, public_id: str) -> Queued:
    """Return one reply as the queue shows it; raises `NotFound`."""
    with db.read() as connection:
        site = the_site(connection)
        found = listings.find(connection, site.id, public_id)
    if found is None or found.status == ERASED:
        raise NotFound("That reply does not exist any more.")
    return found


# --- what can be done with one reply -----------------------------------------------------------


@editor_only
async def decide(request: Request, session: Session) -> Response:
    """Move one reply to another state, pin it, lock it, or say something to its author."""
    context = context_of(request)
    form: dict[str, str] = request.state.form
    public_id, action = request.path_params["id"], form.get("action", "")
    by, now = actor_of(session), context.now()

    def act() -> Event:
        if action in _MARKS:
            what, on = _MARKS[action]
            return moderation.mark(context.db, public_id, what, on=on, by=by, now=now)
        told = form.get("told", "")
        if action == "settle":
            asked = form.get("asked")
            return moderation.settle(context.db, public_id, asked=asked, by=by, now=now)
        if action == "tell":
            return moderation.tell(context.db, public_id, told, by=by, now=now)
        return moderation.decide(
            context.db,
            public_id,
            action,
            by=by,
            expected=form.get("was", ""),
            version=form.get("version"),
            now=now,
            told=told,
        )

    return await acted(request, session, public_id, act)


_MARKS = {
    "pin": ("pinned", True),
    "unpin": ("pinned", False),
    "lock": ("locked", True),
    "unlock": ("locked", False),
}
# These leave the reply where it is: its card stays.
_STAYS = frozenset({"edit", "pin", "unpin", "lock", "unlock", "undo", "settle", "tell"})


@editor_only
async def search(request: Request, _session: Session) -> Response:
    """Lead to what was searched for; an address travels in the form, never in an address."""
    context = context_of(request)
    form: dict[str, str] = request.state.form
    view = read(form)
    if view is None:
        raise BadRequest("The form does not say which state to look in.")
    email = form.get("email", "").strip()
    if len(email) > LIMITS["email"]:
        raise BadRequest(f"An email address has {LIMITS['email']} characters at most.")

    def number() -> str:
        with context.db.write() as connection:
            return str(listings.seek(connection, email))

    who = await run_in_threadpool(number) if email else ""
    return RedirectResponse(f"{QUEUE}?" + view.address(who=who), 303)


@editor_only
async def edit_form(request: Request, session: Session) -> Response:
    """Show the form with a reply's text."""
    return await _form(request, session, "edit.html")


@editor_only
async def edit(request: Request, session: Session) -> Response:
    """Give a reply another text."""
    context = context_of(request)
    form: dict[str, str] = request.state.form
    public_id, text = request.path_params["id"], form.get("comment", "")

    def act() -> Event:
        return moderation.edit(
            context.db,
            public_id,
            text,
            by=actor_of(session),
            version=form.get("version", ""),
            now=context.now(),
        )

    return await _written(request, session, "edit.html", text, act)


@editor_only
async def answer_form(request: Request, session: Session) -> Response:
    """Show the form of an editor's answer.

    It approves the version of the card that it was opened from, or of the page that it stands on.
    """
    shown = request.query_params.get("version")
    changed = await run_in_threadpool(
        _changed_since, context_of(request).db, request.path_params["id"], shown
    )
    if changed is not None and wants_fragment(request):
        answer = await card(request, session, request.path_params["id"], None, problem=changed)
        # In the place of the card, not in its panel.
        answer.headers["HX-Retarget"] = f"#card-{request.path_params['id']}"
        answer.headers["HX-Reswap"] = "outerHTML"
        return answer
    return await _form(request, session, "answer.html", changed)


def _changed_since(db: Database, public_id: str, shown: str | None) -> Stale | None:
    """Return what to say when the reply has another version than the one that a page showed."""
    reply = find(db, public_id)
    if shown is None or reply_versions.is_current(reply, shown):
        return None
    with db.read() as connection:
        return reply_versions.stale(connection, reply, shown)


@editor_only
async def answer(request: Request, session: Session) -> Response:
    """Publish an answer, and the reply that it answers."""
    context = context_of(request)
    form: dict[str, str] = request.state.form
    public_id, text = request.path_params["id"], form.get("comment", "")

    def act() -> Event:
        return moderation.answer(
            context.db,
            public_id,
            text,
            by=actor_of(session),
            email=session.editor.email,
            expected=form.get("was", ""),
            version=form.get("version"),
            now=context.now(),
        )

    return await _written(request, session, "answer.html", text, act)


@admin_only
async def erase_form(request: Request, session: Session) -> Response:
    """Ask before a reply is erased: nobody can undo it."""
    reply = await run_in_threadpool(find, context_of(request).db, request.path_params["id"])
    return page(
        request,
        "erase.html",
        session=session,
        reply=reply,
        list=request.query_params.get("list", ""),
        back=way_back(request.query_params, reply.public_id),
    )


@admin_only
async def erase(request: Request, session: Session) -> Response:
    """Erase a reply for good."""
    context = context_of(request)
    done = await run_in_threadpool(
        lambda: moderation.erase(
            context.db, request.path_params["id"], by=actor_of(session), now=context.now()
        )
    )
    return back(request.state.form, done)


@editor_only
async def discussion(request: Request, session: Session) -> Response:
    """Close a discussion for new replies, open it, or leave that to the article."""
    context = context_of(request)
    form: dict[str, str] = request.state.form
    chosen = {"close": False, "open": True, "article": None}
    if form.get("action") not in chosen:
        raise BadRequest("The form does not say what to do with the discussion.")
    done = await run_in_threadpool(
        lambda: moderation.set_open(
            context.db,
            request.path_params["key"],
            opened=chosen[form["action"]],
            by=actor_of(session),
            now=context.now(),
        )
    )
    return back(form, done, form.get("reply", ""))


# --- answers ------------------------------------------------------------------------------------


async def _form(
    request: Request, session: Session, template: str, problem: ServiceError | None = None
) -> Response:
    context = context_of(request)
    reply = await run_in_threadpool(find, context.db, request.path_params["id"])
    text = reply.text if template == "edit.html" else ""
    return _writing(
        request, session, template, reply, text, problem=problem.detail if problem else ""
    )


def _writing(
    request: Request,
    session: Session,
    template: str,
    reply: Queued,
    text: str,
    *,
    problem: str = "",
    status: int = 200,
    theirs: bool = False,
) -> Response:
    given = sent_with(request)
    return page(
        request,
        ("fragments/" if wants_fragment(request) else "") + template,
        status,
        session=session,
        reply=reply,
        text=text,
        problem=problem,
        theirs=theirs,
        list=given.get("list", ""),
        back=way_back(given, reply.public_id),
    )


async def _written(
    request: Request, session: Session, template: str, text: str, act: Callable[[], Event]
) -> Response:
    """Store what an editor wrote; whatever is in the way, the text is shown again."""
    context = context_of(request)
    try:
        done = await run_in_threadpool(act)
    except (Refused, Conflict) as error:
        reply = await run_in_threadpool(find, context.db, request.path_params["id"])
        theirs = template == "edit.html" and isinstance(error, Conflict)
        if wants_fragment(request):
            # The whole card as it is now: its author, buttons and hidden fields stay right.
            writing = Writing(template.removesuffix(".html"), text, error.detail, theirs)
            return await card(
                request, session, reply.public_id, None, problem=error, writing=writing
            )
        return _writing(
            request,
            session,
            template,
            reply,
            text,
            problem=error.detail,
            status=error.status,
            theirs=theirs,
        )
    if wants_fragment(request):
        return await card(request, session, request.path_params["id"], done)
    return back(request.state.form, done, request.path_params["id"])


async def acted(
    request: Request, session: Session, public_id: str, act: Callable[[], Event]
) -> Response:
    """Do something to that reply; answer a script with its card, a browser with the way back."""
    fragment = wants_fragment(request)
    try:
        done = await run_in_threadpool(act)
    except ServiceError as error:
        if not fragment and not (public_id and isinstance(error, Conflict)):
            raise
        return await card(request, session, public_id, None, problem=error)
    if fragment:
        return await card(request, session, done.comment or public_id, done)
    return back(request.state.form, done, public_id or done.comment or "")


class Writing(NamedTuple):
    """A form that stays open in a card: "edit" or "answer", its text, and what is wrong with it."""

    form: str
    text: str
    problem: str
    theirs: bool


async def card(
    request: Request,
    session: Session,
    public_id: str,
    done: Event | None,
    *,
    problem: ServiceError | None = None,
    writing: Writing | None = None,
) -> Response:
    """Show the card as it is now, or the line that replaces it.

    Without scripts the answer is a whole page; only a refused decision leads here then.
    """
    db = context_of(request).db

    def look() -> tuple[Queued, dict[str, int]]:
        with db.read() as connection:
            counts = counters.of_site(connection, the_site(connection).id)
        return find(db, public_id), counts | {ANY: sum(counts.values())}

    reply, counts = await run_in_threadpool(look)
    gone = done is not None and done.action not in _STAYS
    template = "fragments/done.html" if gone else "fragments/card.html"
    return page(
        request,
        template if wants_fragment(request) else "conflict.html",
        problem.status if problem else 200,
        title=problem.title if problem else "",
        back=way_back(sent_with(request), public_id),
        session=session,
        reply=reply,
        counts=counts,
        names=NAMES,
        done_event=done,
        problem=problem.detail if problem else "",
        writing=writing,
        # What could not be stored is shown again.
        told=sent_with(request).get("told", "") if problem else "",
        list=sent_with(request).get("list", ""),
        state=(read(query_of(sent_with(request).get("list", ""))) or read({})),
    )


def wants_fragment(request: Request) -> bool:
    """Whether a script asks, which puts the answer into the page that is open."""
    return request.headers.get("hx-request") == "true"


def back(form: dict[str, str], done: Event, public_id: str = "") -> Response:
    """Lead back to where the form was sent from, with what was done and its undo."""
    if form.get("list") == HISTORY:
        return RedirectResponse(f"/moderate/history#event-{done.seq}", 303)
    return RedirectResponse(way_back(form, public_id, done=done.seq), 303)


ROUTES = [
    Route("/moderate", lambda request: RedirectResponse(QUEUE, 301), methods=["GET"]),
    Route(QUEUE, queue, methods=["GET"]),
    Route("/moderate/search", search, methods=["POST"]),
    Route("/moderate/replies/{id}", decide, methods=["POST"]),
    Route("/moderate/replies/{id}/edit", edit_form, methods=["GET"]),
    Route("/moderate/replies/{id}/edit", edit, methods=["POST"]),
    Route("/moderate/replies/{id}/answer", answer_form, methods=["GET"]),
    Route("/moderate/replies/{id}/answer", answer, methods=["POST"]),
    Route("/moderate/erase/{id}", erase_form, methods=["GET"]),
    Route("/moderate/erase/{id}", erase, methods=["POST"]),
    Route("/moderate/discussions/{key}", discussion, methods=["POST"]),
]
