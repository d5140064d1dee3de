"""Outputs: files that exist because of discussions: feeds, later pages of replies, the sitemap.

Each is a pure function of the render context, or must not exist. A marker in it carries its
revision, so that most of them need not be rendered to detect that nothing changed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..model import paths
from ..model.manifest import Entry
from ..model.paging import Parts, divide
from . import feeds, renderers, sitemap
from .render_context import World


@dataclass(frozen=True, slots=True)
class Derived:
    """A file below the output. `make` None: it must not exist.

    `name`, `key` and `revision` are what its marker says when it is up to date; without a revision
    its bytes are compared.
    """

    file: str
    make: Callable[[], str] | None
    name: str = ""
    key: str | None = None
    revision: int | None = None


def of_page(world: World, entry: Entry, root: Path) -> Iterator[Derived]:
    """Return the outputs of one page: its later pages of replies, then its feed."""
    page, summary = entry.page, world.summary(entry.page.key)
    there = _pages_on_disk(root, entry)
    parts: Parts | None = None
    if page.page_size and summary.positions > page.page_size:
        parts = divide(world.discussion(page.key), page.page_size)
        for number in parts.by_number:
            if number > 1:
                yield _replies(world, entry, parts, number)
    for number in sorted(there - set(parts.by_number if parts else ())):
        yield Derived(paths.replies_file(entry.file, number), None)
    file = paths.feed_file(entry.file)
    if world.settings.absolute and summary.count:
        yield Derived(file, lambda: _feed(world, entry), "feed", page.key, summary.revision)
    else:
        yield Derived(file, None)


def of_site(world: World) -> Iterator[Derived]:
    """Return the outputs of the whole site that depend on discussions, except the sitemap."""
    if not world.settings.absolute:
        return
    newest = world.newest(feeds.SITE_ENTRIES)
    if newest:
        yield Derived(
            paths.SITE_FEED,
            lambda: feeds.site_feed(newest, world.settings, world.templates) or "",
            "newest",
            None,
            feeds.site_feed_revision(newest),
        )
    else:
        yield Derived(paths.SITE_FEED, None)


def shard(world: World, number: int) -> Derived:
    """Return one file of the sitemap."""
    return Derived(paths.shard_file(number), lambda: _shard(world, number))


def sitemaps(world: World) -> Iterator[Derived]:
    """Return all files of the sitemap."""
    shards = world.manifest.shards()
    if world.settings.absolute and shards:
        yield Derived(paths.SITEMAP, lambda: sitemap.index(shards, world.settings, world.templates))
        for number in range(1, shards + 1):
            yield shard(world, number)


def _replies(world: World, entry: Entry, parts: Parts, number: int) -> Derived:
    page = entry.page
    return Derived(
        paths.replies_file(entry.file, number),
        lambda: renderers.replies_page(
            parts,
            number,
            page,
            world.settings,
            world.templates,
            world.shell(page.facts.language),
        ),
        "replies",
        page.key,
        renderers.part_revision(parts, number),
    )


def _feed(world: World, entry: Entry) -> str:
    discussion = world.discussion(entry.page.key)
    return feeds.article_feed(discussion, entry.page, world.settings, world.templates) or ""


def _shard(world: World, number: int) -> str:
    lines = []
    addresses = world.manifest.shard(number)
    world.expect([address.key for address in addresses if address.key])
    for address in addresses:
        replied = world.summary(address.key).updated if address.key else ""
        lines.append((address.url, sitemap.later(address.date, replied)))
    return sitemap.shard(lines, world.templates)


def _pages_on_disk(root: Path, entry: Entry) -> set[int]:
    # Text paths instead of Path objects, for speed: one for each article, and most have none.
    folder = f"{root}/{paths.replies_file(entry.file, 2)}".removesuffix("/2/index.html")
    try:
        return {int(name) for name in os.listdir(folder) if name.isdecimal()}  # noqa: PTH208
    except OSError:
        return set()
