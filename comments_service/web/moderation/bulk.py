"""Bulk actions on selected replies or on all search results, with progress and undo."""

import logging

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from comments_service.domain.actor import Actor
from comments_service.domain.errors import BadRequest, Invalid, NotFound
from comments_service.domain.labels import ACTION_LABELS, ACTIONS
from comments_service.domain.models import Status
from comments_service.services import bulk_actions, bulk_drafts
from comments_service.store.editors import Session
from comments_service.web.moderation.login import editor_only
from comments_service.web.moderation.permissions import actor_of
from comments_service.web.moderation.queue import show_list
from comments_service.web.moderation.queue_query import View, in_words, list_address, query_of, read
from comments_service.web.support.context import context_of
from comments_service.web.support.forms import number_of
from comments_service.web.support.pages import page

logger = logging.getLogger("rejoinder.service")

PREFIX = "select-"
# Number of outcomes on one page.
PAGE_SIZE = 200


@editor_only
async def act(request: Request, session: Session) -> Response:
    """Apply an action to the selected replies, or ask before applying it to all matches."""
    context, form = context_of(request), request.state.form
    action = form.get("action", "")
    by, now = actor_of(session), context.now()
    if form.get("scope") == "all":
        return await _ask(request, session, action)
    selected = {
        name.removeprefix(PREFIX): _seen(value)
        for name, value in form.items()
        if name.startswith(PREFIX)
    }
    try:
        batch_id = await run_in_threadpool(
            lambda: bulk_actions.choose(context.db, action, selected, by=by, now=now)
        )
    except Invalid as error:
        view, after = _view(form.get("list", "")), form.get("after", "")
        return await show_list(
            request, session, view, after=after, problem=error.detail, status=error.status
        )
    return await go(request, batch_id, by)


def _seen(value: str) -> bulk_actions.Seen:
    """Parse the value of a checkbox: the status and version that the page showed."""
    status, _, version = value.partition(":")
    return bulk_actions.Seen(status if status in set(Status) else "", version)


async def _ask(request: Request, session: Session, action: str) -> Response:
    """Count the matching replies and ask for confirmation."""
    context, form = context_of(request), request.state.form
    if action not in ACTION_LABELS:
        raise BadRequest("Choose what to do with the replies.")
    view = _view(form.get("list", ""))
    words, by = in_words(view), actor_of(session)
    counted = await run_in_threadpool(
        lambda: bulk_drafts.count(
            context.db, action, view.what, in_words=words, by=by, now=context.now()
        )
    )
    return page(
        request,
        "bulk_ask.html",
        session=session,
        action=action,
        verb=ACTION_LABELS[action],
        words=words,
        count=counted.matching,
        draft=counted.token,
        most=bulk_drafts.MOST,
        # Matches that already have the target status are possible only with these filters.
        some_done=view.what.status in (None, ACTIONS[action]),
        list=form.get("list", ""),
        back=list_address(form),
    )


def _view(text: str) -> View:
    view = read(query_of(text))
    if view is None or view.problems:
        raise BadRequest("The form does not say which replies. Go back and choose them again.")
    return view


@editor_only
async def act_on_all(request: Request, session: Session) -> Response:
    """Run a confirmed bulk action on the replies that were counted."""
    context, form = context_of(request), request.state.form
    token, by = form.get("draft", ""), actor_of(session)
    if not token:
        raise BadRequest("The form does not say which count it is about. Go back and count again.")
    batch_id = await run_in_threadpool(
        lambda: bulk_drafts.confirm(context.db, token, by=by, now=context.now())
    )
    return await go(request, batch_id, by)


@editor_only
async def undo(request: Request, session: Session) -> Response:
    """Undo a whole bulk action."""
    context, by = context_of(request), actor_of(session)
    undone = _id(request)
    batch_id = await run_in_threadpool(
        lambda: bulk_actions.choose_undo(context.db, undone, by=by, now=context.now())
    )
    return await go(request, batch_id, by)


@editor_only
async def go_on(request: Request, session: Session) -> Response:
    """Resume an interrupted bulk action."""
    batch_id = _id(request)
    await run_in_threadpool(lambda: bulk_actions.state(context_of(request).db, batch_id))
    return await go(request, batch_id, actor_of(session))


async def go(request: Request, batch_id: int, by: Actor) -> Response:
    """Run the first part of a batch. Redirect to the list if that was all, else to its progress."""
    context = context_of(request)
    left = await run_in_threadpool(
        lambda: bulk_actions.go_on(context.db, batch_id, by=by, now=context.now())
    )
    if left:
        context.bulk_runner.start(batch_id, by)
        return RedirectResponse(f"/moderate/bulk/{batch_id}", 303)
    return RedirectResponse(list_address(request.state.form, batch=batch_id), 303)


@editor_only
async def show(request: Request, session: Session) -> Response:
    """Show the progress of a bulk action and, for each reply not changed, the reason."""
    context = context_of(request)
    batch_id = _id(request)
    everything = request.query_params.get("show") == "all"
    after = number_of(request.query_params.get("after")) or 0

    results = await run_in_threadpool(
        lambda: bulk_actions.results(
            context.db, batch_id, after=after, limit=PAGE_SIZE, everything=everything
        )
    )
    return page(
        request,
        "bulk.html",
        session=session,
        state=results.state,
        running=context.bulk_runner.running(batch_id),
        outcomes=results.outcomes,
        changed=results.changed,
        next_after=results.next_after,
        everything=everything,
        verbs=ACTION_LABELS,
    )


def _id(request: Request) -> int:
    batch_id = number_of(request.path_params["id"])
    if batch_id is None:
        raise NotFound("There is no such bulk action.")
    return batch_id


ROUTES = [
    Route("/moderate/bulk", act, methods=["POST"]),
    Route("/moderate/bulk/all", act_on_all, methods=["POST"]),
    Route("/moderate/bulk/{id}", show, methods=["GET"]),
    Route("/moderate/bulk/{id}/undo", undo, methods=["POST"]),
    Route("/moderate/bulk/{id}/continue", go_on, methods=["POST"]),
]
