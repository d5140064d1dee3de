"""The private status page of a reply, where its author can edit, remove or follow it.

The link authorises: there is no other sign-in. GET requests change nothing.
"""

import math
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from comments_service.domain import comment_form
from comments_service.domain.comment_form import Refused
from comments_service.domain.errors import (
    Conflict,
    Invalid,
    NotFound,
    ServiceError,
    TooMany,
    Unavailable,
)
from comments_service.domain.i18n import sentence
from comments_service.domain.models import Status
from comments_service.services import (
    auth,
    author_actions,
    email_confirmation,
    rate_limit,
    reply_versions,
    subscriptions,
)
from comments_service.services.author_actions import Standing, View
from comments_service.web.public.mail_links import author_cookie
from comments_service.web.support import security
from comments_service.web.support.client_network import client_of, network_of
from comments_service.web.support.context import Context, context_of
from comments_service.web.support.forms import Unreadable, read_form
from comments_service.web.support.json_responses import json_answer, wants_json
from comments_service.web.support.pages import message, page, render
from comments_service.web.support.problem_details import log_refusal
from comments_service.web.support.request_path import path_of

WRONG_LINK = sentence("This link does not lead to a reply; check that it was copied whole.")
NOT_FOLLOWED = sentence(
    "Your reply is stored, but no mail could be sent for following the discussion: many mails were "
    "asked for in a short time. Ask again later on your reply’s own page."
)
NO_STORE = {"Cache-Control": "no-store"}


async def status(request: Request) -> Response:
    """Show the status page of a reply."""
    context = context_of(request)
    public_id = _whose(request)
    if wants_json(request):
        return await as_json(request, public_id, path_of(request))
    view = await run_in_threadpool(look, context, public_id)
    # Confirming the address and following the discussion need outgoing mail.
    mails = context.settings.sends_mail
    asks = view.reply.status == Status.PENDING and mails
    follows = mails and view.reply.status in {Status.PENDING, Status.APPROVED}
    follow = (
        await run_in_threadpool(subscriptions.standing, context.db, public_id) if follows else None
    )
    later = request.query_params.get("mail") == "later"
    return page(
        request,
        "status.html",
        view=view,
        reply=view.reply,
        base=path_of(request),
        minutes_left=_minutes_to(view.open_until, context.now()),
        address=await run_in_threadpool(email_confirmation.standing, context.db, public_id)
        if asks
        else None,
        follow=follow,
        notice=NOT_FOLLOWED
        if later and follow is not None and not follow.asked and not follow.confirmed
        else "",
        follow_action=f"{path_of(request)}/follow",
        no_mail=not mails and "mail" in request.query_params,
        cleaned=_cleaned(request.url.query),
    )


async def as_json(request: Request, public_id: str, link: str, *, notice: str = "") -> Response:
    """Return the reply as JSON with its rendered card, which the article's script inserts."""
    view = await run_in_threadpool(look, context_of(request), public_id)
    card = render(
        request,
        "fragments/own.html",
        view=view,
        reply=view.reply,
        link=link,
        notice=notice,
        cleaned=_cleaned(urlsplit(link).query),
    )
    return json_answer(
        {
            "id": public_id,
            "parent": view.parent,
            "state": view.standing.value,
            "link": link,
            "html": card,
        }
    )


def link_after(path: str, *, cleaned: Collection[str], mail: str = "") -> str:
    """Return the private link with the notices to show right after the reply was posted.

    `cleaned` are the fields from which invisible characters were removed. `mail` explains why a
    requested follow mail is not sent: "none" if the service sends no mail, "later" if a limit was
    reached.
    """
    notices = {"cleaned": " ".join(cleaned), "mail": mail}
    query = urlencode({name: value for name, value in notices.items() if value})
    return f"{path}?{query}" if query else path


def _cleaned(query: str) -> list[str]:
    """Return the labels of the fields that `cleaned` in the query names."""
    named = dict(parse_qsl(query)).get("cleaned", "").split()
    return [label for name, label in comment_form.LABELS.items() if name in named]


async def edit_form(request: Request) -> Response:
    """Show the edit form, or redirect to the status page if the edit window is over."""
    view = await _mine(request)
    if view.open_until is None:
        return _to_status(request)
    return _edit_page(request, view, view.reply.text)


async def edit(request: Request) -> Response:
    """Replace the reply's text, or preview it."""
    context = context_of(request)
    security.check_origin(request, context.settings)
    public_id, text = _whose(request), ""
    try:
        try:
            form = await read_form(request, context.settings.body_limit)
            text = form.get("comment", "")
            if "preview" in form:
                html = await context.previews.of(
                    text, network=network_of(request), now=context.now()
                )
                return _edit_page(request, await _mine(request), text, preview=html, form=form)
            await run_in_threadpool(_count_change, request)
            await run_in_threadpool(_edit, request, public_id, form)
        except Unreadable as error:
            text, problems = error.fields.get("comment", ""), {"comment": error.detail}
            return _edit_page(request, await _mine(request), text, problems, error.status)
        except Refused as error:
            text = error.kept.get("comment", text)
            return _edit_page(
                request, await _mine(request), text, error.fields, error.status, form=form
            )
        except Conflict as error:
            return await _edited_meanwhile(request, error, text)
    except (NotFound, Unavailable, TooMany) as error:
        return _kept(request, error, text)
    return _to_status(request)


async def _edited_meanwhile(request: Request, error: Conflict, text: str) -> Response:
    now = await _mine(request)
    with suppress(Refused):
        if comment_form.check_text(text) == now.reply.text:
            # A double click: the first request has stored this text.
            return _to_status(request)
    if now.open_until is None:
        return _ask_page(
            request, now, {"kind": "edit"}, status=error.status, told=error.detail, kept=text
        )
    return _edit_page(request, now, text, {"comment": error.detail}, error.status, theirs=True)


def _count_change(request: Request) -> None:
    """Count a change by an author. Raises `RateLimited` if the network has made too many."""
    context = context_of(request)
    buckets = context.change_limits.buckets(client_of(request))
    rate_limit.count(context.db, context.secret, buckets, now=context.now())


def _edit(request: Request, public_id: str, form: Mapping[str, str]) -> None:
    context = context_of(request)
    author_actions.edit(
        context.db,
        context.secret,
        public_id,
        form.get("comment", ""),
        was=form.get("was", ""),
        version=form.get("version", ""),
        client=client_of(request),
        author_cookie=author_cookie(request),
        window=context.settings.edit_window,
        now=context.now(),
    )


async def remove_form(request: Request) -> Response:
    """Ask for confirmation before removing the reply."""
    view = await _mine(request)
    if view.open_until is None:
        return _to_status(request)
    return page(request, "own_remove.html", view=view, reply=view.reply, base=_base(request))


async def remove(request: Request) -> Response:
    """Remove the reply from the site or from the queue."""
    context = context_of(request)
    security.check_origin(request, context.settings)
    view = await _mine(request)
    form = await read_form(request, context.settings.body_limit)
    await run_in_threadpool(_count_change, request)
    try:
        await run_in_threadpool(
            lambda: author_actions.remove(
                context.db,
                view.reply.public_id,
                was=form.get("was", ""),
                window=context.settings.edit_window,
                now=context.now(),
            )
        )
    except Conflict as error:
        now = await _mine(request)
        if now.standing == Standing.REMOVED:
            # A double click: the first request has removed it.
            return _to_status(request)
        if now.open_until is None:
            return _ask_page(
                request, now, {"kind": "remove"}, status=error.status, told=error.detail
            )
    # Also after a conflict: the status page shows the current status.
    return _to_status(request)


async def ask_form(request: Request) -> Response:
    """Show the form that asks the editors to change or remove the reply."""
    return _ask_page(request, await _mine(request), {})


async def ask(request: Request) -> Response:
    """Store an author request, which the editors see with the reply."""
    context = context_of(request)
    security.check_origin(request, context.settings)
    public_id = _whose(request)
    form: Mapping[str, str] = {}
    try:
        try:
            form = await read_form(request, context.settings.body_limit)
            await run_in_threadpool(_count_change, request)
            await run_in_threadpool(
                lambda: author_actions.ask(
                    context.db,
                    public_id,
                    form.get("kind", ""),
                    form.get("words", ""),
                    now=context.now(),
                )
            )
        except Unreadable as error:
            form, problems = error.fields, {"words": error.detail}
            return _ask_page(request, await _mine(request), form, problems, error.status)
        except Invalid as error:
            return _ask_page(request, await _mine(request), form, error.fields, error.status)
        except TooMany as error:
            log_refusal(request, error)
            view = await _mine(request)
            answer = _ask_page(request, view, form, status=error.status, told=error.detail)
            answer.headers.update(error.headers)
            return answer
    except (NotFound, Unavailable) as error:
        return _kept(request, error, form.get("words", ""))
    return _to_status(request)


def _minutes_to(end: datetime | None, now: datetime) -> int:
    # Round up, so that the last minute shows as 1.
    return 0 if end is None else max(math.ceil((end - now) / timedelta(minutes=1)), 1)


def look(context: Context, public_id: str) -> View:
    """Return the reply and its state for its author; raises `NotFound`."""
    settings = context.settings
    return author_actions.look(
        context.db,
        public_id,
        site_url=settings.site_url,
        window=settings.edit_window,
        now=context.now(),
    )


def status_path(context: Context, public_id: str) -> str:
    """Return the author's private link."""
    return f"/comments/status/{public_id}/{auth.author_token(context.secret, public_id)}"


def _whose(request: Request) -> str:
    """Return the id of the reply that the link is for; raises `NotFound`."""
    public_id, token = request.path_params["id"], request.path_params["token"]
    if not auth.is_author_token(context_of(request).secret, public_id, token):
        raise NotFound(WRONG_LINK)
    return str(public_id)


async def _mine(request: Request) -> View:
    """Return the reply that the link is for; raises `NotFound`."""
    return await run_in_threadpool(look, context_of(request), _whose(request))


def _base(request: Request) -> str:
    return f"/comments/status/{request.path_params['id']}/{request.path_params['token']}"


def _to_status(request: Request) -> Response:
    return RedirectResponse(_base(request), 303, headers=NO_STORE)


def _kept(request: Request, error: ServiceError, text: str) -> Response:
    log_refusal(request, error)
    answer = message(request, error, text=text)
    if isinstance(error, TooMany):
        answer.headers.update(error.headers)
    return answer


def _edit_page(
    request: Request,
    view: View,
    text: str,
    problems: Mapping[str, str] = MappingProxyType({}),
    status: int = 200,
    *,
    preview: str = "",
    theirs: bool = False,
    form: Mapping[str, str] | None = None,
) -> Response:
    # The status and version that the author saw: from the sent form, else the current ones.
    seen = {"was": view.reply.status, "version": reply_versions.token(view.reply)}
    if form is not None:
        seen |= {name: form[name] for name in seen if name in form}
    values: dict[str, Any] = {"view": view, "reply": view.reply, "base": _base(request)}
    return page(
        request,
        "own_edit.html",
        status,
        text=text,
        problems=problems,
        preview=preview,
        theirs=theirs,
        seen=seen,
        **values,
    )


def _ask_page(
    request: Request,
    view: View,
    form: Mapping[str, str],
    problems: Mapping[str, str] = MappingProxyType({}),
    status: int = 200,
    *,
    told: str = "",
    kept: str = "",
) -> Response:
    return page(
        request,
        "own_ask.html",
        status,
        view=view,
        reply=view.reply,
        base=_base(request),
        form={"kind": form.get("kind", ""), "words": form.get("words", "")},
        problems=problems,
        told=told,
        kept=kept,
        most=author_actions.WORDS_MOST,
    )


_PATH = "/comments/status/{id}/{token}"
ROUTES = [
    Route(_PATH, status, methods=["GET"]),
    Route(_PATH + "/edit", edit_form, methods=["GET"]),
    Route(_PATH + "/edit", edit, methods=["POST"]),
    Route(_PATH + "/remove", remove_form, methods=["GET"]),
    Route(_PATH + "/remove", remove, methods=["POST"]),
    Route(_PATH + "/ask", ask_form, methods=["GET"]),
    Route(_PATH + "/ask", ask, methods=["POST"]),
]
