"""The renderers: pure functions of replies, page, settings and templates.

The build and the publisher call the same ones, so that their pages are the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..model.discussions import Comment, Discussion, Page, Summary, comment_json
from ..model.markers import fingerprint, wrap
from ..model.options import RenderSettings
from ..model.paging import Parts, divide
from ..model.paths import feed_url
from .environment import paint, paint_xml
from .json_ld import article_json
from .layout import fill
from .views import as_decided, day_of, form_of, pinned_of, tree_of

TEMPLATE = "discussion.html"


@dataclass(frozen=True, slots=True)
class Latest:
    """One of the site's newest replies, with its page."""

    comment: Comment
    page: Page
    url: str
    parent_url: str

    @property
    def as_json(self) -> list[Any]:
        """Return all that is shown of it, as plain JSON values."""
        shown = comment_json(self.comment)
        # These show on its page only.
        del shown["pinned"], shown["locked"], shown["avatar"]
        return [shown, self.page.key, self.url, self.parent_url]


def render(discussion: Discussion, page: Page, settings: RenderSettings, templates: Path) -> str:
    """Render the article's first page of replies and the form, between markers; RenderError."""
    page, parts = as_decided(page, discussion), divide(discussion, page.page_size)
    return wrap(
        "discussion",
        page.key,
        discussion.revision,
        paint(
            templates,
            TEMPLATE,
            page.key,
            {
                "page": page,
                "discussion": {
                    "revision": discussion.revision,
                    "count": discussion.count,
                    "replies": tree_of(parts.by_number[1], page, settings),
                    "pinned": pinned_of(discussion, parts, page, settings),
                },
                "later": _neighbour(page, parts.after(1)),
                "form": form_of(page, settings),
                "language": settings.language,
            },
        ),
    )


def head(discussion: Discussion, page: Page, settings: RenderSettings, templates: Path) -> str:
    """Render an article's head: the feed of replies, the next page, and JSON-LD."""
    parts = divide(discussion, page.page_size)
    values = {
        "page": page,
        "count": discussion.count,
        "feed": feed_url(page) if settings.absolute and discussion.count else None,
        "later": _neighbour(page, parts.after(1)),
        "structured": article_json(discussion, parts, page, settings),
        "language": settings.language,
    }
    return wrap(
        "head", page.key, discussion.revision, paint(templates, "head.html", page.key, values)
    )


def invite(discussion: Discussion, page: Page, settings: RenderSettings, templates: Path) -> str:
    """Render the article's link to the form; empty when the discussion is closed."""
    values = {"page": as_decided(page, discussion), "language": settings.language}
    text = paint(templates, "invite.html", page.key, values)
    return wrap("invite", page.key, discussion.revision, text)


def count(summary: Summary, page: Page, settings: RenderSettings, templates: Path) -> str:
    """Render the number of replies, which is its own revision, so that edits change none."""
    values = {"page": page, "count": summary.count, "language": settings.language}
    text = paint(templates, "count.html", page.key, values)
    return wrap("count", page.key, summary.count, text)


def thr(summary: Summary, page: Page, settings: RenderSettings, templates: Path) -> str:
    """Render the link to an article's replies in its entry of Pelican's Atom feeds (RFC 4685)."""
    values = {
        "feed": feed_url(page),
        "count": summary.count,
        "updated": summary.updated,
        "language": settings.language,
    }
    text = paint_xml(templates, "thr.xml", page.key, values)
    return wrap("thr", page.key, summary.revision, text)


def latest(newest: list[Latest], settings: RenderSettings, templates: Path) -> str:
    """Render the site's newest replies, for the index."""
    values = {
        "replies": [
            {
                "author": one.comment.author,
                "editor": one.comment.editor,
                "url": one.url,
                "page": one.page,
                "submitted": day_of(one.comment.submitted, settings.language),
            }
            for one in newest
        ],
        "feed": f"{settings.site_url}/feeds/replies.atom" if settings.absolute else None,
        "language": settings.language,
    }
    return wrap(
        "latest", None, latest_revision(newest), paint(templates, "latest.html", None, values)
    )


def latest_revision(newest: list[Latest]) -> int:
    """Return the fingerprint of the newest replies, which have no revision."""
    return fingerprint([one.as_json for one in newest])


def part_revision(parts: Parts, number: int) -> int:
    """Return the fingerprint of a later page: its replies, neighbours, and who may reply.

    The discussion's revision would rewrite two hundred pages for one reply.
    """
    part = parts.by_number[number]
    shown = [comment_json(comment) for comment in part.comments]
    return fingerprint([shown, parts.before(number), parts.after(number), part.open])


def replies_page(
    parts: Parts, number: int, page: Page, settings: RenderSettings, templates: Path, shell: str
) -> str:
    """Render a whole later page of a long discussion; `shell` is the rendered layout."""
    page = as_decided(page, parts.by_number[number])
    values = {
        "page": page,
        "number": number,
        "replies": tree_of(parts.by_number[number], page, settings),
        "earlier": _neighbour(page, parts.before(number)),
        "later": _neighbour(page, parts.after(number)),
        "form": form_of(page, settings),
        "language": settings.language,
    }
    body = paint(templates, "replies.html", page.key, values)
    return fill(
        shell,
        title=page.title,
        number=str(number),
        url=page.part_url(number),
        head=paint(templates, "replies_head.html", page.key, values),
        body=wrap("replies", page.key, part_revision(parts, number), body),
    )


def _neighbour(page: Page, number: int | None) -> dict[str, Any] | None:
    return None if number is None else {"number": number, "url": page.part_url(number)}
