"""The account page of an editor: password, sessions, preferences, second factor."""

import logging

from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from comments_service.domain import passwords
from comments_service.domain.errors import Conflict, Invalid
from comments_service.services import accounts, auth, login_throttle, second_factor
from comments_service.store.editors import Session
from comments_service.web.moderation.permissions import (
    SESSION,
    SIGN_IN,
    editor_only,
    remember_browser,
)
from comments_service.web.moderation.user_agents import in_words
from comments_service.web.support import security
from comments_service.web.support.context import context_of
from comments_service.web.support.pages import page

logger = logging.getLogger("rejoinder.service")

ACCOUNT = "/moderate/account"
SECOND_FACTOR = "/moderate/account/second-factor"
WRONG_PASSWORD = "That is not your password. Check it"  # noqa: S105 - a sentence

# Confirmation shown after each form, by the value of `done` in the query.
DONE = {
    "password": "Your password is changed. Every other browser is signed out.",
    "preferences": "Your preferences are saved.",
    "session": "That browser is signed out.",
    "off": "Your second factor is off. Your password alone lets you in now.",
}


@editor_only
async def show(request: Request, session: Session) -> Response:
    """Show the account page."""
    return await _page(request, session)


@editor_only
async def change_password(request: Request, session: Session) -> Response:
    """Change the password. This browser gets a new session; all other sessions end."""
    context = context_of(request)
    form: dict[str, str] = request.state.form

    def act() -> auth.SignedIn:
        _confirm(request, session, "password-current")
        editor = accounts.change_password(
            context.db,
            session.editor,
            password=form.get("password-new", ""),
            site_name=context.settings.site_name,
        )
        agent = request.headers.get("user-agent", "")
        return auth.open_session(context.db, editor, now=context.now(), browser=agent)

    try:
        opened = await context.hashing.run(act, known=True)
    except Invalid as error:
        return await _page(request, session, error)
    logger.warning("event=password-changed editor=%d", session.editor.id)
    response = _done("password")
    security.set_cookie(response, context.settings, SESSION, opened.token)
    remember_browser(request, response, opened.editor)
    return response


@editor_only
async def prefer(request: Request, session: Session) -> Response:
    """Store the preferences."""
    db, form = context_of(request).db, request.state.form
    try:
        await run_in_threadpool(accounts.prefer, db, session.editor, form)
    except Invalid as error:
        return await _page(request, session, error)
    return _done("preferences")


@editor_only
async def sign_out_browser(request: Request, session: Session) -> Response:
    """End one session. Only this browser keeps a valid device cookie."""
    wanted = request.state.form.get("session", "")
    editor = await run_in_threadpool(
        accounts.sign_out_browser, context_of(request).db, session.editor, wanted
    )
    response = _done("session")
    if wanted != session.id:
        remember_browser(request, response, editor)
    return response


@editor_only
async def sign_out_everywhere(request: Request, session: Session) -> Response:
    """End every session of the editor, including this one."""
    context = context_of(request)
    await run_in_threadpool(accounts.sign_out_everywhere, context.db, session.editor)
    logger.warning("event=sign-out-everywhere editor=%d", session.editor.id)
    response = RedirectResponse(SIGN_IN, 303)
    security.clear_cookie(response, context.settings, SESSION)
    return response


@editor_only
async def second_factor_page(request: Request, session: Session) -> Response:
    """Show how to turn the second factor on, or how to manage it once it is on."""
    return await _second_factor(request, session)


@editor_only
async def turn_on(request: Request, session: Session) -> Response:
    """Turn the second factor on and show the recovery codes, once."""
    context = context_of(request)
    form: dict[str, str] = request.state.form
    seed = form.get("seed", "")

    def act() -> list[str]:
        if session.editor.has_second_factor:
            raise Conflict("Your second factor is on already. Turn it off before you change it.")
        _confirm(request, session, "password")
        return second_factor.turn_on(
            context.db,
            context.secret,
            session.editor,
            seed=seed,
            code=form.get("code", ""),
            now=context.now(),
        )

    if not second_factor.is_seed(seed):
        return RedirectResponse(SECOND_FACTOR, 303)
    try:
        codes = await context.hashing.run(act, known=True)
    except Invalid as error:
        return await _second_factor(request, session, error, seed=seed)
    logger.warning("event=second-factor result=on editor=%d", session.editor.id)
    return page(request, "recovery_codes.html", session=session, codes=codes, fresh=True)


@editor_only
async def renew_codes(request: Request, session: Session) -> Response:
    """Replace the recovery codes and show the new ones, once."""
    context = context_of(request)

    def act() -> list[str]:
        if not session.editor.has_second_factor:
            raise Conflict("Your second factor is off, so there is nothing to recover from.")
        _confirm(request, session, "password-codes")
        return second_factor.renew_codes(context.db, context.secret, session.editor)

    try:
        codes = await context.hashing.run(act, known=True)
    except Invalid as error:
        return await _second_factor(request, session, error)
    logger.warning("event=recovery-codes result=renewed editor=%d", session.editor.id)
    return page(request, "recovery_codes.html", session=session, codes=codes, fresh=False)


@editor_only
async def turn_off(request: Request, session: Session) -> Response:
    """Turn the second factor off."""
    context = context_of(request)

    def act() -> None:
        _confirm(request, session, "password-off")
        second_factor.turn_off(context.db, session.editor.id)

    try:
        await context.hashing.run(act, known=True)
    except Invalid as error:
        return await _second_factor(request, session, error)
    logger.warning("event=second-factor result=off editor=%d", session.editor.id)
    return _done("off")


def _confirm(request: Request, session: Session, field: str) -> None:
    """Check the editor's password in the form field `field`.

    A session alone is not enough: somebody at an unlocked browser could take over the account.
    Raises `Invalid` if the password is wrong and `TooMany` after too many attempts.
    """
    context = context_of(request)
    counters = login_throttle.for_session(session.editor.id, session.id)
    attempt = login_throttle.attempt(context.db, context.secret, counters, now=context.now())
    typed = request.state.form.get(field, "")
    if not passwords.matches(session.editor.password_hash, typed):
        raise Invalid({field: WRONG_PASSWORD})
    login_throttle.good(context.db, attempt)


async def _page(request: Request, session: Session, error: Invalid | None = None) -> Response:
    context = context_of(request)
    browsers = await run_in_threadpool(
        lambda: accounts.browsers(
            context.db,
            session.editor,
            now=context.now(),
            idle=context.settings.session_idle,
            absolute=context.settings.session_life,
        )
    )
    return page(
        request,
        "account.html",
        error.status if error else 200,
        session=session,
        browsers=[(browser, in_words(browser.agent)) for browser in browsers],
        problems=error.fields if error else {},
        mail_choices=accounts.MAIL,
        done=DONE.get(request.query_params.get("done", "")),
    )


async def _second_factor(
    request: Request, session: Session, error: Invalid | None = None, seed: str = ""
) -> Response:
    context = context_of(request)
    status, problems = (error.status, error.fields) if error else (200, {})
    if session.editor.has_second_factor:
        left = await run_in_threadpool(second_factor.codes_left, context.db, session.editor)
        return page(
            request, "second_factor.html", status, session=session, problems=problems, left=left
        )
    seed = seed or second_factor.new_seed()
    secret = second_factor.secret_of(context.secret, seed)
    picture = second_factor.qr(
        secret, account=session.editor.email, site_name=context.settings.site_name
    )
    return page(
        request,
        "enrol.html",
        status,
        session=session,
        problems=problems,
        seed=seed,
        secret=" ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
        # Safe: an SVG that is generated from the QR matrix only.
        picture=Markup(picture),  # noqa: S704
    )


def _done(what: str) -> RedirectResponse:
    return RedirectResponse(f"{ACCOUNT}?done={what}", 303)


ROUTES = [
    Route(ACCOUNT, show, methods=["GET"]),
    Route("/moderate/account/password", change_password, methods=["POST"]),
    Route("/moderate/account/preferences", prefer, methods=["POST"]),
    Route("/moderate/account/sessions/end", sign_out_browser, methods=["POST"]),
    Route("/moderate/account/sessions/end-all", sign_out_everywhere, methods=["POST"]),
    Route(SECOND_FACTOR, second_factor_page, methods=["GET"]),
    Route("/moderate/account/second-factor/on", turn_on, methods=["POST"]),
    Route("/moderate/account/second-factor/codes", renew_codes, methods=["POST"]),
    Route("/moderate/account/second-factor/off", turn_off, methods=["POST"]),
]
