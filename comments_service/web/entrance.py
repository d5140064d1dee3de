"""The entrance to the queue: sign in, one-time links, sign out, and the guard of every other door.

Every door but those of this file is behind `editor_only`; a test says so.
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import wraps

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from comments_service import auth
from comments_service.errors import Invalid
from comments_service.store.editors import Session
from comments_service.web import security
from comments_service.web.context import Context, context_of
from comments_service.web.forms import read_form
from comments_service.web.pages import page

logger = logging.getLogger("rejoinder.service")

QUEUE = "/moderate/"
SIGN_IN = "/moderate/sign-in"
SESSION = "rejoinder_session"
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
            limit = getattr(handler, "form_limit", _FORM_LIMIT)
            request.state.form = await read_form(request, limit)
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


ROUTES = [
    Route("/moderate/sign-out", sign_out, methods=["POST"]),
    Route(SIGN_IN, sign_in_form, methods=["GET"]),
    Route(SIGN_IN, sign_in, methods=["POST"]),
    Route("/moderate/link/{token}", link_form, methods=["GET"]),
    Route("/moderate/link/{token}", use_link, methods=["POST"]),
]
