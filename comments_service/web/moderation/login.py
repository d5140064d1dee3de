"""Sign-in pages: password, second factor, one-time links; sign-out."""

import logging

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from comments_service.domain.errors import Busy, Invalid, NotFound, ServiceError, TooMany
from comments_service.services import (
    auth,
    editor_admin,
    known_browser,
    login_throttle,
    second_factor,
)
from comments_service.store.editors import Editor, Session
from comments_service.web.moderation import login_challenge, return_path, saved_form
from comments_service.web.moderation.login_challenge import Proven
from comments_service.web.moderation.permissions import (
    FORM_LIMIT,
    KNOWN_BROWSER,
    SESSION,
    SIGN_IN,
    admin_only,
    before_sign_in,
    continue_page,
    current_session,
    editor_only,
    remember_browser,
    session_of,
)
from comments_service.web.moderation.queue_query import QUEUE
from comments_service.web.support import security
from comments_service.web.support.client_network import client_of, logged_network
from comments_service.web.support.context import context_of
from comments_service.web.support.forms import read_form

__all__ = ["QUEUE", "ROUTES", "admin_only", "editor_only"]

logger = logging.getLogger("rejoinder.service")

# Bytes. The form may carry another, saved form as JSON, which takes more bytes than urlencoded.
_LIMIT = 4 * FORM_LIMIT
_REFUSED = "Wrong email address or password. Check both"
_TOO_LATE = (
    "That took too long, or the link was used already, or your password was changed. Sign in again"
)


async def sign_in_form(request: Request) -> Response:
    """Show the sign-in form. Redirect to the queue if already signed in."""
    if await run_in_threadpool(current_session, request) is not None:
        return RedirectResponse(QUEUE, 303)
    return _sign_in_page(request, {})


async def sign_in(request: Request) -> Response:
    """Check the password; open a new session, or ask for the second factor."""
    form = await _form_before_sign_in(request)
    account = auth.account_name(form.get("email", ""))
    # For the log and the device cookie only: the response must not reveal if the account exists.
    named = await run_in_threadpool(auth.look_up, context_of(request).db, account)
    browser = _known_as(request, named)
    try:
        editor = await _identify(request, form, account, browser)
    except (TooMany, Busy) as error:
        result = "busy" if isinstance(error, Busy) else "throttled"
        _log_refused("sign-in", result, request, named, browser)
        page = _sign_in_page(request, form, error.status, _words(error))
        return _with_headers(page, error)
    if editor is None:
        _log_refused("sign-in", "refused", request, named, browser)
        return _sign_in_page(request, form, 422, _REFUSED)
    return await _go_on(request, Proven(editor), form)


def _known_as(request: Request, editor: Editor | None) -> str | None:
    """Return the id in this browser's device cookie for the account; None without a valid one."""
    context = context_of(request)
    cookie = request.cookies.get(security.cookie_name(context.settings, KNOWN_BROWSER), "")
    return known_browser.recognise(context.secret, cookie, editor, context.now())


def _log_refused(
    what: str, result: str, request: Request, editor: Editor | None, browser: str | None
) -> None:
    # The editor's id, not the address: addresses are private, and the typed one may be a reader's.
    logger.warning(
        "event=%s result=%s editor=%s browser=%s network=%s",
        what,
        result,
        "-" if editor is None else editor.id,
        "unknown" if browser is None else "known",
        logged_network(request),
    )


async def _identify(
    request: Request, form: dict[str, str], account: str, browser: str | None
) -> Editor | None:
    context = context_of(request)
    counters = login_throttle.for_password(account, client_of(request), browser)
    attempt = await run_in_threadpool(
        lambda: login_throttle.attempt(context.db, context.secret, counters, now=context.now())
    )
    try:
        # Count first: a throttled request must not take a slot for password hashing.
        editor = await context.hashing.run(
            lambda: auth.identify(context.db, email=account, password=form.get("password", "")),
            known=browser is not None,
        )
    except Busy:
        await run_in_threadpool(login_throttle.withdraw, context.db, attempt)
        raise
    if editor is not None:
        await run_in_threadpool(login_throttle.good, context.db, attempt)
    return editor


async def check_code(request: Request) -> Response:
    """Check the code of the second factor and open a new session."""
    context = context_of(request)
    form = await _form_before_sign_in(request)
    visit, _ = security.visit_token(request, context)
    proven = await run_in_threadpool(
        login_challenge.read,
        context.db,
        context.secret,
        visit,
        form.get("proof", ""),
        context.now(),
    )
    if proven is None:
        return _sign_in_page(request, form, 422, _TOO_LATE)
    browser = _known_as(request, proven.editor)
    try:
        right = await run_in_threadpool(_use_code, request, proven, form.get("code", ""), browser)
    except TooMany as error:
        _log_refused("second-factor", "throttled", request, proven.editor, browser)
        answer = _code_page(request, proven, form, 429, _words(error))
        return _with_headers(answer, error)
    except NotFound:
        # Another browser has used the link in the meantime.
        return _sign_in_page(request, form, 422, _TOO_LATE)
    if not right:
        _log_refused("second-factor", "refused", request, proven.editor, browser)
        return _code_page(request, proven, form, 422, second_factor.WRONG_CODE)
    return await _enter(request, proven.editor, form)


def _use_code(request: Request, proven: Proven, code: str, browser: str | None) -> bool:
    context = context_of(request)
    counters = login_throttle.for_code(
        proven.editor.id,
        client_of(request),
        browser,
        link=proven.link,
        recovery=second_factor.is_recovery_code(code),
    )
    attempt = login_throttle.attempt(context.db, context.secret, counters, now=context.now())
    right = second_factor.use(
        context.db, context.secret, proven.editor, code, now=context.now(), link=proven.link
    )
    if right:
        login_throttle.good(context.db, attempt)
    return right


async def link_form(request: Request) -> Response:
    """Show the page of a one-time link. Only its button uses the link: mail scanners open links."""
    context = context_of(request)
    token = request.path_params["token"]
    use = await run_in_threadpool(lambda: auth.look_at_link(context.db, token, now=context.now()))
    return before_sign_in(
        request, "welcome.html", use=use, link=token, email="", name="", problems={}
    )


async def use_link(request: Request) -> Response:
    """Sign in with a one-time link; an invitation also creates the editor."""
    context = context_of(request)
    token = request.path_params["token"]
    form = await _form_before_sign_in(request)
    use = await run_in_threadpool(lambda: auth.look_at_link(context.db, token, now=context.now()))

    if use.editor is not None:
        editor = await run_in_threadpool(
            lambda: auth.use_link(context.db, token, now=context.now())
        )
        return await _go_on(request, Proven(editor, auth.digest(token)), form)

    def join() -> Editor:
        return editor_admin.join(
            context.db,
            token,
            email=form.get("email", ""),
            name=form.get("name", ""),
            password=form.get("password", ""),
            site_name=context.settings.site_name,
            now=context.now(),
        )

    try:
        # An invitation gets the lane of known browsers: an admin has issued it.
        editor = await context.hashing.run(join, known=True)
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
    return await _enter(request, editor, form)


async def _form_before_sign_in(request: Request) -> dict[str, str]:
    context = context_of(request)
    security.check_origin(request, context.settings)
    form = await read_form(request, _LIMIT)
    security.check_token(form, security.visit_token(request, context)[1])
    return form


async def _go_on(request: Request, proven: Proven, form: dict[str, str]) -> Response:
    """Open a session after the first step, or ask for the second factor if the editor has one."""
    if not proven.editor.has_second_factor:
        return await _enter(request, proven.editor, form)
    return _code_page(request, proven, form)


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
    # The id, not the address: editors' addresses are private too.
    logger.warning("event=sign-in result=ok editor=%d", opened.editor.id)
    visit, _ = security.visit_token(request, context)
    mine = saved_form.unpack(context.secret, visit, form.get("kept", ""))
    session = await run_in_threadpool(session_of, request, opened.token) if mine else None
    response: Response
    if mine is not None and session is not None:
        response = continue_page(request, session, mine)
    else:
        page = return_path.read(request) or QUEUE
        response = RedirectResponse(page, 303, headers={"Cache-Control": "no-store"})
    return_path.forget(request, response)
    security.set_cookie(response, context.settings, SESSION, opened.token)
    remember_browser(request, response, opened.editor)
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
        throttled=status in {429, 503},
    )


def _code_page(
    request: Request, proven: Proven, form: dict[str, str], status: int = 200, problem: str = ""
) -> HTMLResponse:
    context = context_of(request)
    visit, _ = security.visit_token(request, context)
    return before_sign_in(
        request,
        "code.html",
        status,
        problem=problem,
        # A new proof on each page: it must not expire during the wait that the page asks for.
        proof=login_challenge.proof_for(context.secret, visit, proven, context.now()),
        kept=form.get("kept", ""),
    )


def _words(error: ServiceError) -> str:
    return error.detail.removesuffix(".")


def _with_headers(response: HTMLResponse, error: ServiceError) -> Response:
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
    """Redirect a GET of the code page, which works by POST only, to the sign-in form."""
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
