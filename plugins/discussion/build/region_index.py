"""Finds the regions in a build's files: which file shows something of which discussion."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from html import unescape
from pathlib import Path
from stat import S_ISREG

from ...shared import files
from ...shared.errors import ManifestError, PageError
from ..model import manifest as manifests
from ..model import markers
from ..model.manifest import FOLDER
from ..render.feeds import page_id
from .leftovers import Leftovers

PAGES = (".html", ".htm")
FEEDS = (".xml", ".atom")
_ATOM = b'<feed xmlns="http://www.w3.org/2005/Atom"'
_THREADS = b' xmlns:thr="http://purl.org/syndication/thread/1.0"'
_LINK = re.compile(rb'<link href="([^"]*)" rel="alternate"\s*/?>')
_ID = re.compile(rb"<id>[^<]*</id>")


@dataclass(frozen=True, slots=True)
class Before:
    """The results of an earlier build, by file."""

    root: Path
    own: Mapping[str, str]
    places: Mapping[str, set[str | None]]

    def same(self, file: str, output: Path) -> bool:
        """Whether a file of both builds is the same, under two names."""
        try:
            # Text paths instead of Path objects, for speed: there are thousands.
            its, mine = os.lstat(f"{self.root}/{file}"), os.lstat(f"{output}/{file}")
        except OSError:
            return False
        return (its.st_ino, its.st_dev) == (mine.st_ino, mine.st_dev) and S_ISREG(mine.st_mode)


def before(root: Path | None) -> Before | None:
    """Return the results of the build in this directory; None if another version made them."""
    if root is None:
        return None
    try:
        found = manifests.load(root)
    except ManifestError:
        return None
    try:
        ours = found.found_by() == code()
        return Before(root, found.files_by_key, found.places()) if ours else None
    except ManifestError:
        return None
    finally:
        found.close()


@lru_cache(maxsize=1)
def code() -> str:
    """Digest what the results depend on: another version of this plugin searches again."""
    state = blake2b(digest_size=16)
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        state.update(path.read_bytes())
    return state.hexdigest()


def places(
    output: Path,
    own: Mapping[str, str],
    urls: Mapping[str, str],
    once: Iterable[str],
    linked: Collection[str] = (),
    before: Before | None = None,
    leftovers: Leftovers | None = None,
) -> dict[str, set[str | None]]:
    """Return the keys of each file's regions (None: the whole site), by POSIX path.

    Entries of Pelican's Atom feeds get their region on the way; `urls` leads from an article's
    absolute URL to its key; `own` from a key to its page's file, which must have each of the
    regions `once`. Raises PageError for markers that are not in pairs or of no page.

    A file of `leftovers` with a region of no page is removed, or is not looked at.

    `linked` are files that nobody changed since an earlier build wrote them; of those that the
    build `before` had too, its answer is taken over.
    """
    known = _known(output, own, linked, before)
    found: dict[str, set[str | None]] = {}
    keys_of: dict[str, list[str]] = {}
    for key, file in own.items():
        keys_of.setdefault(file, []).append(key)
    for name in _files(output):
        if (shown := known.get(name)) is not None:
            keys_of.pop(name, None)
            if shown:
                found[name] = shown
            continue
        path = output / name
        data = path.read_bytes()
        if path.suffix in FEEDS and _ATOM in data[:200]:
            marked = _mark_entries(data, urls)
            if marked != data:
                files.replace(path, marked)
                data = marked
        regions = markers.scan(data, str(path))
        for key in keys_of.pop(name, ()):
            for kind in once:
                markers.only(regions, kind, key, str(path))
        strange = [one for one in regions if one.key is not None and one.key not in own]
        if strange and leftovers is not None and leftovers.has(name):
            leftovers.settle(name, strange)
            continue
        if strange:
            raise PageError(
                f"{path} has a region {strange[0].name} of {strange[0].key!r}, which is no page of "
                "this site; nothing but the theme may print markers, also no article's text."
            )
        # The plugin's own outputs are found by their paths.
        shown = {one.key for one in regions if one.name not in {"feed", "newest", "replies"}}
        if shown:
            found[name] = shown
    # An article's page that is no HTML file, or was not written: reading it reports that.
    for file, keys in keys_of.items():
        regions = markers.scan(files.read(output / file), str(output / file))
        for key in keys:
            for kind in once:
                markers.only(regions, kind, key, str(output / file))
    return found


def _known(
    output: Path, own: Mapping[str, str], linked: Collection[str], before: Before | None
) -> dict[str, set[str | None]]:
    """Return what is known of files without reading them."""
    # A region of a page that no longer exists has to be found.
    if before is None or not before.own.keys() <= own.keys():
        return {}
    mine, its = _by_file(own), _by_file(before.own)
    return {
        file: before.places.get(file, set())
        for file in linked
        if mine.get(file) == its.get(file)
        and not file.endswith(FEEDS)
        and before.same(file, output)
    }


def _by_file(own: Mapping[str, str]) -> dict[str, set[str]]:
    keys: dict[str, set[str]] = {}
    for key, file in own.items():
        keys.setdefault(file, set()).add(key)
    return keys


def _files(output: Path) -> Iterator[str]:
    begin = len(str(output)) + 1
    for folder, below, names in os.walk(output):
        below[:] = sorted(name for name in below if name != FOLDER)
        for name in sorted(names):
            if name.endswith(PAGES + FEEDS):
                yield f"{folder}/{name}"[begin:]


def _mark_entries(data: bytes, urls: Mapping[str, str]) -> bytes:
    """Give an Atom feed's entries a region for the link to their replies, and permanent ids.

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
