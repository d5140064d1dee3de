"""Regions that are rendered only when a template prints them.

A page that a build reuses (plugins/quick) needs no rendered discussion, and if several processes
render pages, they render the discussions too.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable
from functools import lru_cache
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path

from ..client.snapshot import Snapshot
from ..model.discussions import Page
from ..model.manifest import Manifest
from ..model.privacy_check import Ask
from . import regions
from .render_context import World


class Later:
    """A region as text that is rendered on access; it is never empty."""

    __slots__ = ("_name", "_page", "_source", "_text")

    def __init__(self, source: Source, name: str, page: Page) -> None:
        self._source, self._name, self._page = source, name, page
        self._text: str | None = None

    def __str__(self) -> str:
        if self._text is None:
            self._text = regions.PAGE_REGIONS[self._name].show(self._source.world(), self._page)
        return self._text

    __html__ = __str__

    def __repr__(self) -> str:
        return f"<the {self._name} of {self._page.key!r}>"

    def quick_digest(self) -> bytes:
        """Return a digest of what the text depends on, without rendering it."""
        return self._source.digest(self._name, self._page)


class Source:
    """The data from which the regions of one run are rendered, in any process."""

    def __init__(
        self,
        path: Path,
        manifest: Manifest,
        root: Path,
        world: World,
        ask: Callable[[], Ask | None],
    ) -> None:
        self._path, self._manifest, self._root, self._ask = path, manifest, root, ask
        self._worlds = {os.getpid(): world}
        position = world.position()
        self._base = _base(
            world.templates,
            [manifest.settings.as_json(), position.generation if position else ""],
        )
        self._pages: dict[str, bytes] = {}

    def world(self) -> World:
        """Return this process's context: connections must not be used across a fork."""
        process = os.getpid()
        if process not in self._worlds:
            self._worlds[process] = World(
                Snapshot(self._path), self._manifest, self._root, self._ask()
            )
        return self._worlds[process]

    def digest(self, name: str, page: Page) -> bytes:
        """Digest the page, its discussion's revision, and the options of rendering."""
        known = self._pages.get(page.key)
        if known is None:
            known = self._pages[page.key] = _hash(self._base, repr(page).encode())
        revision = regions.PAGE_REGIONS[name].revision(self.world(), page.key)
        return _hash(known, f"{name} {revision}".encode())


def _base(templates: Path, facts: list[object]) -> bytes:
    sources = [
        (path.relative_to(templates).as_posix(), path.read_bytes()) for path in _of(templates)
    ]
    parts = [one for name, data in sources for one in (name.encode(), data)]
    return _hash(json.dumps(facts, sort_keys=True).encode(), _code(), *parts)


@lru_cache(maxsize=1)
def _code() -> bytes:
    packages = [version(name) for name in ("babel", "jinja2", "markupsafe")]
    plugins = Path(__file__).parents[2]
    folders = (plugins / "discussion", plugins / "language", plugins / "shared")
    here = [path.read_bytes() for one in folders for path in sorted(one.rglob("*.py"))]
    return _hash(repr([packages, sys.version]).encode(), *here)


def _of(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _hash(*parts: bytes) -> bytes:
    state = blake2b(digest_size=16)
    for part in parts:
        state.update(len(part).to_bytes(8, "little"))
        state.update(part)
    return state.digest()
