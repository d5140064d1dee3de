"""Finds the links, images and ids in HTML.

It uses regular expressions, not a parser: every article is checked in every build, and this takes
a tenth of the time.
"""

from __future__ import annotations

import re
from html import unescape
from typing import NamedTuple

# Possessive, so that an unclosed tag costs no backtracking.
_TAG = re.compile(
    r"<!--.*?-->"
    r"|<(?:script|style)\b.*?</(?:script|style)\s*+>"
    r"""|<([a-z][^\s/>]*+)((?:[^>"']++|"[^"]*+"|'[^']*+')*+)>""",
    re.DOTALL | re.IGNORECASE,
)
_ATTRIBUTE = re.compile(
    r"""([^\s"'<>/=]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+))""",
)
# The addresses of a srcset: a comma ends one only at its end, and may occur within (data:).
_CANDIDATE = re.compile(r"\s*([^\s,](?:\S*[^\s,])?)(?:\s[^,]*)?(?:,|$)")
_LEADING = {"href": "link", "src": "file", "poster": "image", "data": "file"}
_IMAGES = frozenset({"img", "image"})


class Link(NamedTuple):
    """A reference: `kind` is link, image or file; `url` is as written."""

    kind: str
    url: str


def links_of(html: str) -> list[Link]:
    """Return every link, image and embedded file, in order of appearance."""
    found: list[Link] = []
    for match in _TAG.finditer(html):
        name, attributes = match[1], match[2]
        if not attributes or "=" not in attributes:
            continue
        for one in _ATTRIBUTE.finditer(attributes):
            attribute = one[1].lower()
            value = one[2] or one[3] or one[4] or ""
            if attribute == "srcset":
                found += [Link("image", _plain(url)) for url in _CANDIDATE.findall(value)]
            elif attribute in _LEADING:
                kind = "image" if name.lower() in _IMAGES else _LEADING[attribute]
                found.append(Link(kind, _plain(value)))
    return found


def ids_of(html: str) -> set[str]:
    """Return every id that a fragment can point to."""
    found: set[str] = set()
    for match in _TAG.finditer(html):
        attributes = match[2]
        if not attributes or "=" not in attributes:
            continue
        for one in _ATTRIBUTE.finditer(attributes):
            attribute = one[1].lower()
            if attribute == "id" or (attribute == "name" and match[1] in ("a", "A")):
                found.add(_plain(one[2] or one[3] or one[4] or ""))
    return found


def _plain(value: str) -> str:
    value = value.strip()
    return unescape(value) if "&" in value else value
