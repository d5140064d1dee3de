"""Renders the service's HTML pages with Jinja."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from comments_service.domain import comment_form, i18n, labels
from comments_service.domain.errors import ServiceError
from comments_service.domain.i18n import Sentence, Words
from comments_service.domain.publish_state import live_state
from comments_service.services import reply_versions
from comments_service.store.editors import Session
from comments_service.store.queue import Queued
from comments_service.web.support import security
from comments_service.web.support.context import context_of

PACKAGE = Path(__file__).parents[2]


def iso(value: datetime) -> str:
    """Format a UTC datetime for `<time datetime>`."""
    return value.strftime("%Y-%m-%dT%H:%M:%SZ")


def _live_state(reply: Queued) -> str | None:
    return live_state(
        reply.revision, reply.written_revision, reply.live_revision, reply.stalled, reply.status
    )


def _environment(words: Callable[[], Words]) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(PACKAGE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Translate sentences into the language of the page.
        finalize=lambda value: words().say(value) if isinstance(value, Sentence) else value,
    )
    environment.add_extension("jinja2.ext.i18n")
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        lambda text: words().gettext(text),
        lambda one, many, number: words().ngettext(one, many, number),
        newstyle=True,
        pgettext=lambda context, text: words().pgettext(context, text),
        npgettext=lambda context, one, many, n: words().npgettext(context, one, many, n),
    )
    environment.filters |= {
        "day": lambda value: words().day(value),
        "iso": iso,
        "number": lambda value: words().number(value),
        "reason_in_words": labels.reason_in_words,
        "say": lambda text: words().say(text),
        "when": lambda value: words().when(value),
        "request_token": reply_versions.request_token,
    }
    environment.filters["version_token"] = reply_versions.token
    environment.globals |= {
        "limits": comment_form.LIMITS,
        "reasons": labels.REASONS,
        "done": labels.DONE,
        "fields": labels.FIELDS,
        "said": labels.said,
        "live_state": _live_state,
    }
    return environment


_for_readers = _environment(i18n.site)
_for_editors = _environment(lambda: i18n.ENGLISH)
# Paths of pages for editors and the site side, which are always in English.
_EDITORS = ("/moderate", "/comments/api")


class Back(NamedTuple):
    """The link of an error page back to another page."""

    title: str
    url: str


def speaks(request: Request) -> Words:
    """Return the translations for the response: the site's language, English for editors."""
    path = request.scope["path"]
    editors = any(path == root or path.startswith(f"{root}/") for root in _EDITORS)
    return i18n.ENGLISH if editors else i18n.site()


def render(request: Request, template: str, **values: Any) -> str:
    """Render a template with the variables that every page has."""
    settings = context_of(request).settings
    words = speaks(request)
    templates = _for_editors if words is i18n.ENGLISH else _for_readers
    return templates.get_template(template).render(
        language=words.tag,
        direction=words.direction,
        site_name=settings.site_name,
        site_url=settings.site_url,
        stylesheet=settings.stylesheet,
        **values,
    )


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a template into a response with security headers."""
    settings = context_of(request).settings
    html = render(request, template, **values)
    # Only signed-in editors' pages may run scripts, and only our own.
    headers = security.headers(settings, scripts="session" in values)
    if template.startswith("fragments/"):
        headers["X-Fragment"] = "1"
    return HTMLResponse(html, status, headers=headers)


def message(
    request: Request, error: ServiceError, *, text: str = "", back: Back | None = None
) -> HTMLResponse:
    """Render an error page.

    `text` is text that the reader typed, shown so that it is not lost. The page links to `back`, or
    else to the front page.
    """
    words = speaks(request)
    title, detail = words.gettext(error.title), words.say(error.detail)
    values = {"title": title, "detail": detail, "text": text, "back": back}
    return page(request, "message.html", error.status, **values)


def is_of_queue(request: Request) -> bool:
    """Return whether the address belongs to the moderation queue."""
    path = request.url.path
    return path == "/moderate" or path.startswith("/moderate/")


def queue_message(
    request: Request, error: ServiceError, *, back: Back | None, session: Session | None
) -> HTMLResponse:
    """Render an error in the queue's layout, with the menu if an editor is signed in."""
    known = {} if session is None else {"session": session}
    return page(
        request,
        "moderate_message.html",
        error.status,
        title=error.title,
        detail=str(error.detail),
        back=back,
        **known,
    )
