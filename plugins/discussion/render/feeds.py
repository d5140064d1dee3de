"""Atom feeds of replies (RFC 4287) with their threading (RFC 4685), and the ids in them.

Nothing here uses the clock, the host or a slug: ids are permanent, and a feed changes when a
reply does.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from ..model.discussions import Comment, Discussion, Page, iso, order
from ..model.markers import fingerprint, wrap
from ..model.options import RenderSettings
from ..model.paging import divide, permalink
from ..model.paths import SITE_FEED, feed_url
from .environment import paint_xml
from .renderers import Latest

# Replies in one feed; older ones are on the pages.
ARTICLE_ENTRIES = 100
SITE_ENTRIES = 50
XML = '<?xml version="1.0" encoding="utf-8"?>\n'
_OURS = uuid.UUID("5b6e1f0c-53a4-4d0e-9d4b-9e2b7c0a4f11")


def reply_id(identifier: str) -> str:
    """Return the permanent atom:id of a reply."""
    return f"urn:uuid:{uuid.uuid5(_OURS, 'reply ' + identifier)}"


def page_id(key: str) -> str:
    """Return an article's atom:id; its key stays when its slug or the site's address changes."""
    return f"urn:uuid:{uuid.uuid5(_OURS, 'page ' + key)}"


def article_feed(
    discussion: Discussion, page: Page, settings: RenderSettings, templates: Path
) -> str | None:
    """Render the feed of the newest replies to one article; None without replies."""
    shown = sorted((one for one in discussion.comments if not one.removed), key=order)
    if not shown:
        return None
    parts = divide(discussion, page.page_size)
    entries = [
        _entry(
            one,
            page,
            permalink(page, parts, one.id),
            permalink(page, parts, one.parent) if one.parent else page.url,
        )
        for one in shown[: -ARTICLE_ENTRIES - 1 : -1]
    ]
    values = {
        "id": f"urn:uuid:{uuid.uuid5(_OURS, 'replies to ' + page.key)}",
        "page": page,
        "site_name": settings.site_name,
        "language": settings.language,
        "address": feed_url(page),
        "url": page.url,
        "updated": max(entry["updated"] for entry in entries),
        "entries": entries,
    }
    text = paint_xml(templates, "feed.xml", page.key, values)
    return XML + wrap("feed", page.key, discussion.revision, text) + "\n"


def site_feed(newest: list[Latest], settings: RenderSettings, templates: Path) -> str | None:
    """Render the feed of the site's newest replies; None without replies."""
    if not newest:
        return None
    entries = [_entry(one.comment, one.page, one.url, one.parent_url) for one in newest]
    values = {
        "id": f"urn:uuid:{uuid.uuid5(_OURS, 'replies on ' + settings.site_name)}",
        "page": None,
        "site_name": settings.site_name,
        "language": settings.language,
        "address": f"{settings.site_url}/{SITE_FEED}",
        "url": f"{settings.site_url}/",
        "updated": max(entry["updated"] for entry in entries),
        "entries": entries,
    }
    text = paint_xml(templates, "feed.xml", None, values)
    return XML + wrap("newest", None, site_feed_revision(newest), text) + "\n"


def site_feed_revision(newest: list[Latest]) -> int:
    """Return the revision of the site's feed."""
    return fingerprint([one.as_json for one in newest])


def _entry(comment: Comment, page: Page, url: str, parent_url: str) -> dict[str, Any]:
    return {
        "id": reply_id(comment.id),
        "page": page,
        "author": comment.author,
        "editor": comment.editor,
        "url": url,
        "published": iso(comment.submitted),
        "updated": iso(comment.edited or comment.submitted),
        "html": comment.html,
        "parent": reply_id(comment.parent) if comment.parent else page_id(page.key),
        "parent_url": parent_url,
    }
