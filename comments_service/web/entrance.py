"""The entrance to the queue: password, second factor, one-time links, sign out."""

import logging

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from comments_service import auth, second_factor, team, throttle
from comments_service.errors import Invalid, TooMany
from comments_service.network import kept as kept_of
from comments_service.store.editors import Editor, Session
from comments_service.web import half_way, kept, security
from comments_service.web.context import context_of
from comments_service.web.forms import read_form
from comments_service.web.guard import (
    FORM_LIMIT,
    SESSION,
    SIGN_IN,
    admin_only,
    before_sign_in,
    continue_page,
    current_session,
    editor_only,
    session_of,
)
from comments_service.web.listing import QUEUE
from comments_service.web.network import client_of, network_of

__all__ = ["QUEUE", "ROUTES", "admin_only", "editor_only"]

logger = logging.getLogger("rejoinder.service")

# What was kept of another form comes along, in JSON: more bytes than it had there.
_LIMIT = 4 * FORM_LIMIT
_REFUSED = "Email address and password do not belong together. Check both"
_TOO_SLOW = "That took too long, or your password was changed. Sign in again"


async def sign_in_form(request: Request) -> Response:
    """Show the sign-in form, or the queue to whoever is signed in already."""
    if await run_in_threadpool(current_session, request) is not None:
        return RedirectResponse(QUEUE, 303)
    return _sign_in_page(request, {})


async def sign_in(request: Request) -> Response:
    """Check the password; open a session under a new id, or ask for the second factor."""
    form = await _form_before_sign_in(request)
    try:
        editor = await run_in_threadpool(_identify, request, form)
    except TooMany as error:
        return _too_many(_sign_in_page(request, form, 429, _words(error)), error)
    if editor is None:
        return _sign_in_page(request, form, 422, _REFUSED)
    return await _go_on(request, editor, form)


def _identify(request: Request, form: dict[str, str]) -> Editor | None:
    context = context_of(request)
    email = form.get("email", "")
    attempt = throttle.attempt(
        context.db,
        context.secret,
        account="sign-in:" + auth.account_name(email),
        network=network_of(request),
        now=context.now(),
    )
    editor = auth.identify(context.db, email=email, password=form.get("password", ""))
    if editor is not None:
        throttle.good(context.db, attempt)
    else:
        _note_refused(request, email)
    return editor


def _note_refused(request: Request, email: str) -> None:
    """Log whose account it was and from where; never what was typed, which may be a password."""
    # The number, as for every other event of an editor; "-" if there is no such account.
    account = auth.number_of(context_of(request).db, email) or "-"
    where = kept_of(client_of(request), "prefix") or "-"
    logger.warning("event=sign-in result=refused editor=%s network=%s", account, where)


async def check_code(request: Request) -> Response:
    """Check the code of the second factor; open a session under a new id."""
    context = context_of(request)
    form = await _form_before_sign_in(request)
    visit, _ = security.visit_token(request, context)
    editor = await run_in_threadpool(
        half_way.whose,
        context.db,
        context.secret,
        visit,
        form.get("proof", ""),
        context.now(),
    )
    if editor is None:
        return _sign_in_page(request, form, 422, _TOO_SLOW)
    try:
        right = await run_in_threadpool(_use_code, request, editor, form.get("code", ""))
    except TooMany as error:
        return _too_many(_code_page(request, form, 429, _words(error)), error)
    if not right:
        logger.warning("event=second-factor result=refused editor=%d", editor.id)
        return _code_page(request, form, 422, second_factor.WRONG_CODE)
    return await _enter(request, editor, form)


def _use_code(request: Request, editor: Editor, code: str) -> bool:
    context = context_of(request)
    attempt = throttle.attempt(
        context.db,
        context.secret,
        account=f"code:{editor.id}",
        network=network_of(request),
        now=context.now(),
        limit=throttle.CODE,
    )
    right = second_factor.use(context.db, context.secret, editor, code, now=context.now())
    if right:
        throttle.good(context.db, attempt)
    return right


async def link_form(request: Request) -> Response:
    """Show what a one-time link does; only its button does it (mail scanners open links)."""
    context = context_of(request)
    token = request.path_params["token"]
    use = await run_in_threadpool(lambda: auth.look_at_link(context.db, token, now=context.now()))
    return before_sign_in(
        request, "welcome.html", use=use, link=token, email="", name="", problems={}
    )


async def use_link(request: Request) -> Response:
    """Sign in by a one-time link, making an editor if that is what it is for."""
    context = context_of(request)
    token = request.path_params["token"]
    form = await _form_before_sign_in(request)
    use = await run_in_threadpool(lambda: auth.look_at_link(context.db, token, now=context.now()))

    def act() -> Editor:
        if use.editor is not None:
            return auth.use_link(context.db, token, now=context.now())
        return team.join(
            context.db,
            token,
            email=form.get("email", ""),
            name=form.get("name", ""),
            password=form.get("password", ""),
            site_name=context.settings.site_name,
            now=context.now(),
        )

    try:
        editor = await run_in_threadpool(act)
    except Invalid as error:
        return before_sign_in(
            request,
            "welcome.html",
            error.status,
            use=use,
            link=token,
            email=form.get("email", ""),
            name=form.get("name", ""),
            problems=error.fields,
        )
    return await _go_on(request, editor, form)


async def _form_before_sign_in(request: Request) -> dict[str, str]:
    context = context_of(request)
    security.check_origin(request, context.settings)
    form = await read_form(request, _LIMIT)
    security.check_token(form, security.visit_token(request, context)[1])
    return form


async def _go_on(request: Request, editor: Editor, form: dict[str, str]) -> Response:
    """Let somebody in who said the password, or used a link, if that is enough."""
    if not editor.has_second_factor:
        return await _enter(request, editor, form)
    context = context_of(request)
    visit, _ = security.visit_token(request, context)
    proof = half_way.proof_for(context.secret, visit, editor, context.now())
    return _code_page(request, {**form, "proof": proof})


async def _enter(request: Request, editor: Editor, form: dict[str, str]) -> Response:
    context = context_of(request)
    opened = await run_in_threadpool(
        lambda: auth.open_session(
            context.db,
            editor,
            now=context.now(),
            browser=request.headers.get("user-agent", ""),
        )
    )
    # By number: an editor's address is as private as a reader's.
    logger.warning("event=sign-in result=ok editor=%d", opened.editor.id)
    visit, _ = security.visit_token(request, context)
    mine = kept.unpack(context.secret, visit, form.get("kept", ""))
    session = await run_in_threadpool(session_of, request, opened.token) if mine else None
    response: Response
    if mine is not None and session is not None:
        response = continue_page(request, session, mine)
    else:
        response = RedirectResponse(QUEUE, 303, headers={"Cache-Control": "no-store"})
    security.set_cookie(response, context.settings, SESSION, opened.token)
    return response


def _sign_in_page(
    request: Request, form: dict[str, str], status: int = 200, problem: str = ""
) -> HTMLResponse:
    return before_sign_in(
        request,
        "sign_in.html",
        status,
        email=form.get("email", ""),
        problem=problem,
        kept=form.get("kept", ""),
    )


def _code_page(
    request: Request, form: dict[str, str], status: int = 200, problem: str = ""
) -> HTMLResponse:
    return before_sign_in(
        request,
        "code.html",
        status,
        problem=problem,
        proof=form.get("proof", ""),
        kept=form.get("kept", ""),
    )


def _words(error: TooMany) -> str:
    return error.detail.removesuffix(".")


def _too_many(response: HTMLResponse, error: TooMany) -> Response:
    logger.warning("event=sign-in result=throttled")
    response.headers.update(error.headers)
    return response


@editor_only
async def sign_out(request: Request, _session: Session) -> Response:
    """End the session on the server and in the browser."""
    context = context_of(request)
    token = request.cookies[security.cookie_name(context.settings, SESSION)]
    await run_in_threadpool(auth.sign_out, context.db, token)
    response = RedirectResponse(SIGN_IN, 303)
    security.clear_cookie(response, context.settings, SESSION)
    return response


async def back_to_sign_in(_request: Request) -> Response:
    """Lead whoever opens the address of the code page to where that begins."""
    return RedirectResponse(SIGN_IN, 303, headers={"Cache-Control": "no-store"})


ROUTES = [
    Route("/moderate/sign-out", sign_out, methods=["POST"]),
    Route(SIGN_IN, sign_in_form, methods=["GET"]),
    Route(SIGN_IN, sign_in, methods=["POST"]),
    Route("/moderate/sign-in/code", back_to_sign_in, methods=["GET"]),
    Route("/moderate/sign-in/code", check_code, methods=["POST"]),
    Route("/moderate/link/{token}", link_form, methods=["GET"]),
    Route("/moderate/link/{token}", use_link, methods=["POST"]),
]
