"""Fixtures of the static search: a small indexed site."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest

from plugins.cli.build import build_site
from plugins.discussion.client.http import Client
from plugins.discussion.client.snapshot import Snapshot
from plugins.search import bundle, indexer, paths
from tests.discussion.api_server import Wire
from tests.discussion.conftest import client, environ, wire  # noqa: F401
from tests.discussion.samples import HERE, article, make_site, reply

OUTPUT = Path("output")
SETTINGS = Path("pelicanconf.py")
SEARCH_PAGE = (
    "<!doctype html>\n<html lang=en><head><title>Search</title></head><body></body></html>\n"
)


class Indexed:
    """A built site with its search index."""

    def __init__(self, root: Path) -> None:
        self.root, self.var = root, root / "var"
        self.bundle = paths.bundle_of(self.var, root / OUTPUT)

    def build(self) -> None:
        build_site(self.root, SETTINGS, OUTPUT)

    def index(
        self, service: Client | None = None, at: float = 0.0, *, make: bool = True
    ) -> indexer.Index | None:
        with Snapshot(self.var / "discussions.sqlite3") as snapshot:
            if service is not None:
                snapshot.sync(service)
            ask = service.private if service is not None else None
            return indexer.update(
                (self.root / OUTPUT).absolute(), self.var.absolute(), snapshot, ask,
                clock=lambda: at, make=make,
            )  # fmt: skip

    def texts(self) -> dict[str, str]:
        """Return the text of every record of the index, by URL."""
        found = {}
        for url, name in bundle.addresses(self.bundle).items():
            data = gzip.decompress((self.bundle / name).read_bytes())
            found[url] = json.loads(data.removeprefix(b"pagefind_dcd"))["content"]
        return found

    def files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.bundle).as_posix(): path.read_bytes()
            for path in sorted(self.bundle.rglob("*"))
            if path.is_file()
        }


@pytest.fixture
def theme(tmp_path: Path) -> Path:
    """The tests' theme with a search page, and with the marks around article text."""
    folder = tmp_path / "own"
    shutil.copytree(HERE / "theme", folder / "theme")
    templates = folder / "theme" / "templates"
    (templates / "search.html").write_text(SEARCH_PAGE)
    page = templates / "article.html"
    marked = "<div data-pagefind-body>{{ article.content }}</div>"
    page.write_text(page.read_text().replace("{{ article.content }}", marked))
    return folder


@pytest.fixture
def site(wire: Wire, environ: Path, theme: Path) -> Indexed:  # noqa: F811
    wire.put("networking", [reply(1), reply(2, 1)])
    articles = {
        "networking.md": article("Networking", "networking", "Words about people."),
        "secret.md": article("Secret", "secret", "Nobody finds me.", Status="hidden"),
    }
    settings = 'DIRECT_TEMPLATES = ["index", "search"]\nSEARCH_SAVE_AS = "search/index.html"'
    made = Indexed(make_site(environ, articles, settings, theme))
    made.build()
    return made
