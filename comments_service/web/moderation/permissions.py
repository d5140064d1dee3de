"""Decorators that require a signed-in editor or admin, and a CSRF token on every POST.

Every route below `/moderate`, except those for signing in, uses `editor_only` or `admin_only`. A
test checks this.
"""

import logging
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from comments_service.domain.actor import Actor
from comments_service.domain.errors import Forbidden
from comments_service.services import auth, known_browser
from comments_service.store.editors import Editor, Session
from comments_service.web.moderation import return_path, saved_form
from comments_service.web.moderation.saved_form import Kept
from comments_service.web.support import security
from comments_service.web.support.context import context_of
from comments_service.web.support.forms import read_form
from comments_service.web.support.pages import page

logger = logging.getLogger("rejoinder.service")

SIGN_IN = "/moderate/sign-in"
SESSION = "rejoinder_session"
KNOWN_BROWSER = "rejoinder_browser"
# Bytes. A reply of 10,000 characters can take 120,000: 4 bytes each, 3 characters per byte (%XX).
FORM_LIMIT = 131_072
ADMINS_ONLY = (
    "Only an admin may do this, and you are an editor. Ask an admin: they can do it for you, or "
    "make you one."
)

Handler = Callable[[Request], Awaitable[Response]]
EditorHandler = Callable[[Request, Session], Awaitable[Response]]


def editor_only(handler: EditorHandler) -> Handler:
    """Require a signed-in editor; check origin and CSRF token of every POST."""
    return _guarded(handler, admin=False)


def admin_only(handler: EditorHandler) -> Handler:
    """Require a signed-in admin: other editors get a 403 page. Checks POSTs like `editor_only`."""
    return _guarded(handler, admin=True)


def _guarded(handler: EditorHandler, *, admin: bool) -> Handler:
    @wraps(handler)
    async def guarded(request: Request) -> Response:
        session = await run_in_threadpool(current_session, request)
        if session is None:
            return await _turned_away(request)
        # Error pages show the editor's menu.
        request.state.editor_session = session
        if admin and not session.editor.is_admin:
            route = getattr(request.scope.get("route"), "path", "-")
            logger.warning("event=refused route=%s editor=%d", route, session.editor.id)
            raise Forbidden(ADMINS_ONLY)
        if request.method == "POST":
            settings = context_of(request).settings
            security.check_origin(request, settings)
            limit = getattr(handler, "form_limit", FORM_LIMIT)
            form = request.state.form = await read_form(request, limit)
            try:
                security.check_token(form, session.csrf)
            except Forbidden:
                # Perhaps a new session was opened in another tab: offer the form again.
                mine = saved_form.keep(request, form)
                if mine is None or not security.is_surely_ours(request, settings):
                    raise
                return continue_page(request, session, mine, 403)
        return await handler(request, session)

    guarded.editor_only = True  # type: ignore[attr-defined]
    guarded.admin_only = admin  # type: ignore[attr-defined]
    return guarded


def actor_of(session: Session) -> Actor:
    """Return the signed-in editor as an actor of the audit log."""
    return Actor(session.editor.name, session.editor.id)


def current_session(request: Request) -> Session | None:
    """Return the valid session of the request's cookie, or None."""
    context = context_of(request)
    token = request.cookies.get(security.cookie_name(context.settings, SESSION))
    return session_of(request, token) if token is not None else None


def session_of(request: Request, token: str) -> Session | None:
    """Return the valid session of the token, or None."""
    context = context_of(request)
    return auth.find_session(
        context.db,
        token,
        now=context.now(),
        idle=context.settings.session_idle,
        absolute=context.settings.session_life,
    )


def remember_browser(request: Request, response: Response, editor: Editor) -> None:
    """Set the device cookie, which marks the browser as one that the editor signed in with."""
    context = context_of(request)
    cookie = known_browser.cookie_for(context.secret, editor, context.now())
    days = known_browser.LIFE.days
    security.set_cookie(response, context.settings, KNOWN_BROWSER, cookie, days=days)


async def _turned_away(request: Request) -> Response:
    """Show the sign-in page. A form sent from our own pages is offered again after signing in."""
    context = context_of(request)
    # A form of another site must not be kept: it would get a valid token after signing in.
    if request.method == "POST" and security.is_surely_ours(request, context.settings):
        mine = saved_form.keep(request, await read_form(request, FORM_LIMIT))
        if mine is not None:
            visit, _ = security.visit_token(request, context)
            packed = saved_form.pack(context.secret, visit, mine)
            return before_sign_in(
                request,
                "sign_in.html",
                401,
                email="",
                problem="",
                kept=packed,
                throttled=False,
                visit=visit,
            )
    response = RedirectResponse(SIGN_IN, 303, headers={"Cache-Control": "no-store"})
    return_path.remember(request, response)
    return response


def before_sign_in(
    request: Request, template: str, status: int = 200, *, visit: str = "", **values: Any
) -> HTMLResponse:
    """Render a page of the sign-in steps, with the visit's form token and cookie."""
    context = context_of(request)
    visit, token = security.visit_token(request, context, visit)
    response = page(request, template, status, token=token, **values)
    security.set_cookie(response, context.settings, security.PRE_SESSION, visit)
    return response


def continue_page(request: Request, session: Session, mine: Kept, status: int = 200) -> Response:
    """Show a kept form, with a button that sends it to its original address."""
    return page(request, "continue.html", status, session=session, kept=mine)
