"""Renders the service's own pages."""

from datetime import datetime
from pathlib import Path
from typing import Any

from babel.dates import format_datetime
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from comments_service import actors, draft, language
from comments_service.errors import ServiceError
from comments_service.live import live_state
from comments_service.store.queue import Queued
from comments_service.web import security
from comments_service.web.context import context_of

HERE = Path(__file__).parent.parent


def when(value: datetime) -> str:
    """Return a moment for people, for instance `23 November 2026, 14:05 UTC`."""
    return format_datetime(value, "d MMMM y, HH:mm", locale="en") + " UTC"


def iso(value: datetime) -> str:
    """Return a moment for `<time datetime>`."""
    return value.strftime("%Y-%m-%dT%H:%M:%SZ")


def _live_state(reply: Queued) -> str | None:
    return live_state(
        reply.revision, reply.written_revision, reply.live_revision, reply.stalled, reply.status
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.add_extension("jinja2.ext.i18n")
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        language.gettext,
        language.ngettext,
        newstyle=True,
        pgettext=language.pgettext,
        npgettext=language.npgettext,
    )
    environment.filters |= {"when": when, "iso": iso, "reason_in_words": actors.reason_in_words}
    environment.globals |= {
        "limits": draft.LIMITS,
        "reasons": actors.REASONS,
        "done": actors.DONE,
        "live_state": _live_state,
    }
    return environment


_templates = _environment()


def render(request: Request, template: str, **values: Any) -> str:
    """Render a template with what every page knows."""
    settings = context_of(request).settings
    return _templates.get_template(template).render(
        site_name=settings.site_name,
        site_url=settings.site_url,
        stylesheet=settings.stylesheet,
        **values,
    )


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a template into an answer with the security headers."""
    settings = context_of(request).settings
    html = render(request, template, **values)
    # Scripts for editors only, and for them only our own.
    headers = security.headers(settings, scripts="session" in values)
    if template.startswith("fragments/"):
        headers["X-Fragment"] = "1"
    return HTMLResponse(html, status, headers=headers)


def message(request: Request, error: ServiceError, *, text: str = "") -> HTMLResponse:
    """Render an error; `text` is what somebody typed and must not lose."""
    return page(
        request, "message.html", error.status, title=error.title, detail=error.detail, text=text
    )
