"""All kinds of regions, by name: how to get their revision, and how to render them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...shared.errors import PageError
from ..model.discussions import Page
from ..model.markers import Region
from . import renderers
from .render_context import World

# The number of replies in the region `latest`.
LATEST = 5


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of region: `revision` is cheap; `show` renders the region with its markers.

    A kind with `once` is expected exactly once in the file of the page it belongs to.
    """

    revision: Callable[[World, str], int]
    show: Callable[[World, Page], str]
    once: bool = False


@dataclass(frozen=True, slots=True)
class SiteKind:
    """A kind of region of the whole site."""

    revision: Callable[[World], int]
    show: Callable[[World], str]


PAGE_REGIONS = {
    "discussion": Kind(
        lambda world, key: world.summary(key).revision,
        lambda world, page: renderers.render(
            world.discussion(page.key), page, world.settings, world.templates
        ),
        once=True,
    ),
    "head": Kind(
        lambda world, key: world.summary(key).revision,
        lambda world, page: renderers.head(
            world.discussion(page.key), page, world.settings, world.templates
        ),
        once=True,
    ),
    "invite": Kind(
        lambda world, key: world.summary(key).revision,
        lambda world, page: renderers.invite(
            world.discussion(page.key), page, world.settings, world.templates
        ),
    ),
    "count": Kind(
        lambda world, key: world.summary(key).count,
        lambda world, page: renderers.count(
            world.summary(page.key), page, world.settings, world.templates
        ),
    ),
    "thr": Kind(
        lambda world, key: world.summary(key).revision,
        lambda world, page: renderers.thr(
            world.summary(page.key), page, world.settings, world.templates
        ),
    ),
}
SITE_REGIONS = {
    "latest": SiteKind(
        lambda world: renderers.latest_revision(world.newest(LATEST)),
        lambda world: renderers.latest(world.newest(LATEST), world.settings, world.templates),
    ),
}
ONCE = tuple(name for name, kind in PAGE_REGIONS.items() if kind.once)


def changed(region: Region, world: World, where: str, *, thorough: bool) -> str | None:
    """Return the new region; None if its revision is up to date.

    `thorough`: look at the bytes, because the revision says nothing. Raises PageError for a region
    of no known kind, or of no page of this build.
    """
    if region.key is None:
        site_kind = SITE_REGIONS.get(region.name)
        if site_kind is None:
            raise _unknown(region, where)
        if not thorough and region.revision == site_kind.revision(world):
            return None
        return site_kind.show(world)
    kind = PAGE_REGIONS.get(region.name)
    if kind is None:
        raise _unknown(region, where)
    if not thorough and region.revision == kind.revision(world, region.key):
        return None
    page = world.find(region.key)
    if page is None:
        raise _unknown(region, where)
    return kind.show(world, page)


def _unknown(region: Region, where: str) -> PageError:
    return PageError(
        f"{where} has a region {region.name} of {region.key!r}, which this build does not know; "
        "nothing but the theme may print markers, also no article's text. Build again."
    )
