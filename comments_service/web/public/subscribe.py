"""Routes for following a discussion by mail: subscribe, confirm, unsubscribe.

The link authorises. GET requests change nothing, because mail scanners open links.
"""

import logging
from urllib.parse import urljoin

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from comments_service.domain import invisible_characters
from comments_service.domain.comment_form import email_problem
from comments_service.domain.errors import NotFound
from comments_service.domain.i18n import sentence
from comments_service.services import auth, email_confirmation, subscriptions
from comments_service.services.mail_limits import NotNow
from comments_service.services.subscriptions import Followers, NoMail
from comments_service.web.public.mail_links import AUTHOR, is_known
from comments_service.web.support import security
from comments_service.web.support.client_network import client_of
from comments_service.web.support.context import Context, context_of
from comments_service.web.support.forms import read_body, read_form
from comments_service.web.support.pages import page
from comments_service.web.support.problem_details import log_refusal
from comments_service.web.support.request_path import path_of

logger = logging.getLogger("rejoinder.service")

_FORM_LIMIT = 4_096
_NO_STORE = {"Cache-Control": "no-store"}


async def follow_form(request: Request) -> Response:
    """Show the form to subscribe to all replies to an article."""
    return await _form(request)


async def _form(
    request: Request, email: str = "", problem: str | None = None, later: NotNow | None = None
) -> Response:
    context = context_of(request)
    _need_mail(context)
    key = request.path_params["key"]
    found = await run_in_threadpool(subscriptions.page_to_follow, context.db, key)
    response = page(
        request,
        "follow.html",
        later.status if later else 422 if problem else 200,
        page=found,
        link=urljoin(context.settings.site_url, found.url),
        action=path_of(request),
        email=email,
        problem=problem,
        notice=later.detail if later else "",
        asked=request.query_params.get("asked", ""),
    )
    if later is not None:
        log_refusal(request, later)
        response.headers.update(later.headers)
    return response


async def follow(request: Request) -> Response:
    """Subscribe an address. The response does not reveal whether it is subscribed already."""
    context = context_of(request)
    security.check_origin(request, context.settings)
    _need_mail(context)
    form = await read_form(request, _FORM_LIMIT)
    email = invisible_characters.in_email(form.get("email", "").strip())
    if problem := email_problem(email):
        return await _form(request, email, problem)
    known = is_known(request, email)
    try:
        await run_in_threadpool(
            lambda: Followers(context.settings).follow_page(
                context.db,
                request.path_params["key"],
                email,
                known=known,
                client=client_of(request),
                now=context.now(),
            )
        )
    except NotNow as error:
        return await _form(request, email, later=error)
    logger.info("event=follow-asked kind=all known=%s", known)
    # Only a browser that has confirmed the address may learn that it was subscribed at once.
    done = "known" if known else "mail"
    return RedirectResponse(f"{path_of(request)}?asked={done}", 303, headers=_NO_STORE)


async def follow_reply(request: Request) -> Response:
    """Start or end mail about answers to a reply, from its status page."""
    context = context_of(request)
    security.check_origin(request, context.settings)
    public_id, token = request.path_params["id"], request.path_params["token"]
    if not auth.is_author_token(context.secret, public_id, token):
        raise NotFound(
            sentence("This link does not lead to a reply; check that it was copied whole.")
        )
    form = await read_form(request, _FORM_LIMIT)
    if form.get("action") == "end":
        await run_in_threadpool(
            lambda: subscriptions.end_reply(context.db, public_id, now=context.now())
        )
        logger.info("event=follow-ended reason=author")
    else:
        _need_mail(context)
        await run_in_threadpool(
            lambda: Followers(context.settings).follow_reply(
                context.db, public_id, client=client_of(request), now=context.now()
            )
        )
        logger.info("event=follow-asked kind=replies known=-")
    return RedirectResponse(f"/comments/status/{public_id}/{token}", 303, headers=_NO_STORE)


async def confirm_form(request: Request) -> Response:
    """Show what a mailed link subscribes to, with a button to confirm."""
    context = context_of(request)
    _need_mail(context)
    token = request.path_params["token"]
    link = await run_in_threadpool(subscriptions.look, context.db, token)
    one = link.subscription
    works = link.works(context.now())
    status = 410 if one.state == "asked" and not works else 200
    return page(
        request,
        "follow_confirm.html",
        status,
        one=one,
        kinds={wish.kind for wish in link.wishes},
        works=works,
        link=urljoin(context.settings.site_url, one.page_url),
        token=token,
    )


async def confirm(request: Request) -> Response:
    """Start the subscription, and set the cookie of a confirmed address; the link works once."""
    context = context_of(request)
    security.check_origin(request, context.settings)
    _need_mail(context)
    token = request.path_params["token"]
    email = await run_in_threadpool(
        lambda: subscriptions.confirm(context.db, token, now=context.now())
    )
    response = RedirectResponse(f"/comments/follow/{token}", 303, headers=_NO_STORE)
    if email is not None:
        logger.info("event=follow-confirmed")
        kept = email_confirmation.keep(context.secret, email, context.now())
        security.set_cookie(
            response, context.settings, AUTHOR, kept, days=email_confirmation.KNOWN_DAYS
        )
    return response


async def end_form(request: Request) -> Response:
    """Show the unsubscribe page of a mail, with its buttons."""
    return await _ending(request, ended=False)


async def end(request: Request) -> Response:
    """Unsubscribe from one article.

    Mail programs post to this address by themselves (RFC 8058): without cookies or Origin, in
    either form encoding. So only the link is checked, and the response is a page, not a redirect.
    """
    return await _end(request, everything=False)


async def end_all(request: Request) -> Response:
    """End all subscriptions of the link's address."""
    return await _end(request, everything=True)


async def _end(request: Request, *, everything: bool) -> Response:
    context = context_of(request)
    await read_body(request, _FORM_LIMIT)
    token = request.path_params["token"]
    count = await run_in_threadpool(
        lambda: subscriptions.end(
            context.db, context.secret, token, everything=everything, now=context.now()
        )
    )
    logger.info("event=follow-ended reason=%s count=%d", "all" if everything else "link", count)
    return await _ending(request, ended=True, everything=everything)


async def _ending(request: Request, *, ended: bool, everything: bool = False) -> Response:
    context = context_of(request)
    token = request.path_params["token"]
    one = await run_in_threadpool(subscriptions.ending, context.db, context.secret, token)
    return page(
        request,
        "unsubscribe.html",
        one=one,
        live=one is not None and one.state != "ended",
        link=urljoin(context.settings.site_url, one.page_url) if one else None,
        ended=ended,
        everything=everything,
        token=token,
    )


def _need_mail(context: Context) -> None:
    if not context.settings.sends_mail:
        raise NoMail(sentence("This site sends no mail, so no discussion can be followed by it."))


ROUTES = [
    Route("/comments/{key}/follow", follow_form, methods=["GET"]),
    Route("/comments/{key}/follow", follow, methods=["POST"]),
    Route("/comments/status/{id}/{token}/follow", follow_reply, methods=["POST"]),
    Route("/comments/follow/{token}", confirm_form, methods=["GET"]),
    Route("/comments/follow/{token}", confirm, methods=["POST"]),
    Route("/comments/unsubscribe/{token}", end_form, methods=["GET"]),
    Route("/comments/unsubscribe/{token}", end, methods=["POST"]),
    Route("/comments/unsubscribe/{token}/all", end_all, methods=["POST"]),
]
