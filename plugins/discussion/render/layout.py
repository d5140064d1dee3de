"""The layout of later pages of replies: the theme's replies.html, rendered once by the build.

Its template needs Pelican; the publisher only fills in what differs from page to page.
"""

from __future__ import annotations

import re
from types import SimpleNamespace

from markupsafe import escape

TEMPLATE = "replies.html"
# Letters and colons are unchanged by every filter that a theme may use.
_PLACE = re.compile(r"rejoinder:(title|number|url|head|body):")


def placeholders(language: str) -> SimpleNamespace:
    """What the theme's template prints, as `REPLIES`, where the pages will differ.

    The language is real: a frame is made for each.
    """
    names = ("title", "number", "url", "head", "body")
    marks = {name: f"rejoinder:{name}:" for name in names}
    return SimpleNamespace(language=language, **marks)


def fill(shell: str, *, title: str, number: str, url: str, head: str, body: str) -> str:
    """Fill in a layout; title, number and address are escaped, the others are HTML."""
    values = {
        "title": str(escape(title)),
        "number": number,
        "url": str(escape(url)),
        "head": head,
        "body": body,
    }
    # In one pass, so that inserted text is not searched again.
    return _PLACE.sub(lambda match: values[match[1]], shell)
