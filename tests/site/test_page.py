from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from plugins.discussion import page
from plugins.discussion.errors import PageError
from plugins.discussion.page import find, replace, revision_of, swap
from plugins.discussion.render import closing, opening

OLD = "<!--discussion networking 3-->old<!--/discussion networking-->"
NEW = "<!--discussion networking 4-->nëw \\1 \\g<0><!--/discussion networking-->"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "index.html"
    path.write_text(f"<p>before</p>{OLD}<p>after</p>", encoding="utf-8")
    return path


def test_only_what_is_between_the_markers_changes(file: Path) -> None:
    assert swap(file, "networking", NEW)
    assert file.read_text(encoding="utf-8") == f"<p>before</p>{NEW}<p>after</p>"


def test_equal_bytes_are_not_written(file: Path) -> None:
    before = file.stat()
    assert not swap(file, "networking", OLD)
    after = file.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_the_revision_is_read_from_the_marker(file: Path) -> None:
    assert revision_of(file.read_bytes(), "networking") == 3


def test_bytes_outside_the_markers_may_be_anything(tmp_path: Path) -> None:
    path = tmp_path / "index.html"
    path.write_bytes(b"\xff\xfe\r\n" + OLD.encode() + b"\x00\x80\r")
    swap(path, "networking", NEW)
    assert path.read_bytes() == b"\xff\xfe\r\n" + NEW.encode() + b"\x00\x80\r"


def test_another_discussions_markers_are_left_alone() -> None:
    other = "<!--discussion networking%2Dtoo 1--><!--discussion net 1-->"
    assert find((other + OLD + other).encode(), "networking").revision == 3


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<p>nothing</p>", "no marker"),
        (OLD + OLD, "2 opening and 2 closing"),
        (OLD + "<!--/discussion networking-->", "1 opening and 2 closing"),
        ("<!--discussion networking 1-->" + OLD, "2 opening and 1 closing"),
        ("<!--discussion networking 3-->", "1 opening and 0 closing"),
        ("<!--/discussion networking--><!--discussion networking 3-->", "damaged"),
        ("<!--discussion networking x--><!--/discussion networking-->", "damaged"),
        ("<!--discussion networking <!--/discussion networking-->", "damaged"),
    ],
)
def test_markers_that_are_not_one_pair_are_an_error_and_nothing_is_written(
    tmp_path: Path, text: str, reason: str
) -> None:
    path = tmp_path / "index.html"
    path.write_text(text)
    with pytest.raises(PageError, match=reason) as caught:
        swap(path, "networking", NEW)
    assert str(path) in str(caught.value)
    assert path.read_text() == text
    assert names(tmp_path) == ["index.html"]


def test_a_missing_page_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(PageError, match=r"missing\.html.*build again"):
        swap(tmp_path / "missing.html", "networking", NEW)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_file_server_may_read_the_page(file: Path, umask: int) -> None:
    file.chmod(0o600)
    before = os.umask(umask)
    try:
        swap(file, "networking", NEW)
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
        swap(file, "networking", NEW)
    assert file.read_bytes() == before
    assert names(file.parent) == ["index.html"]


def test_what_a_killed_writer_left_is_swept(file: Path) -> None:
    left = file.with_name(f".index.html.abc{page.TEMPORARY}")
    left.write_text("half")
    (file.parent / ".htaccess").write_text("")
    page.sweep(file.parent)
    assert names(file.parent) == [".htaccess", "index.html"]


def test_a_reader_never_sees_half_a_page(file: Path) -> None:
    versions = [
        (opening("networking") + f"{n}-->" + str(n) * 50_000 + closing("networking")).encode()
        for n in range(2)
    ]
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
