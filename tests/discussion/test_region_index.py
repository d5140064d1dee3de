"""A warm build's survey takes over what it may, and finds what a cold build's finds."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.cli.build import build_site
from plugins.discussion.build import region_index
from plugins.discussion.model import manifest, markers
from plugins.shared.errors import BuildError, PageError
from tests.discussion.api_server import Wire
from tests.discussion.samples import article, make_site, reply

MANY = {f"article-{n}.md": article(f"Article {n}", f"article-{n}") for n in range(12)}
SETTINGS = """
PLUGINS = ["plugins.discussion", "plugins.quick"]
QUICK_CACHE = "var/cache"
QUICK_LINK = True
QUICK_PROCESSES = 2
"""
Change = Callable[[Path], None]


def build(site: Path, output: str = "output", *, cache: bool = True) -> Path:
    return build_site(site, Path("pelicanconf.py"), Path(output), cache=cache).root


def everything(root: Path) -> dict[str, bytes | None]:
    """Files with their bytes, the manifest too, and folders."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(root.rglob("*"))
    }


@pytest.fixture
def site(wire: Wire, environ: Path) -> Path:
    wire.put("article-3", [reply(1)])
    site = make_site(environ, MANY, SETTINGS)
    build(site)
    return site


@pytest.fixture
def looked_into(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that a survey had to read."""
    names: list[str] = []
    scan = markers.scan

    def heard(data: bytes, where: str) -> Any:
        names.append("/".join(Path(where).parts[-2:]))
        return scan(data, where)

    monkeypatch.setattr(markers, "scan", heard)
    return names


def _edit(site: Path) -> None:
    (site / "content" / "article-4.md").write_text(article("Other", "article-4", "Other words."))


def _edit_behind_the_clock(site: Path) -> None:
    path = site / "content" / "article-4.md"
    times = path.stat()
    path.write_text(article("Article 5", "article-4"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def _touch(site: Path) -> None:
    for path in (site / "content").glob("*.md"):
        path.touch()


def _remove(site: Path) -> None:
    (site / "content" / "article-4.md").unlink()


def _rename(site: Path) -> None:
    (site / "content" / "article-4.md").write_text(article("Article 4", "renamed"))


def _swap(site: Path) -> None:
    one, other = (site / "content" / f"article-{n}.md" for n in (4, 5))
    one.write_text(article("Article 4", "article-5"))
    other.write_text(article("Article 5", "article-4"))


def _key(site: Path) -> None:
    (site / "content" / "article-4.md").write_text(
        article("Article 4", "article-4", Discussion="another-key")
    )


def _draft(site: Path) -> None:
    (site / "content" / "article-4.md").write_text(
        article("Article 4", "article-4", Status="draft", Category="misc")
    )


def _setting(site: Path) -> None:
    path = site / "pelicanconf.py"
    path.write_text(path.read_text() + 'SITENAME = "Other"\nDISCUSSION_MAX_DEPTH = 2\n')


def _damage(site: Path) -> None:
    path = manifest.path_of(site / "output")
    data = path.read_bytes()
    path.write_bytes(data[:4096] + os.urandom(len(data) - 4096))


def _no_manifest(site: Path) -> None:
    manifest.path_of(site / "output").unlink()


def _no_cache(site: Path) -> None:
    (site / "var" / "cache" / "pages.sqlite3").write_bytes(b"damaged")


def _published(site: Path) -> None:
    """As the publisher does it: another file under the same name."""
    page = site / "output" / "article-4" / "index.html"
    other = page.with_name("new")
    other.write_bytes(page.read_bytes() + b"<!-- more -->")
    other.replace(page)


def _in_place(site: Path) -> None:
    page = site / "output" / "article-4" / "index.html"
    page.write_bytes(page.read_bytes() + b"<!--region head article-5 1-->")


CHANGES: list[Change] = [
    *(_edit, _edit_behind_the_clock, _touch, _remove, _rename, _swap, _key, _draft, _setting),
    *(_damage, _no_manifest, _no_cache, _published, _in_place),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_after_any_change_a_warm_build_is_as_a_cold_one(site: Path, change: Change) -> None:
    time.sleep(0.01)
    change(site)
    warm, cold = build(site), build(site, "cold", cache=False)
    assert everything(warm) == everything(cold)
    assert everything(build(site)) == everything(cold)


def test_only_new_files_are_looked_into(site: Path, looked_into: list[str]) -> None:
    _edit(site)
    build(site)
    assert "article-4/index.html" in looked_into
    assert not any("article-3/" in name for name in looked_into)


def test_another_version_of_the_plugin_looks_into_all(
    site: Path, looked_into: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(region_index, "code", lambda: "another version")
    build(site)
    assert len([name for name in looked_into if name.startswith("article-")]) == len(MANY)


def test_a_page_that_is_no_more_is_missed_where_it_was_shown(
    site: Path, looked_into: list[str]
) -> None:
    """Whatever shows something of a removed article has to be found, so everything is read."""
    _remove(site)
    build(site)
    assert any("article-3/" in name for name in looked_into)


def test_a_marker_in_a_new_text_is_found_among_pages_taken_over(site: Path) -> None:
    text = article("Article 4", "article-4", "<!--region head article-5 1-->")
    (site / "content" / "article-4.md").write_text(text)
    with pytest.raises((BuildError, PageError), match="article-4"):
        build(site)
    assert (site / "output").is_symlink()


def test_a_failed_build_leaves_no_folder_that_was_made_ahead(site: Path) -> None:
    shown = (site / "output").resolve()
    path = site / "pelicanconf.py"
    path.write_text(path.read_text() + "PATH = 'nowhere'\n")
    with pytest.raises(BuildError):
        build(site)
    time.sleep(0.2)
    assert list((site / "var" / "builds").iterdir()) == [shown]
