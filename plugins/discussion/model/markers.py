"""Named regions of a file: `<!--region NAME KEY REVISION-->…<!--/region NAME KEY-->`.

The publisher swaps what stands between the two markers. The revision belongs to what the region
shows, so that a comparison of numbers tells whether it is up to date.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from ...shared.errors import PageError

# Stands for a key in regions of the whole site: no page's key is quoted to it, and unlike `-` it
# may stand before the end of an XML comment.
SITE = "*"
BEGINNINGS = ("<!--region ", "<!--/region ")
_MARKER = re.compile(
    rb"<!--(?:region ([a-z]+) ([!-=?-~]+) ([0-9]{1,19})|/region ([a-z]+) ([!-=?-~]+?))-->"
)
_BEGINNING = re.compile(rb"<!--/?region ")


@dataclass(frozen=True, slots=True)
class Region:
    """The place of a region in a file's bytes, markers included; `key` None: the site's."""

    name: str
    key: str | None
    revision: int
    start: int
    end: int


def mark_of(key: str | None) -> str:
    """Quote a key for a marker: ASCII, no white space, no `>`, no `--`."""
    if key is None:
        return SITE
    text = quote(key, safe="").replace("--", "%2D%2D")
    return text[:-1] + "%2D" if text.endswith("-") else text


def opening(name: str, key: str | None) -> str:
    """Return the opening marker up to the revision."""
    return f"<!--region {name} {mark_of(key)} "


def closing(name: str, key: str | None) -> str:
    """Return the closing marker."""
    return f"<!--/region {name} {mark_of(key)}-->"


def wrap(name: str, key: str | None, revision: int, text: str) -> str:
    """Return a region with its markers."""
    return f"{opening(name, key)}{revision}-->{text}{closing(name, key)}"


def fingerprint(shown: Any) -> int:
    """Return a fingerprint of JSON values as a revision, for content without a number."""
    text = json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest(), "big")


def scan(data: bytes, where: str) -> list[Region]:
    """Return every region of a file in order; PageError for unpaired markers."""
    if b"<!--region " not in data and b"<!--/region " not in data:
        return []
    found: list[Region] = []
    begin: re.Match[bytes] | None = None
    position = 0
    while beginning := _BEGINNING.search(data, position):
        marker = _MARKER.match(data, beginning.start())
        if marker is None:
            raise _damaged(where, data[beginning.start() : beginning.start() + 60])
        position = marker.end()
        if marker[1] is not None:
            if begin is not None:
                raise _unpaired(where, begin)
            begin = marker
        elif begin is None or begin[1] != marker[4] or begin[2] != marker[5]:
            raise _unpaired(where, marker)
        else:
            found.append(_region(begin, marker.end()))
            begin = None
    if begin is not None:
        raise _unpaired(where, begin)
    return found


def some(data: bytes, keys: Collection[str], where: str) -> list[Region]:
    """Return the regions of these keys, and of the whole site, in the file's order.

    A list of ten thousand articles has as many regions; one change must not check all of them.
    """
    marks = b"|".join(re.escape(mark_of(key).encode()) for key in (None, *keys))
    found: list[Region] = []
    for begin in re.finditer(rb"<!--region ([a-z]+) (" + marks + rb") ([0-9]{1,19})-->", data):
        finish = b"<!--/region " + begin[1] + b" " + begin[2] + b"-->"
        end = data.find(finish, begin.end())
        if end < 0 or data.find(b"<!--region ", begin.end(), end) >= 0:
            raise _unpaired(where, begin)
        found.append(_region(begin, end + len(finish)))
    return found


def only(regions: list[Region], name: str, key: str | None, where: str) -> Region:
    """Return the one region of this name and key; PageError if it is missing or doubled."""
    found = [one for one in regions if one.name == name and one.key == key]
    if len(found) == 1:
        return found[0]
    printed = (
        "{{ article.discussion }}" if name == "discussion" else "{{ article.discussion_head }}"
    )
    if not found:
        raise PageError(
            f"{where} has no marker of the {name} of {key!r}; the theme's article.html must print "
            f"{printed} once, and nothing may strip HTML comments. Then build again."
        )
    raise PageError(
        f"{where} has {len(found)} regions {name} of {key!r} instead of one pair of markers; the "
        f"theme must print {printed} once, and the article's text may not contain "
        f"{opening(name, key).strip()!r}. Mend it and build again."
    )


def find(data: bytes, name: str, key: str | None, where: str = "The page") -> Region:
    """Find the one region of this name and key in a file's bytes; PageError."""
    return only(scan(data, where), name, key, where)


def splice(data: bytes, changes: list[tuple[Region, str]]) -> bytes:
    """Return the file's bytes with these regions replaced; they are in the file's order."""
    parts: list[bytes] = []
    position = 0
    for region, text in changes:
        parts += [data[position : region.start], text.encode()]
        position = region.end
    return b"".join([*parts, data[position:]])


def stamp(data: bytes, name: str, key: str | None) -> int | None:
    """Return the revision of the first region of this name and key, without parsing the rest."""
    begin = opening(name, key).encode()
    start = data.find(begin)
    if start < 0:
        return None
    number = re.compile(rb"([0-9]{1,19})-->").match(data, start + len(begin))
    return int(number[1]) if number else None


def _region(begin: re.Match[bytes], end: int) -> Region:
    key = None if begin[2] == SITE.encode() else unquote(begin[2].decode())
    return Region(begin[1].decode(), key, int(begin[3]), begin.start(), end)


def _damaged(where: str, beginning: bytes) -> PageError:
    return PageError(
        f"{where} has a damaged marker {beginning.decode(errors='replace')!r}; "
        "build again to repair it."
    )


def _unpaired(where: str, marker: re.Match[bytes]) -> PageError:
    return PageError(
        f"{where} has the marker {marker[0].decode()!r} alone instead of one pair; nothing but the "
        "theme may print markers, also no article's text. Mend it and build again."
    )
