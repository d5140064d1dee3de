"""Undoes one event of the audit log, or the editor's last action."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from comments_service.domain.content_token import number_in
from comments_service.domain.errors import BadRequest, Conflict
from comments_service.services import bulk_actions, last_action, moderation, site_rules
from comments_service.store.editors import Session
from comments_service.store.events import Event
from comments_service.web.moderation import bulk as bulk_pages
from comments_service.web.moderation.permissions import actor_of, editor_only
from comments_service.web.moderation.queue import acted, card, wants_fragment
from comments_service.web.moderation.queue_query import HISTORY, list_address, reply_address
from comments_service.web.support.context import context_of
from comments_service.web.support.pages import page


@editor_only
async def undo(request: Request, session: Session) -> Response:
    """Undo one event."""
    context = context_of(request)
    form: dict[str, str] = request.state.form
    event = form.get("event", "")
    if number_in(event) is None:
        raise BadRequest("The form does not say what to undo.")
    return await acted(
        request,
        session,
        form.get("reply", ""),
        lambda: moderation.undo(context.db, event, by=actor_of(session), now=context.now()),
    )


@editor_only
async def undo_last(request: Request, session: Session) -> Response:
    """Undo this editor's last action, from any page; report why if that is impossible."""
    context, by = context_of(request), actor_of(session)
    try:
        last = await run_in_threadpool(
            lambda: last_action.find(
                context.db, editor_id=session.editor.id, since=session.created_at
            )
        )
        if last.batch_id is not None:
            return await _undo_batch(request, session, last.batch_id)
        done = await run_in_threadpool(
            lambda: moderation.undo(context.db, last.seq, by=by, now=context.now())
        )
    except Conflict as error:
        if not wants_fragment(request):
            raise
        return page(
            request, "fragments/said.html", error.status, session=session, text=error.detail
        )
    if wants_fragment(request) and done.comment:
        answer = await card(request, session, done.comment, done)
        answer.headers["X-Undone"] = str(last.seq)
        return answer
    return _lead(request, _shown_at(request.state.form, done, session))


async def _undo_batch(request: Request, session: Session, batch_id: int) -> Response:
    context, by = context_of(request), actor_of(session)
    undoing = await run_in_threadpool(
        lambda: bulk_actions.choose_undo(context.db, batch_id, by=by, now=context.now())
    )
    answer = await bulk_pages.go(request, undoing, by)
    return _lead(request, answer.headers["Location"])


def _shown_at(form: dict[str, str], done: Event, session: Session) -> str:
    """Return the page that shows the result of an undo, preferably the current one."""
    if form.get("list") == HISTORY:
        return f"/moderate/history#event-{done.seq}"
    if done.comment:
        if "status=" in form.get("list", ""):
            return list_address(form, done=done.seq)
        return reply_address(done.comment, done=done.seq)
    if done.page:
        return f"/moderate/articles?done={done.seq}"
    if site_rules.knows(done) and session.editor.is_admin:
        return f"/moderate/settings?done={done.seq}"
    return f"/moderate/history#event-{done.seq}"


def _lead(request: Request, address: str) -> Response:
    if wants_fragment(request):
        return Response(status_code=204, headers={"HX-Redirect": address})
    return RedirectResponse(address, 303)


ROUTES = [
    Route("/moderate/undo", undo, methods=["POST"]),
    Route("/moderate/undo/last", undo_last, methods=["POST"]),
]
