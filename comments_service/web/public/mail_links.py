"""Routes of links in mail: decide about a reply, confirm an address.

The link authorises. GET requests change nothing, because mail scanners open links.
"""

import logging

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from comments_service.domain.errors import Conflict, NotFound
from comments_service.domain.i18n import sentence
from comments_service.services import auth, email_confirmation, mail_decisions
from comments_service.web.support import security
from comments_service.web.support.client_network import client_of
from comments_service.web.support.context import context_of
from comments_service.web.support.forms import read_form
from comments_service.web.support.pages import page

logger = logging.getLogger("rejoinder.service")

AUTHOR = "rejoinder_author"
_FORM_LIMIT = 4_096
_NO_STORE = {"Cache-Control": "no-store"}


async def decide_form(request: Request) -> Response:
    """Show the reply of an editor's link, with buttons to decide about it."""
    context = context_of(request)
    found = await run_in_threadpool(mail_decisions.look, context.db, request.path_params["token"])
    # 410: the link existed, but was used or has expired.
    return _decide_page(request, found, 200 if found.works(context.now()) else 410)


def _decide_page(
    request: Request, found: mail_decisions.Looked, status: int, problem: str = ""
) -> Response:
    return page(
        request,
        "mail_decide.html",
        status,
        found=found,
        works=found.works(context_of(request).now()),
        problem=problem,
        token=request.path_params["token"],
        verbs=mail_decisions.VERBS,
    )


async def decide(request: Request) -> Response:
    """Decide about the reply; the link works once."""
    context = context_of(request)
    security.check_origin(request, context.settings)
    form = await read_form(request, _FORM_LIMIT)
    token = request.path_params["token"]
    version = form.get("version")
    try:
        done = await run_in_threadpool(
            lambda: mail_decisions.decide(
                context.db, token, form.get("action", ""), version=version, now=context.now()
            )
        )
    except Conflict as error:
        # The link stays valid: show the reply as it is now.
        found = await run_in_threadpool(mail_decisions.look, context.db, token)
        return _decide_page(request, found, error.status, error.detail)
    if done is not None:
        logger.info("event=mail-link action=%s editor=%d", form["action"], done.editor.id)
    # Either way, the page shows what happened to the link and the reply.
    return RedirectResponse(f"/moderate/mail/{token}", 303, headers=_NO_STORE)


async def ask(request: Request) -> Response:
    """Mail the author of a reply a link to confirm the address."""
    context = context_of(request)
    security.check_origin(request, context.settings)
    public_id, token = request.path_params["id"], request.path_params["token"]
    if not auth.is_author_token(context.secret, public_id, token):
        raise NotFound(
            sentence("This link does not lead to a reply; check that it was copied whole.")
        )
    if not context.settings.sends_mail:
        raise Conflict(sentence("This site sends no mail, so no address can be confirmed."))
    await run_in_threadpool(
        lambda: email_confirmation.ask(
            context.db,
            context.settings,
            public_id,
            client=client_of(request),
            now=context.now(),
        )
    )
    return RedirectResponse(f"/comments/status/{public_id}/{token}", 303, headers=_NO_STORE)


async def confirm_form(request: Request) -> Response:
    """Show which address the link confirms, with a button to confirm it."""
    context = context_of(request)
    token = request.path_params["token"]
    found = await run_in_threadpool(email_confirmation.look, context.db, token)
    used = found.link.used_at is not None
    works = not used and found.link.expires_at > context.now()
    status = 200 if works or used else 410
    return page(request, "confirm.html", status, found=found, works=works, used=used, token=token)


async def confirm(request: Request) -> Response:
    """Confirm the address and set a cookie that confirms later replies from this browser.

    The link works once.
    """
    context = context_of(request)
    security.check_origin(request, context.settings)
    token = request.path_params["token"]
    kept = await run_in_threadpool(
        lambda: email_confirmation.confirm(context.db, context.secret, token, now=context.now())
    )
    response = RedirectResponse(f"/comments/confirm/{token}", 303, headers=_NO_STORE)
    if kept is not None:
        logger.info("event=address-confirmed")
        security.set_cookie(
            response, context.settings, AUTHOR, kept, days=email_confirmation.KNOWN_DAYS
        )
    return response


def is_known(request: Request, email: str) -> bool:
    """Return whether this browser has confirmed the address before."""
    context, kept = context_of(request), author_cookie(request)
    return bool(kept) and email_confirmation.is_known(context.secret, kept, email, context.now())


def author_cookie(request: Request) -> str:
    """Return the cookie that proves a confirmed address, or ""."""
    return request.cookies.get(security.cookie_name(context_of(request).settings, AUTHOR), "")


ROUTES = [
    Route("/moderate/mail/{token}", decide_form, methods=["GET"]),
    Route("/moderate/mail/{token}", decide, methods=["POST"]),
    Route("/comments/status/{id}/{token}/confirm", ask, methods=["POST"]),
    Route("/comments/confirm/{token}", confirm_form, methods=["GET"]),
    Route("/comments/confirm/{token}", confirm, methods=["POST"]),
]
