from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from plugins.discussion import manifest
from plugins.discussion.errors import ManifestError
from plugins.discussion.manifest import Entry
from plugins.discussion.model import Page
from tests.site.samples import PAGE, SETTINGS, TEMPLATES, tree

OTHER = Page("ärger", "/ärger/", "Ärger", "", False)
ENTRIES = [Entry(OTHER, "ärger/index.html"), Entry(PAGE, "networking/index.html")]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    written = manifest.write(tmp_path, SETTINGS, ENTRIES)
    assert manifest.load(tmp_path) == written
    assert [page.key for page in written.pages] == ["networking", "ärger"]


def test_equal_builds_write_equal_bytes_that_the_file_server_may_read(tmp_path: Path) -> None:
    manifest.write(tmp_path / "a", SETTINGS, ENTRIES)
    manifest.write(tmp_path / "b", SETTINGS, reversed(ENTRIES))
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    assert manifest.path_of(tmp_path / "a").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("file", ["../x.html", "/etc/passwd", "a/../../x", "", "a\\..\\x"])
def test_no_page_may_stand_outside_the_output(tmp_path: Path, file: str) -> None:
    with pytest.raises(ManifestError, match="not inside"):
        manifest.write(tmp_path, SETTINGS, [Entry(PAGE, file)])
    manifest.write(tmp_path, SETTINGS, [Entry(PAGE, "index.html")])
    path = manifest.path_of(tmp_path)
    data = json.loads(path.read_text())
    data["pages"][0]["file"] = file
    path.write_text(json.dumps(data))
    with pytest.raises(ManifestError, match="not inside"):
        manifest.load(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.pop("version"),
        lambda data: data.update(version=2),
        lambda data: data.update(pages={"x": 1}),
        lambda data: data.update(settings=None),
        lambda data: data["pages"][0].pop("key"),
    ],
)
def test_a_manifest_that_cannot_be_used_says_to_build(tmp_path: Path, change: Any) -> None:
    manifest.write(tmp_path, SETTINGS, ENTRIES)
    path = manifest.path_of(tmp_path)
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    with pytest.raises(ManifestError, match="rejoinder build"):
        manifest.load(tmp_path)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[]"])
def test_a_torn_manifest_says_to_build(tmp_path: Path, text: bytes) -> None:
    manifest.write(tmp_path, SETTINGS, ENTRIES)
    manifest.path_of(tmp_path).write_bytes(text)
    with pytest.raises(ManifestError, match="rejoinder build"):
        manifest.load(tmp_path)


def test_no_build_says_to_build(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="rejoinder build"):
        manifest.load(tmp_path)


def test_the_templates_of_the_build_are_kept_and_old_ones_dropped(tmp_path: Path) -> None:
    manifest.keep_templates(TEMPLATES, tmp_path)
    (manifest.templates_of(tmp_path) / "old.html").write_text("")
    kept = manifest.keep_templates(TEMPLATES, tmp_path)
    assert tree(kept) == tree(TEMPLATES)


def test_a_theme_without_discussion_template_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"discussion\.html is missing"):
        manifest.keep_templates(tmp_path / "theme", tmp_path)


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("plugins.discussion", ["pelican", "jinja2", "requests", "babel", "sqlite3"]),
        ("plugins.discussion.commands", ["pelican", "jinja2", "requests", "watchfiles"]),
        ("plugins.discussion.publisher", ["pelican", "watchfiles", "comments_service"]),
        ("plugins.discussion.builder", ["pelican", "watchfiles", "comments_service"]),
    ],
)
def test_a_module_imports_only_what_it_needs(module: str, heavy: list[str]) -> None:
    code = f"import {module}, sys; print(sorted(set({heavy!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
