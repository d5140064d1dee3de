"""Routes for posting and previewing replies.

Browsers get HTML pages. The article's script sends `Accept: application/json` and gets the same
texts as JSON.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import quote, urljoin

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from comments_service.domain import comment_form
from comments_service.domain.comment_form import Refused
from comments_service.domain.errors import Forbidden, NotFound, ServiceError, TooMany, Unavailable
from comments_service.domain.i18n import counted, sentence
from comments_service.services import submission
from comments_service.services.pages import PageWithParent, open_page_with_parent
from comments_service.web.public import author_page
from comments_service.web.public.mail_links import is_known
from comments_service.web.support import security
from comments_service.web.support.client_network import client_of, network_of
from comments_service.web.support.context import Context, context_of
from comments_service.web.support.forms import Unreadable, read_form
from comments_service.web.support.json_responses import json_answer, json_problem, wants_json
from comments_service.web.support.pages import Back, message, page
from comments_service.web.support.problem_details import log_refusal

EMPTY = dict.fromkeys(comment_form.FIELDS, "")
# Invalid forms count against an in-memory limit only: a reply may need several tries.
TRIES_PER_POST = 10
FOREIGN = sentence(
    "This comment was not sent from a page of this site, so it was not posted. "
    "Copy your text, open the article, and post it there."
)


async def submit(request: Request) -> Response:
    """Store a reply and redirect to its status page, or show the form again with its errors."""
    context = context_of(request)
    key = request.path_params["key"]
    typed = EMPTY
    try:
        try:
            form = await read_form(request, context.settings.body_limit)
            typed = _known(form)
            security.check_origin(request, context.settings, FOREIGN)
            context.post_limit.count(network_of(request), context.now())
            return await _store(request, key, form)
        except Unreadable as error:
            typed = _known(error.fields)
            problems, status = _unreadable(error, typed), error.status
        except Refused as error:
            typed, problems, status = error.kept, error.fields, error.status
        except TooMany as error:
            return await _not_yet(request, key, typed, error)
        view = await run_in_threadpool(open_page_with_parent, context.db, key, typed["parent"])
    except (NotFound, Forbidden, Unavailable) as error:
        # Page missing or closed, or service unavailable: return the typed text so it isn't lost.
        return await _kept_for(request, key, error, typed)
    except ServiceError as error:
        if wants_json(request):
            return json_problem(request, error)
        raise
    return _form_page(request, view, typed, problems, status)


async def _not_yet(
    request: Request, key: str, typed: Mapping[str, str], error: TooMany
) -> Response:
    """Respond to a rate-limited post: the filled-in form and the time to wait."""
    shown = TooMany(error.until, context_of(request).now(), _posted_too_often(error.seconds))
    log_refusal(request, error)
    if wants_json(request):
        answer = json_problem(request, shown)
    else:
        view = await run_in_threadpool(
            open_page_with_parent, context_of(request).db, key, typed["parent"]
        )
        answer = _form_page(request, view, typed, status=shown.status, notice=shown.detail)
    answer.headers.update(shown.headers)
    return answer


def _posted_too_often(seconds: int) -> str:
    if seconds < 120:
        return counted(
            "Many comments came in a short time, so yours is not posted yet. Your text is kept: "
            "post it again in %(num)s second.",
            "Many comments came in a short time, so yours is not posted yet. Your text is kept: "
            "post it again in %(num)s seconds.",
            seconds,
        )
    return counted(
        "Many comments came in a short time, so yours is not posted yet. Your text is kept: "
        "post it again in %(num)s minute.",
        "Many comments came in a short time, so yours is not posted yet. Your text is kept: "
        "post it again in %(num)s minutes.",
        math.ceil(seconds / 60),
    )


async def preview(request: Request) -> Response:
    """Show the form with a preview of its text. Nothing is stored."""
    context = context_of(request)
    key = request.path_params["key"]
    typed, html = EMPTY, ""
    problems: Mapping[str, str] = {}
    status = 200
    try:
        try:
            form = await read_form(request, context.settings.body_limit)
            typed = _known(form)
            security.check_origin(request, context.settings, FOREIGN)
            html = await context.previews.of(
                typed["comment"], network=network_of(request), now=context.now()
            )
        except Unreadable as error:
            typed = _known(error.fields)
            problems, status = _unreadable(error, typed), error.status
        except Refused as error:
            typed |= error.kept
            problems, status = error.fields, error.status
        if wants_json(request) and not problems:
            return json_answer({"html": html})
        view = await run_in_threadpool(open_page_with_parent, context.db, key, typed["parent"])
    except (NotFound, Forbidden, Unavailable, TooMany) as error:
        return await _kept_for(request, key, error, typed)
    except ServiceError as error:
        if wants_json(request):
            return json_problem(request, error)
        raise
    return _form_page(request, view, typed, problems, status, preview=html)


async def _kept_for(
    request: Request, key: str, error: ServiceError, typed: Mapping[str, str]
) -> Response:
    """Respond with the error, the typed text, and a link to the article if it exists."""
    log_refusal(request, error)
    if wants_json(request):
        answer = json_problem(request, error)
    else:
        back = await run_in_threadpool(_back_to, context_of(request), key)
        answer = message(request, error, text=typed["comment"], back=back)
    if isinstance(error, TooMany):
        answer.headers.update(error.headers)
    return answer


def _back_to(context: Context, key: str) -> Back | None:
    try:
        found = open_page_with_parent(context.db, key, "").page
    except ServiceError:
        return None
    return Back(found.title, urljoin(context.settings.site_url, found.url) + "#respond")


def _known(form: Mapping[str, str]) -> dict[str, str]:
    return EMPTY | {name: form[name] for name in comment_form.FIELDS if name in form}


def _unreadable(error: Unreadable, typed: Mapping[str, str]) -> dict[str, str]:
    """Return the error for each field with U+FFFD; for the comment field if there is none."""
    marked = [name for name, value in typed.items() if "\N{REPLACEMENT CHARACTER}" in value]
    return dict.fromkeys(marked or ["comment"], error.detail)


async def _store(request: Request, key: str, form: dict[str, str]) -> Response:
    context = context_of(request)
    reply = await context.render_pool.prepare(key, form)
    verified = is_known(request, reply.draft.email)
    reply = submission.sent_by(reply, context.secret, client_of(request), verified=verified)
    stored = await context.write_batcher.submit(reply)
    mail = ""
    # The status page explains why a requested follow mail is not sent.
    if reply.draft.follow and not context.settings.sends_mail:
        mail = "none"
    elif stored.unfollowed:
        mail = "later"
    link = author_page.link_after(
        author_page.status_path(context, stored.public_id), cleaned=reply.draft.cleaned, mail=mail
    )
    if wants_json(request):
        answer = await author_page.as_json(
            request,
            stored.public_id,
            link,
            notice=author_page.NOT_FOLLOWED if stored.unfollowed else "",
        )
        answer.status_code = 200 if stored.resent else 201
        answer.headers["Location"] = link
        return answer
    return RedirectResponse(link, 303, headers={"Cache-Control": "no-store"})


async def reply_form(request: Request) -> Response:
    """Show the form to answer a reply: the target of its Reply link."""
    context = context_of(request)
    key, parent = request.path_params["key"], request.path_params["id"]
    view = await run_in_threadpool(open_page_with_parent, context.db, key, parent)
    if view.parent is None:
        gone = NotFound(sentence("The reply that you want to answer is not there any more."))
        article = urljoin(context.settings.site_url, view.page.url)
        return message(request, gone, back=Back(view.page.title, f"{article}#respond"))
    return _form_page(request, view, EMPTY | {"parent": parent})


def _form_page(
    request: Request,
    view: PageWithParent,
    form: Mapping[str, str],
    problems: Mapping[str, str] = MappingProxyType({}),
    status: int = 200,
    *,
    preview: str = "",
    notice: str = "",
) -> Response:
    if wants_json(request):
        return json_problem(
            request, comment_form.Refused(problems, form), status=status, errors=problems
        )
    return page(
        request,
        "reply.html",
        status,
        page=view.page,
        parent=view.parent,
        form=form,
        problems=problems,
        preview=preview,
        notice=notice,
        action=reply_path(view.page.key),
        follow=context_of(request).settings.sends_mail,
        article_link=urljoin(context_of(request).settings.site_url, view.page.url),
    )


async def to_article(request: Request) -> Response:
    """Redirect a GET of the posting address to the form on the article."""
    context = context_of(request)
    view = await run_in_threadpool(
        open_page_with_parent, context.db, request.path_params["key"], ""
    )
    return RedirectResponse(urljoin(context.settings.site_url, view.page.url) + "#respond", 303)


def reply_path(key: str) -> str:
    """Return the path to post replies to the page with this key."""
    return f"/comments/{quote(key, safe='')}"


ROUTES = [
    Route("/comments/{key}", submit, methods=["POST"]),
    Route("/comments/{key}", to_article, methods=["GET"]),
    Route("/comments/{key}/preview", preview, methods=["POST"]),
    Route("/comments/{key}/preview", to_article, methods=["GET"]),
    Route("/comments/{key}/reply/{id}", reply_form, methods=["GET"]),
    *author_page.ROUTES,
]
