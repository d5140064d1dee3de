from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from plugins.discussion.model.markers import find, wrap
from plugins.shared import files
from plugins.shared.errors import PageError
from plugins.shared.files import replace
from tests.discussion.samples import swap

OLD = "<!--region discussion networking 3-->old<!--/region discussion networking-->"
NEW = "<!--region discussion networking 4-->nëw \\1 \\g<0><!--/region discussion networking-->"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "index.html"
    path.write_text(f"<p>before</p>{OLD}<p>after</p>", encoding="utf-8")
    return path


def test_only_what_is_between_the_markers_changes(file: Path) -> None:
    swap(file, NEW)
    assert file.read_text(encoding="utf-8") == f"<p>before</p>{NEW}<p>after</p>"


def test_the_revision_is_read_from_the_marker(file: Path) -> None:
    assert find(file.read_bytes(), "discussion", "networking").revision == 3


def test_bytes_outside_the_markers_may_be_anything(tmp_path: Path) -> None:
    path = tmp_path / "index.html"
    path.write_bytes(b"\xff\xfe\r\n" + OLD.encode() + b"\x00\x80\r")
    swap(path, NEW)
    assert path.read_bytes() == b"\xff\xfe\r\n" + NEW.encode() + b"\x00\x80\r"


def test_another_discussions_markers_are_left_alone() -> None:
    other = "".join(
        wrap(name, key, 1, "")
        for name, key in [("discussion", "networking-too"), ("discussion", "net"), ("latest", None)]
    )
    assert find((other + OLD + other).encode(), "discussion", "networking").revision == 3


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<p>nothing</p>", "no marker"),
        (OLD + OLD, "2 regions"),
        (OLD + "<!--/region discussion networking-->", "alone instead of one pair"),
        ("<!--region discussion networking 1-->" + OLD, "alone instead of one pair"),
        ("<!--region discussion networking 3-->", "alone instead of one pair"),
        (
            "<!--/region discussion networking--><!--region discussion networking 3-->",
            "alone instead of one pair",
        ),
        ("<!--region discussion networking x--><!--/region discussion networking-->", "damaged"),
        ("<!--region discussion networking <!--/region discussion networking-->", "damaged"),
    ],
)
def test_markers_that_are_not_one_pair_are_an_error_and_nothing_is_written(
    tmp_path: Path, text: str, reason: str
) -> None:
    path = tmp_path / "index.html"
    path.write_text(text)
    with pytest.raises(PageError, match=reason) as caught:
        swap(path, NEW)
    assert str(path) in str(caught.value)
    assert path.read_text() == text
    assert names(tmp_path) == ["index.html"]


def test_a_missing_page_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(PageError, match=r"missing\.html.*build again"):
        swap(tmp_path / "missing.html", NEW)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_file_server_may_read_the_page(file: Path, umask: int) -> None:
    file.chmod(0o600)
    before = os.umask(umask)
    try:
        swap(file, NEW)
    finally:
        os.umask(before)
    assert file.stat().st_mode & 0o777 == 0o644


def test_a_failed_write_leaves_the_page_and_no_rest(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = file.read_bytes()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PageError, match="No space left"):
        swap(file, NEW)
    assert file.read_bytes() == before
    assert names(file.parent) == ["index.html"]


def test_what_a_killed_writer_left_is_swept(file: Path) -> None:
    left = file.with_name(f".index.html.abc{files.TEMPORARY}")
    left.write_text("half")
    (file.parent / ".htaccess").write_text("")
    files.sweep(file.parent)
    assert names(file.parent) == [".htaccess", "index.html"]


def test_a_reader_never_sees_half_a_page(file: Path) -> None:
    versions = [wrap("discussion", "networking", n, str(n) * 50_000).encode() for n in range(2)]
    replace(file, versions[0])
    stop = threading.Event()
    seen: set[bytes] = set()

    def look() -> None:
        while not stop.is_set():
            seen.add(file.read_bytes())

    reader = threading.Thread(target=look)
    reader.start()
    for n in range(200):
        replace(file, versions[n % 2])
    stop.set()
    reader.join()
    assert seen <= set(versions)
