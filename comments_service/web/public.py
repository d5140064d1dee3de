"""Readers' doors: post a reply, answer one, see what became of one's own."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import quote, urljoin

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from comments_service import auth, draft, submission
from comments_service.draft import Refused
from comments_service.errors import Forbidden, NotFound, Unavailable
from comments_service.language import sentence
from comments_service.mail import authors, followers
from comments_service.store import comments, pages
from comments_service.store.comments import Stored
from comments_service.tables import Status
from comments_service.web.context import Context, context_of
from comments_service.web.forms import Unreadable, read_form
from comments_service.web.mail_links import is_known
from comments_service.web.network import client_of
from comments_service.web.pages import message, page
from comments_service.web.permalinks import locate
from comments_service.web.problems import note_unavailable

EMPTY = dict.fromkeys(draft.FIELDS, "")


async def submit(request: Request) -> Response:
    """Store a reply; 303 to its author's private status page, or the form with what is wrong."""
    context = context_of(request)
    key = request.path_params["key"]
    typed = EMPTY
    try:
        try:
            form = await read_form(request, context.settings.body_limit)
            typed = _known(form)
            return await _store(request, key, form)
        except Unreadable as error:
            typed = _known(error.fields)
            problems, status = _unreadable(error, typed), error.status
        except Refused as error:
            typed, problems, status = error.kept, error.fields, error.status
        view = await run_in_threadpool(_look, context, key, typed["parent"])
    except (NotFound, Forbidden, Unavailable) as error:
        # The article is gone or closed, or we are: what was typed is still the reader's.
        note_unavailable(request, error)
        return message(request, error, text=typed["comment"])
    return _form_page(request, view, typed, problems, status)


def _known(form: Mapping[str, str]) -> dict[str, str]:
    return EMPTY | {name: form[name] for name in draft.FIELDS if name in form}


def _unreadable(error: Unreadable, typed: Mapping[str, str]) -> dict[str, str]:
    """Name the fields that have unreadable characters, or the comment if none of ours has."""
    marked = [name for name, value in typed.items() if "\N{REPLACEMENT CHARACTER}" in value]
    return dict.fromkeys(marked or ["comment"], error.detail)


async def _store(request: Request, key: str, form: dict[str, str]) -> Response:
    context = context_of(request)
    one = await context.preparing.prepare(key, form)
    one = one._replace(verified=is_known(request, one.draft.email), network=client_of(request))
    stored = await context.intake.submit(one)
    # What was asked for and cannot be: the status page says so.
    vain = "?mail=none" if one.draft.follow and not context.settings.sends_mail else ""
    path = status_path(context, stored.public_id) + vain
    return RedirectResponse(path, 303, headers={"Cache-Control": "no-store"})


class _View(NamedTuple):
    page: pages.Page
    parent: Stored | None


def _look(context: Context, key: str, parent: str) -> _View:
    with context.db.read() as connection:
        site = submission.the_site(connection)
        found = submission.open_page(connection, site, key)
        above = comments.find_public(connection, found.id, parent) if parent else None
    return _View(found, above)


async def reply_form(request: Request) -> Response:
    """Show the form that answers one reply; what a Reply link points to."""
    context = context_of(request)
    key, parent = request.path_params["key"], request.path_params["id"]
    view = await run_in_threadpool(_look, context, key, parent)
    if view.parent is None:
        raise NotFound(sentence("The reply that you want to answer is not there any more."))
    return _form_page(request, view, EMPTY | {"parent": parent})


def _form_page(
    request: Request,
    view: _View,
    form: Mapping[str, str],
    problems: Mapping[str, str] = MappingProxyType({}),
    status: int = 200,
) -> Response:
    return page(
        request,
        "reply.html",
        status,
        page=view.page,
        parent=view.parent,
        form=form,
        problems=problems,
        action=reply_path(view.page.key),
        follow=context_of(request).settings.sends_mail,
        article_link=urljoin(context_of(request).settings.site_url, view.page.url),
    )


async def to_article(request: Request) -> Response:
    """Lead somebody who opens the form's address to the article's own form."""
    context = context_of(request)
    view = await run_in_threadpool(_look, context, request.path_params["key"], "")
    return RedirectResponse(urljoin(context.settings.site_url, view.page.url) + "#respond", 303)


async def status(request: Request) -> Response:
    """Tell the author of a reply, and nobody else, what became of it."""
    context = context_of(request)
    public_id, token = request.path_params["id"], request.path_params["token"]
    if not auth.is_author_token(context.secret, public_id, token):
        raise NotFound(
            sentence("This link does not lead to a reply; check that it was copied whole.")
        )
    reply, place = await run_in_threadpool(locate, context, public_id)
    link = urljoin(context.settings.site_url, reply.page_url)
    # What can be asked for while it waits, where mail leaves.
    mails = context.settings.sends_mail
    asks = reply.status == Status.PENDING and mails
    follows = mails and reply.status in {Status.PENDING, Status.APPROVED}
    return page(
        request,
        "status.html",
        reply=reply,
        link=link,
        place=place,
        address=await run_in_threadpool(authors.standing, context.db, public_id) if asks else None,
        ask=f"{request.url.path}/confirm",
        follow=await run_in_threadpool(followers.standing, context.db, public_id)
        if follows
        else None,
        follow_action=f"{request.url.path}/follow",
        no_mail=not mails and "mail" in request.query_params,
    )


def reply_path(key: str) -> str:
    """Return the address that takes replies to the page."""
    return f"/comments/{quote(key, safe='')}"


def status_path(context: Context, public_id: str) -> str:
    """Return the author's private link."""
    return f"/comments/status/{public_id}/{auth.author_token(context.secret, public_id)}"


ROUTES = [
    Route("/comments/{key}", submit, methods=["POST"]),
    Route("/comments/{key}", to_article, methods=["GET"]),
    Route("/comments/{key}/reply/{id}", reply_form, methods=["GET"]),
    Route("/comments/status/{id}/{token}", status, methods=["GET"]),
]
