from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest

from plugins.discussion.model import manifest
from plugins.discussion.model.discussions import Page
from plugins.discussion.model.manifest import Address, Entry
from plugins.shared.errors import ManifestError
from tests.discussion.samples import PAGE, SETTINGS, TEMPLATES, tree

OTHER = Page("ärger", "/ärger/", "Ärger", "", False)
ENTRIES = [Entry(OTHER, "ärger/index.html"), Entry(PAGE, "networking/index.html")]
PLACES: dict[str, set[str | None]] = {
    "networking/index.html": {"networking"},
    "index.html": {"networking", "ärger", None},
    "a.html": {"networking"},
}
ADDRESSES = [
    Address("https://x.example/networking/", "2026-11-01T00:00:00+00:00", "networking"),
    Address("https://x.example/"),
]


def write(output: Path, entries: Iterable[Entry] = ENTRIES) -> None:
    made = manifest.Manifest.of(SETTINGS, entries)
    made.write(output, PLACES, ADDRESSES)
    made.close()


def edit(output: Path, statement: str) -> None:
    with closing(sqlite3.connect(manifest.path_of(output))) as db:
        db.execute(statement)
        db.commit()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write(tmp_path)
    with closing(manifest.load(tmp_path)) as read:
        assert read.settings == SETTINGS
        assert read.pages == [PAGE, OTHER]
        assert read.entry("networking") == ENTRIES[1]
        assert read.entry("nowhere") is None
        assert read.files_of("networking") == ["a.html", "index.html", "networking/index.html"]
        assert read.files_of("ärger") == ["index.html"]
        assert read.files() == ["a.html", "index.html", "networking/index.html"]
        assert (read.shards(), read.shard_of("networking"), read.shard_of("ärger")) == (1, 1, None)
        assert read.shard(1) == sorted(ADDRESSES, key=lambda one: one.url)


def test_equal_builds_write_equal_bytes_that_the_file_server_may_read(tmp_path: Path) -> None:
    write(tmp_path / "a")
    write(tmp_path / "b", reversed(ENTRIES))
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    assert manifest.path_of(tmp_path / "a").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("file", ["../x.html", "/etc/passwd", "a/../../x", "", "a\\..\\x"])
def test_no_page_may_stand_outside_the_output(tmp_path: Path, file: str) -> None:
    with pytest.raises(ManifestError, match="not inside"):
        write(tmp_path, [Entry(PAGE, file)])
    for table, column in [("page", "file"), ("file", "path")]:
        write(tmp_path)
        edit(tmp_path, f"UPDATE {table} SET {column} = '{file}' WHERE {column} LIKE 'net%'")
        with pytest.raises(ManifestError, match="not inside"):
            manifest.load(tmp_path)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM meta WHERE name = 'version'",
        "UPDATE meta SET value = 3 WHERE name = 'version'",
        "DROP TABLE page",
        "UPDATE meta SET value = 'null' WHERE name = 'settings'",
        "UPDATE page SET json = '{}'",
    ],
)
def test_a_manifest_that_cannot_be_used_says_to_build(tmp_path: Path, statement: str) -> None:
    write(tmp_path)
    edit(tmp_path, statement)
    with pytest.raises(ManifestError, match="rejoinder build"):
        manifest.load(tmp_path)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"SQLite format 3\0" * 50])
def test_a_torn_manifest_says_to_build(tmp_path: Path, text: bytes) -> None:
    write(tmp_path)
    manifest.path_of(tmp_path).write_bytes(text)
    with pytest.raises(ManifestError, match="rejoinder build"):
        manifest.load(tmp_path)


def test_no_build_says_to_build(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="rejoinder build"):
        manifest.load(tmp_path)


def test_the_templates_of_the_build_are_kept_and_old_ones_dropped(tmp_path: Path) -> None:
    manifest.keep_templates([TEMPLATES], tmp_path)
    (manifest.templates_of(tmp_path) / "old.html").write_text("")
    kept = manifest.keep_templates([TEMPLATES], tmp_path)
    assert tree(kept) == tree(TEMPLATES) | tree(manifest.DEFAULTS)


def test_a_theme_without_discussion_template_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"discussion\.html is missing"):
        manifest.keep_templates([tmp_path / "theme"], tmp_path)


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("plugins.discussion", ["pelican", "jinja2", "requests", "babel", "sqlite3"]),
        ("plugins.cli.commands", ["pelican", "jinja2", "requests", "watchfiles"]),
        ("plugins.discussion.publish.publisher", ["pelican", "watchfiles", "comments_service"]),
        ("plugins.discussion.build.builder", ["pelican", "watchfiles", "comments_service"]),
    ],
)
def test_a_module_imports_only_what_it_needs(module: str, heavy: list[str]) -> None:
    code = f"import {module}, sys; print(sorted(set({heavy!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
