"""Converts Pelican's titles, names and summaries to plain text.

A title in a Markdown file is text, whatever it contains: “I <3 meetings” has no tag in it. Other
readers, typogrify and FORMATTED_FIELDS give HTML.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

_TAG = re.compile(r"<!--.*?-->|</?[A-Za-z][^>]*>", re.DOTALL)
# Characters that XML 1.0 cannot contain, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def plain(text: object) -> str:
    """Return the text of HTML: without tags, with entities decoded."""
    bare = str(text)
    if "<" in bare:
        bare = _TAG.sub("", bare)
    return one_line(html.unescape(bare))


def one_line(text: object) -> str:
    """Return text without line breaks and repeated spaces."""
    return " ".join(str(text).split())


def field_text(metadata: Mapping[str, Any], name: str, settings: Mapping[str, Any]) -> str:
    """Return a value of an article's metadata as plain text; "" if it is missing."""
    value = metadata.get(name, "")
    return plain(value) if is_html(metadata, name, settings) else one_line(value)


def is_html(metadata: Mapping[str, Any], name: str, settings: Mapping[str, Any]) -> bool:
    """Whether a value of the metadata is HTML; otherwise it is text as typed."""
    typogrified = bool(settings.get("TYPOGRIFY")) and name in ("title", "summary")
    formatted = name in settings.get("FORMATTED_FIELDS", ())
    return typogrified or formatted or metadata.get("reader", "markdown") != "markdown"


def xml_safe(text: str) -> str:
    """Return text without the characters that make XML ill-formed."""
    return _NOT_XML.sub("", text)


def slug_of(title: str, settings: Mapping[str, Any]) -> str:
    """Return the slug of a plain-text title, as Pelican makes it."""
    from markupsafe import escape
    from pelican.utils import slugify

    make: Any = slugify
    return str(
        make(
            escape(title),
            regex_subs=settings.get("SLUG_REGEX_SUBSTITUTIONS", []),
            preserve_case=settings.get("SLUGIFY_PRESERVE_CASE", False),
            use_unicode=settings.get("SLUGIFY_USE_UNICODE", False),
        )
    )


def title_of(content: Any) -> str:
    """Return the title of an article or page as plain text."""
    return field_text({**content.metadata, "title": content.title}, "title", content.settings)
