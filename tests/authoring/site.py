"""Small Pelican projects with the authoring plugin."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from plugins.authoring.errors import ProofError
from plugins.cli.build import build_site
from tests.discussion.samples import article, make_site

DESK = 'PLUGINS = ["plugins.discussion", "plugins.authoring"]\n'
QUICK = (
    'PLUGINS = ["plugins.discussion", "plugins.authoring", "plugins.quick"]\n'
    'QUICK_CACHE = "var/cache"\nQUICK_LINK = True\n'
)
PUBLIC = """
SITEURL = "https://r.example"
FEED_ALL_ATOM = "feeds/all.atom.xml"
DRAFT_URL = "drafts/{preview}/"
DRAFT_SAVE_AS = "drafts/{preview}/index.html"
"""
LOCAL = 'DRAFT_URL = "drafts/{slug}/"\nDRAFT_SAVE_AS = "drafts/{slug}/index.html"\n'


def desk(root: Path, articles: Mapping[str, str], settings: str = "", plugins: str = DESK) -> Path:
    """Write a project with these articles, replacing files of the same name."""
    return make_site(root, articles, plugins + settings)


def built(root: Path) -> Path:
    return build_site(root, Path("pelicanconf.py"), Path("output")).root


def refused(root: Path) -> list[str]:
    """Run a build that must fail; returns its report by line."""
    with pytest.raises(ProofError) as caught:
        built(root)
    return str(caught.value).splitlines()


def one(body: str = "Words.", **metadata: str) -> dict[str, str]:
    """Return one article, `a.md`. Without more metadata, its text starts on line 5."""
    return {"a.md": article("A", "a", body, **metadata)}


def files(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
