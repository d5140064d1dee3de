"""JSON-LD of an article and its replies: schema.org's BlogPosting with Comments."""

from __future__ import annotations

import json
from typing import Any

from markupsafe import Markup

from ..model.discussions import Comment, Discussion, Page, iso
from ..model.options import RenderSettings
from ..model.paging import Parts
from .views import lines_of

# Escapes, so that nothing inside <script> is parsed as a tag or line separator.
_ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def article_json(
    discussion: Discussion, parts: Parts, page: Page, settings: RenderSettings
) -> Markup:
    """Return the article with its first page of replies as JSON for `<script>`."""
    facts = page.facts
    data: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "BlogPosting",
        "@id": page.url,
        "url": page.url,
        "mainEntityOfPage": page.url,
        "headline": page.title,
        "description": facts.description,
        "inLanguage": facts.language,
        "datePublished": facts.published,
        "dateModified": facts.modified,
        "image": facts.image,
        "wordCount": facts.words,
        "author": [{"@type": "Person", "name": name, "url": url} for name, url in facts.authors],
        "publisher": _publisher(settings),
        "commentCount": discussion.count,
        "comment": [_comment(one, page) for one in parts.by_number[1].comments],
    }
    kept = {name: value for name, value in data.items() if value or name == "commentCount"}
    text = json.dumps(kept, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPES)
    return Markup(text)  # noqa: S704 - escaped by the line above


def _publisher(settings: RenderSettings) -> dict[str, str]:
    if not settings.site_name:
        return {}
    home = {"url": f"{settings.site_url}/"} if settings.absolute else {}
    return {"@type": "Organization", "name": settings.site_name, **home}


def _comment(comment: Comment, page: Page) -> dict[str, Any]:
    url = f"{page.url}#comment-{comment.id}"
    data: dict[str, Any] = {"@type": "Comment", "@id": url, "url": url}
    if comment.parent is not None:
        data["parentItem"] = {"@type": "Comment", "@id": f"{page.url}#comment-{comment.parent}"}
    if comment.author is None:
        return data | {"creativeWorkStatus": "Deleted"}
    author = {"@type": "Person", "name": comment.author.name}
    if comment.author.url:
        author["url"] = comment.author.url
    data |= {
        "author": author,
        "datePublished": iso(comment.submitted),
        "text": lines_of(comment.html),
    }
    return data if comment.edited is None else data | {"dateModified": iso(comment.edited)}
