"""One discussion as HTML between its markers: a pure function, the same at build time and later.

This is the one Jinja2 environment for discussions; Pelican's own does not escape.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from babel import Locale
from babel.core import UnknownLocaleError
from babel.dates import format_datetime
from jinja2 import (
    Environment,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    Template,
    TemplateError,
)
from jinja2.loaders import ChoiceLoader
from markupsafe import Markup

from plugins.discussion.errors import RenderError, SettingsError
from plugins.discussion.model import Comment, Discussion, Page, Reply, nest

TEMPLATE = "discussion.html"
# Each level of nesting is a level of recursion in the template.
MAX_DEPTH = 20


@dataclass(frozen=True, slots=True)
class Limits:
    """The longest text that each field of the form takes, in characters (docs/wire.md)."""

    comment: int = 10_000
    author: int = 100
    email: int = 254
    url: int = 500


@dataclass(frozen=True, slots=True)
class RenderSettings:
    """Everything of the site's settings that a rendered discussion depends on.

    `comments_url` is absolute or root-relative, without a slash at the end; `language` is a tag
    such as `en` or `pt-br`; `max_depth` is the deepest level that is still nested, 1 to 20.
    """

    comments_url: str
    language: str = "en"
    max_depth: int = 4
    limits: Limits = field(default_factory=Limits)

    def as_json(self) -> dict[str, Any]:
        """As plain JSON values; `from_json` gives it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RenderSettings:
        """Read and check; SettingsError names the Pelican setting to mend."""
        url, language = data.get("comments_url"), data.get("language")
        depth, limits = data.get("max_depth"), data.get("limits")
        if not isinstance(url, str):
            raise SettingsError("DISCUSSION_COMMENTS_URL is not text")
        if not isinstance(language, str):
            raise SettingsError("DISCUSSION_LANGUAGE is not text")
        _locale(language)
        if isinstance(depth, bool) or not isinstance(depth, int) or not 1 <= depth <= MAX_DEPTH:
            raise SettingsError(f"DISCUSSION_MAX_DEPTH is {depth!r}; set it to 1 to {MAX_DEPTH}")
        names = {"comment", "author", "email", "url"}
        if not isinstance(limits, Mapping) or not set(limits) <= names:
            raise SettingsError(f"DISCUSSION_LIMITS may only have {', '.join(sorted(names))}")
        if not all(type(limit) is int and limit > 0 for limit in limits.values()):
            raise SettingsError("DISCUSSION_LIMITS has a limit that is no number above 0")
        return cls(url.rstrip("/"), language, depth, Limits(**limits))


@dataclass(frozen=True, slots=True)
class _Time:
    iso: str
    text: str


@dataclass(frozen=True, slots=True)
class _InReplyTo:
    anchor: str
    name: str


@dataclass(frozen=True, slots=True)
class _Author:
    name: str
    url: str | None


@dataclass(frozen=True, slots=True)
class _Reply:
    """A reply as docs/theme.md promises it to the templates."""

    id: str
    anchor: str
    author: _Author | None
    html: Markup
    submitted: _Time
    edited: _Time | None
    editor: bool
    removed: bool
    reply_url: str | None
    in_reply_to: _InReplyTo | None
    depth: int
    children: list[_Reply]


def mark_of(key: str) -> str:
    """The key as the markers write it: ASCII, no white space, no `>`, no `--`."""
    text = quote(key, safe="").replace("--", "%2D%2D")
    return text[:-1] + "%2D" if text.endswith("-") else text


def opening(key: str) -> str:
    """The opening marker up to the revision."""
    return f"<!--discussion {mark_of(key)} "


def closing(key: str) -> str:
    """The closing marker."""
    return f"<!--/discussion {mark_of(key)}-->"


def render(discussion: Discussion, page: Page, settings: RenderSettings, templates: Path) -> str:
    """The discussion's HTML with its two markers around it.

    `templates` is the folder that holds discussion.html. RenderError names the template or the key.
    """
    action = f"{settings.comments_url}/{quote(page.key, safe='')}"
    locale = _locale(settings.language)
    reply_base = f"{action}/reply/" if page.open else None
    try:
        html = _template(str(templates)).render(
            page=page,
            discussion={
                "revision": discussion.revision,
                "count": discussion.count,
                "replies": [
                    _reply(one, reply_base, locale) for one in nest(discussion, settings.max_depth)
                ],
            },
            form={"action": action, "limits": settings.limits},
            language=settings.language,
        )
    except (TemplateError, TypeError, AttributeError) as error:
        raise RenderError(
            f"The discussion {page.key!r} cannot be rendered: {type(error).__name__}: {error} "
            f"(templates in {templates}; see docs/theme.md)"
        ) from error
    if "<!--discussion" in html or "<!--/discussion" in html:
        raise RenderError(
            f"A template in {templates} prints a discussion marker itself; remove it there."
        )
    return f"{opening(page.key)}{discussion.revision}-->{html}{closing(page.key)}"


def _reply(reply: Reply, reply_base: str | None, locale: Locale) -> _Reply:
    comment, author = reply.comment, reply.comment.author
    return _Reply(
        id=comment.id,
        anchor=f"comment-{comment.id}",
        author=None if author is None else _Author(author.name, author.url),
        html=_without_markers(comment.html),
        submitted=_time(comment.submitted, locale),
        edited=None if comment.edited is None else _time(comment.edited, locale),
        editor=comment.editor,
        removed=comment.removed,
        reply_url=None if reply_base is None or comment.removed else reply_base + comment.id,
        in_reply_to=_in_reply_to(reply.in_reply_to),
        depth=reply.depth,
        children=[_reply(child, reply_base, locale) for child in reply.children],
    )


def _in_reply_to(answered: Comment | None) -> _InReplyTo | None:
    # A removed reply has no name to show; its placeholder says enough.
    if answered is None or answered.author is None:
        return None
    return _InReplyTo(f"comment-{answered.id}", answered.author.name)


def _without_markers(html: str) -> Markup:
    """Sanitised HTML has no HTML comments, but a quoted attribute may hold `<!--` as it is.

    There `&lt;` means the same; left alone, a reader could write a marker and stop the page.
    """
    if "<!--" in html:
        html = html.replace("<!--", "&lt;!--")
    return Markup(html)  # noqa: S704 - sanitised by the service, docs/wire.md


@lru_cache(maxsize=4096)
def _time(moment: datetime, locale: Locale) -> _Time:
    """In UTC and by Babel's data: neither the machine's zone nor its locale shows."""
    text = format_datetime(moment, "d MMMM y, HH:mm", locale=locale)
    return _Time(moment.strftime("%Y-%m-%dT%H:%M:%SZ"), f"{text} UTC")


@lru_cache(maxsize=16)
def _locale(language: str) -> Locale:
    try:
        return Locale.parse(language, sep="-")
    except (ValueError, UnknownLocaleError):
        raise SettingsError(
            f"DISCUSSION_LANGUAGE is {language!r}, for which there are no names of months; "
            "set it to a language tag such as en or pt-BR"
        ) from None


def _template(folder: str) -> Template:
    return _environment(folder).get_template(TEMPLATE)


@lru_cache(maxsize=8)
def _environment(folder: str) -> Environment:
    here = FileSystemLoader(folder)
    return Environment(
        # A template may name its neighbours as it sees them, or as the theme's other templates do.
        loader=ChoiceLoader([here, PrefixLoader({"discussion": here})]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
