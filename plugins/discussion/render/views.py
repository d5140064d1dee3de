"""The variables of discussion templates, as documented in docs/theme.md."""

from __future__ import annotations

import html
import re
from collections.abc import Container
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from ...language import formats
from ..model.discussions import Comment, Discussion, Page, Reply, nest
from ..model.options import RenderSettings
from ..model.paging import Parts, permalink

_BREAK = re.compile(r"<(?:br|/p|/li|/pre|/blockquote|/h[1-6])\b[^>]*>", re.IGNORECASE)
# Where a line of a reply begins or ends; a nested list begins one too.
_BLOCK = re.compile(r"<(?:br|/?(?:p|li|ul|ol|pre|blockquote|h[1-6]))\b[^>]*>", re.IGNORECASE)
_PRE = re.compile(r"<pre\b.*?</pre>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
# The length of a pinned reply's excerpt, in characters.
EXCERPT = 100


@dataclass(frozen=True, slots=True)
class Time:
    """A time for `<time datetime>`, and as text."""

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
    id: str
    anchor: str
    author: _Author | None
    html: Markup
    submitted: Time
    edited: Time | None
    editor: bool
    removed: bool
    pinned: bool
    locked: bool
    avatar: str
    reply_url: str | None
    in_reply_to: _InReplyTo | None
    depth: int
    children: list[_Reply]


@dataclass(frozen=True, slots=True)
class _Pinned:
    url: str
    author: _Author
    submitted: Time
    excerpt: str


def as_decided(page: Page, discussion: Discussion) -> Page:
    """Return the page, open or closed by editors or rules, or else by its article."""
    if discussion.open is None or discussion.open == page.open:
        return page
    return replace(page, open=discussion.open)


def form_of(page: Page, settings: RenderSettings) -> dict[str, Any]:
    """Return the variables of the form's template."""
    return {
        "action": f"{settings.comments_url}/{quote(page.key, safe='')}",
        "limits": settings.limits,
        "follow": settings.follow,
    }


def tree_of(discussion: Discussion, page: Page, settings: RenderSettings) -> list[Any]:
    """Return the tree of replies for the templates."""
    action = f"{settings.comments_url}/{quote(page.key, safe='')}"
    base = f"{action}/reply/" if page.open else None
    language, locked = settings.language, discussion.locked
    return [_reply(one, base, language, locked) for one in nest(discussion, settings.max_depth)]


def pinned_of(
    discussion: Discussion, parts: Parts, page: Page, settings: RenderSettings
) -> list[_Pinned]:
    """Return the pinned replies for the list above the discussion, the oldest first."""
    return [
        _Pinned(
            # Absolute, so that links work in copies of the page too.
            permalink(page, parts, one.id).removeprefix(page.url)
            if parts.places[one.id] == 1
            else permalink(page, parts, one.id),
            _Author(one.author.name, one.author.url),
            day_of(one.submitted, settings.language),
            excerpt_of(text_of(one.html)),
        )
        for one in discussion.comments
        if one.pinned and one.author is not None
    ]


@lru_cache(maxsize=4096)
def time_of(moment: datetime, language: str) -> Time:
    """Format in UTC and in the site's language, independent of the machine's zone and locale."""
    return Time(moment.strftime("%Y-%m-%dT%H:%M:%SZ"), formats.moment(language, moment))


@lru_cache(maxsize=4096)
def day_of(moment: datetime, language: str) -> Time:
    """Format a time with only its day as text."""
    return Time(moment.strftime("%Y-%m-%dT%H:%M:%SZ"), formats.day(language, moment))


def text_of(markup: str) -> str:
    """Return the visible text of a reply's sanitised HTML, in one line."""
    return " ".join(html.unescape(_TAG.sub("", _BREAK.sub(" ", markup))).split())


def lines_of(markup: str) -> str:
    """Return the visible text, with each paragraph, list item and line of code on its own line."""
    if "<pre" in markup:
        markup = _PRE.sub(lambda found: found[0].replace("\n", "<br>"), markup)
    lines = (html.unescape(_TAG.sub("", block)).split() for block in _BLOCK.split(markup))
    return "\n".join(" ".join(words) for words in lines if words)


def excerpt_of(text: str) -> str:
    """Return the beginning of a text, cut between words if possible."""
    if len(text) <= EXCERPT:
        return text
    cut = text[:EXCERPT]
    return (cut.rpartition(" ")[0] or cut) + " …"


def _reply(reply: Reply, base: str | None, language: str, locked: Container[str]) -> _Reply:
    comment, author = reply.comment, reply.comment.author
    return _Reply(
        id=comment.id,
        anchor=f"comment-{comment.id}",
        author=None if author is None else _Author(author.name, author.url),
        html=_without_markers(comment.html),
        submitted=time_of(comment.submitted, language),
        edited=None if comment.edited is None else time_of(comment.edited, language),
        editor=comment.editor,
        removed=comment.removed,
        pinned=comment.pinned,
        # Shown once, at the locked reply; those below have no Reply links either.
        locked=comment.locked and comment.parent not in locked,
        avatar=_avatar(comment),
        reply_url=None
        if base is None or comment.removed or comment.id in locked
        else base + comment.id,
        in_reply_to=_in_reply_to(reply.in_reply_to),
        depth=reply.depth,
        children=[_reply(child, base, language, locked) for child in reply.children],
    )


def _avatar(comment: Comment) -> str:
    """Return the classes of the avatar: one of eight patterns, eight colours, four rotations."""
    if comment.avatar is None:
        return "av"
    rest, pattern = divmod(comment.avatar, 8)
    turned, colour = divmod(rest, 8)
    return f"av p{pattern} c{colour} r{turned}"


def _in_reply_to(answered: Comment | None) -> _InReplyTo | None:
    # A removed reply shows no name.
    if answered is None or answered.author is None:
        return None
    return _InReplyTo(f"comment-{answered.id}", answered.author.name)


def _without_markers(markup: str) -> Markup:
    """Sanitised HTML has no HTML comments, but a quoted attribute may hold `<!--` as it is.

    There `&lt;` means the same; left alone, a reader could write a marker and stop the page.
    """
    if "<!--" in markup:
        markup = markup.replace("<!--", "&lt;!--")
    return Markup(markup)  # noqa: S704 - sanitised by the service, docs/api.md
