"""The page where admins manage editors: roles, disabling, invitations."""

import logging
import re
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from comments_service.domain.errors import Invalid, NotFound
from comments_service.domain.models import Role
from comments_service.services import auth, editor_admin
from comments_service.store.editors import Member, Session
from comments_service.web.moderation.permissions import actor_of, admin_only
from comments_service.web.support.context import context_of
from comments_service.web.support.pages import page

logger = logging.getLogger("rejoinder.service")

EDITORS = "/moderate/editors"

ROLES = {
    Role.EDITOR.value: ("Editor", "decides about replies"),
    Role.ADMIN.value: ("Admin", "also changes settings and editors, and erases people's data"),
}
DONE = {
    "role": "The role is changed.",
    "disable": "The editor is disabled, and signed out everywhere.",
    "enable": "The editor can sign in again.",
    "withdraw": "The invitation is void.",
}


@admin_only
async def show(request: Request, session: Session) -> Response:
    """List the editors and the invitations."""
    return await _page(request, session)


@admin_only
async def invite(request: Request, session: Session) -> Response:
    """Create a one-time invitation link and show it, once."""
    context = context_of(request)
    form: dict[str, str] = request.state.form
    try:
        token = await run_in_threadpool(
            lambda: editor_admin.invite(
                context.db,
                email=form.get("email", ""),
                role=form.get("role", ""),
                by=actor_of(session),
                now=context.now(),
            )
        )
    except Invalid as error:
        return await _page(request, session, error)
    return page(
        request,
        "invited.html",
        session=session,
        email=form["email"].strip(),
        role=ROLES[form["role"]],
        address=f"{context.settings.site_url}/moderate/link/{token}",
        until=context.now() + auth.LINK_LIFE,
    )


@admin_only
async def withdraw(request: Request, session: Session) -> Response:
    """Withdraw an invitation."""
    context = context_of(request)
    email = request.state.form.get("email", "")
    await run_in_threadpool(
        lambda: editor_admin.withdraw(
            context.db, email=email, by=actor_of(session), now=context.now()
        )
    )
    return _done("withdraw")


@admin_only
async def set_role(request: Request, session: Session) -> Response:
    """Give an editor another role."""
    context = context_of(request)
    role = request.state.form.get("role", "")
    return await _act(
        request,
        "role",
        lambda who: editor_admin.set_role(
            context.db, who, role, by=actor_of(session), now=context.now()
        ),
    )


@admin_only
async def disable(request: Request, session: Session) -> Response:
    """Disable an editor and end their sessions."""
    context = context_of(request)
    return await _act(
        request,
        "disable",
        lambda who: editor_admin.disable(context.db, who, by=actor_of(session), now=context.now()),
    )


@admin_only
async def enable(request: Request, session: Session) -> Response:
    """Enable a disabled editor."""
    context = context_of(request)
    return await _act(
        request,
        "enable",
        lambda who: editor_admin.enable(context.db, who, by=actor_of(session), now=context.now()),
    )


async def _act(request: Request, what: str, change: Callable[[int], Member]) -> Response:
    wanted = request.path_params["id"]
    if not re.fullmatch(r"[0-9]{1,15}", wanted):
        raise NotFound("There is no such editor.")
    member = await run_in_threadpool(change, int(wanted))
    logger.warning("event=editor-changed what=%s editor=%d", what, member.id)
    return _done(what)


async def _page(request: Request, session: Session, error: Invalid | None = None) -> Response:
    context = context_of(request)
    team = await run_in_threadpool(lambda: editor_admin.team(context.db, now=context.now()))
    form: dict[str, str] = request.state.form if error else {}
    return page(
        request,
        "editors.html",
        error.status if error else 200,
        session=session,
        team=team,
        roles=ROLES,
        email=form.get("email", ""),
        role=form.get("role", Role.EDITOR.value),
        problems=error.fields if error else {},
        done=DONE.get(request.query_params.get("done", "")),
    )


def _done(what: str) -> Response:
    return RedirectResponse(f"{EDITORS}?done={what}", 303)


ROUTES = [
    Route(EDITORS, show, methods=["GET"]),
    Route("/moderate/editors/invite", invite, methods=["POST"]),
    Route("/moderate/editors/withdraw", withdraw, methods=["POST"]),
    Route("/moderate/editors/{id}/role", set_role, methods=["POST"]),
    Route("/moderate/editors/{id}/disable", disable, methods=["POST"]),
    Route("/moderate/editors/{id}/enable", enable, methods=["POST"]),
]
