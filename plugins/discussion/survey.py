"""Looks over the files that a build wrote: which of them shows something of which discussion."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from html import unescape
from pathlib import Path

from plugins.discussion import markers, page
from plugins.discussion.errors import PageError
from plugins.discussion.feeds import page_id
from plugins.discussion.manifest import FOLDER

PAGES = (".html", ".htm")
FEEDS = (".xml", ".atom")
_ATOM = b'<feed xmlns="http://www.w3.org/2005/Atom"'
_THREADS = b' xmlns:thr="http://purl.org/syndication/thread/1.0"'
_LINK = re.compile(rb'<link href="([^"]*)" rel="alternate"\s*/?>')
_ID = re.compile(rb"<id>[^<]*</id>")


def places(
    output: Path, own: Mapping[str, str], urls: Mapping[str, str], once: Iterable[str]
) -> dict[str, set[str | None]]:
    """The keys that each file shows something of (None: of the whole site), by its POSIX path.

    Entries of Pelican's Atom feeds get their region on the way; `urls` leads from an article's
    absolute URL to its key; `own` from a key to its page's file, which must have each of the
    regions `once`. Raises PageError for markers that are not in pairs or of no page.
    """
    found: dict[str, set[str | None]] = {}
    keys_of: dict[str, list[str]] = {}
    for key, file in own.items():
        keys_of.setdefault(file, []).append(key)
    for path in _files(output):
        data = path.read_bytes()
        name = path.relative_to(output).as_posix()
        if path.suffix in FEEDS and _ATOM in data[:200]:
            marked = _mark_entries(data, urls)
            if marked != data:
                page.replace(path, marked)
                data = marked
        regions = markers.scan(data, str(path))
        for key in keys_of.pop(name, ()):
            for kind in once:
                markers.only(regions, kind, key, str(path))
        for region in regions:
            if region.key is not None and region.key not in own:
                raise PageError(
                    f"{path} has a region {region.name} of {region.key!r}, which is no page of "
                    "this site; nothing but the theme may print markers, also no article's text."
                )
        # What the plugin makes itself is found by its own rules.
        shown = {one.key for one in regions if one.name not in {"feed", "newest", "replies"}}
        if shown:
            found[name] = shown
    # An article's page that is no HTML file, or was not written, which reading it says.
    for file, keys in keys_of.items():
        regions = markers.scan(page.read(output / file), str(output / file))
        for key in keys:
            for kind in once:
                markers.only(regions, kind, key, str(output / file))
    return found


def _files(output: Path) -> Iterator[Path]:
    for folder, below, names in os.walk(output):
        below[:] = sorted(name for name in below if name != FOLDER)
        for name in sorted(names):
            if name.endswith(PAGES + FEEDS):
                yield Path(folder, name)


def _mark_entries(data: bytes, urls: Mapping[str, str]) -> bytes:
    """An Atom feed whose entries have a region for the link to their replies, and permanent ids.

    Pelican's ids are made of host and slug; what answers an article must name the id that lasts.
    """
    entries = data.split(b"</entry>")
    for i, entry in enumerate(entries[:-1]):
        link = _LINK.search(entry, max(0, entry.rfind(b"<entry>")))
        url = unescape(link[1].decode()) if link else ""
        key = urls.get(url.removesuffix("?ref=feed"))
        if key is not None and b"<!--region thr " not in entry:
            start = entry.rfind(b"<entry>")
            named = _ID.sub(f"<id>{page_id(key)}</id>".encode(), entry[start:], count=1)
            entries[i] = entry[:start] + named + markers.wrap("thr", key, 0, "").encode()
    marked = b"</entry>".join(entries)
    if b"<!--region thr " in marked and _THREADS not in marked:
        marked = marked.replace(_ATOM, _ATOM + _THREADS, 1)
    return marked
