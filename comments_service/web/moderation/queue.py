"""The moderation queue: list, decide, edit, answer, erase.

Every action has two responses: a redirect for browsers without scripts, and only the reply's card
for htmx (`HX-Request`). Both use the same templates.
"""

from collections.abc import Callable
from typing import NamedTuple

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from comments_service.domain.comment_form import LIMITS, Refused
from comments_service.domain.errors import BadRequest, Conflict, NotFound, ServiceError
from comments_service.services import moderation, queue_listing
from comments_service.services.queue_listing import Publisher, find
from comments_service.store.editors import Session
from comments_service.store.events import Event
from comments_service.store.queue import Queued
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
from comments_service.web.support import build_report
from comments_service.web.support.context import context_of
from comments_service.web.support.forms import number_of
from comments_service.web.support.pages import page

PAGE_SIZE = 50


@editor_only
async def queue(request: Request, session: Session) -> Response:
    """List the replies that match the filter in the query string."""
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
    """Render one page of a list. `problem` is why a bulk action could not start."""
    try:
        start = cursor(after or None)
    except ValueError:
        raise NotFound("There is no such page of the queue.") from None
    context = context_of(request)
    heartbeat = context.heartbeat
    listing = await run_in_threadpool(
        lambda: queue_listing.listing(
            context.db,
            view.what,
            after=start,
            limit=PAGE_SIZE,
            done=done,
            batch=batch,
            publisher=Publisher(heartbeat.seen_at, heartbeat.trouble),
            now=context.now(),
        )
    )
    last = listing.last
    report = await run_in_threadpool(build_report.read, context.settings.site_report)
    return page(
        request,
        "queue.html",
        status,
        session=session,
        view=view,
        listing=listing,
        counts=_with_any(listing.counts),
        build=build_report.beginning(report),
        next_cursor=cursor_of(last.submitted_at, last.id) if last else None,
        names=NAMES,
        words=in_words(view),
        most=queue_listing.MOST_COUNTED,
        after=after or "",
        problem=problem,
    )


def _with_any(counts: dict[str, int]) -> dict[str, int]:
    return counts | {ANY: sum(counts.values())}


def _view(request: Request) -> View:
    view = read(request.query_params)
    if view is None:
        raise NotFound(f"There is no state called “{request.query_params['status']}”.")
    return view


# --- actions on one reply ----------------------------------------------------------------------


@editor_only
async def decide(request: Request, session: Session) -> Response:
    """Change a reply's status, pin or lock it, settle its request, or send its author a reason."""
    context = context_of(request)
    form: dict[str, str] = request.state.form
    public_id, action = request.path_params["id"], form.get("action", "")
    by, now = actor_of(session), context.now()

    def act() -> Event:
        if action in _MARKS:
            what, on = _MARKS[action]
            return moderation.mark(context.db, public_id, what, on=on, by=by, now=now)
        decline_reason = form.get("decline_reason", "")
        if action == "settle":
            asked = form.get("asked")
            return moderation.settle(context.db, public_id, asked=asked, by=by, now=now)
        if action == "tell":
            return moderation.tell(context.db, public_id, decline_reason, by=by, now=now)
        return moderation.decide(
            context.db,
            public_id,
            action,
            by=by,
            expected=form.get("was", ""),
            version=form.get("version"),
            now=now,
            decline_reason=decline_reason,
        )

    return await acted(request, session, public_id, act)


_MARKS = {
    "pin": ("pinned", True),
    "unpin": ("pinned", False),
    "lock": ("locked", True),
    "unlock": ("locked", False),
}
# Actions that do not remove the reply from the list, so its card stays.
_STAYS = frozenset({"edit", "pin", "unpin", "lock", "unlock", "undo", "settle", "tell"})


@editor_only
async def search(request: Request, _session: Session) -> Response:
    """Redirect to the search results. An email address is posted, so it never appears in a URL."""
    context = context_of(request)
    form: dict[str, str] = request.state.form
    view = read(form)
    if view is None:
        raise BadRequest("The form does not say which state to look in.")
    email = form.get("email", "").strip()
    if len(email) > LIMITS["email"]:
        raise BadRequest(f"An email address has {LIMITS['email']} characters at most.")

    who = ""
    if email:
        who = str(await run_in_threadpool(queue_listing.remember_email, context.db, email))
    return RedirectResponse(f"{QUEUE}?" + view.address(who=who), 303)


@editor_only
async def edit_form(request: Request, session: Session) -> Response:
    """Show the form to edit a reply's text."""
    return await _form(request, session, "edit.html")


@editor_only
async def edit(request: Request, session: Session) -> Response:
    """Replace a reply's text."""
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
    """Show the form for an editor's answer.

    Sending it also approves the reply, in the version that the editor saw when opening the form.
    """
    shown = request.query_params.get("version")
    changed = await run_in_threadpool(
        queue_listing.changed_since, context_of(request).db, request.path_params["id"], shown
    )
    if changed is not None and wants_fragment(request):
        answer = await card(request, session, request.path_params["id"], None, problem=changed)
        # Replace the card, not the panel in it that htmx targets.
        answer.headers["HX-Retarget"] = f"#card-{request.path_params['id']}"
        answer.headers["HX-Reswap"] = "outerHTML"
        return answer
    return await _form(request, session, "answer.html", changed)


@editor_only
async def answer(request: Request, session: Session) -> Response:
    """Publish an answer and approve the reply that it answers."""
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
    """Ask for confirmation before erasing a reply, which cannot be undone."""
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
    """Close or open a discussion for new replies, or let the article's metadata decide."""
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
    """Store an edit or an answer. If that fails, show the form again with its text."""
    context = context_of(request)
    try:
        done = await run_in_threadpool(act)
    except (Refused, Conflict) as error:
        reply = await run_in_threadpool(find, context.db, request.path_params["id"])
        theirs = template == "edit.html" and isinstance(error, Conflict)
        if wants_fragment(request):
            # The whole card, so that its buttons and hidden fields are current.
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
    """Run an action on a reply. Respond with its card for htmx, else with a redirect."""
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
    """An open form in a card: `form` is "edit" or "answer"; `problem` is its error message."""

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
    """Render a reply's current card, or the line that replaces it when it has left the list.

    Without scripts it renders a whole page. That happens only for refused decisions.
    """
    reply, counts = await run_in_threadpool(
        queue_listing.find_with_counts, context_of(request).db, public_id
    )
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
        counts=_with_any(counts),
        names=NAMES,
        done_event=done,
        problem=problem.detail if problem else "",
        writing=writing,
        # Keep the typed text if it could not be stored.
        decline_reason=sent_with(request).get("decline_reason", "") if problem else "",
        list=sent_with(request).get("list", ""),
        state=(read(query_of(sent_with(request).get("list", ""))) or read({})),
    )


def wants_fragment(request: Request) -> bool:
    """Return whether htmx made the request and expects only a part of a page."""
    return request.headers.get("hx-request") == "true"


def back(form: dict[str, str], done: Event, public_id: str = "") -> Response:
    """Redirect to the page that the form was sent from, where the event and its undo are shown."""
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
