"""A built page: finds the markers of a discussion, swaps what is between them, replaces the file.

A missing or doubled marker is an error that names the file; nothing is appended or guessed.
"""

from __future__ import annotations

import os
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from plugins.discussion.errors import PageError
from plugins.discussion.render import closing, opening

MODE = 0o644
TEMPORARY = ".discussion-tmp"


@dataclass(frozen=True, slots=True)
class Span:
    """Where a fragment stands in a page's bytes, its markers included, and its revision."""

    start: int
    end: int
    revision: int


def find(data: bytes, key: str, name: str = "The page") -> Span:
    """Where the discussion of this key stands; PageError unless there is exactly one pair."""
    begin, finish = opening(key).encode(), closing(key).encode()
    begins, finishes = data.count(begin), data.count(finish)
    if begins == 0 and finishes == 0:
        raise PageError(
            f"{name} has no marker of the discussion {key!r}; the theme's article.html must print "
            "{{ article.discussion }} once, and nothing may strip HTML comments. Then build again."
        )
    if begins != 1 or finishes != 1:
        raise PageError(
            f"{name} has {begins} opening and {finishes} closing markers of the discussion "
            f"{key!r} instead of one pair; the theme must print {{{{ article.discussion }}}} once, "
            f"and the article's text may not contain {opening(key).strip()!r} "
            f"or {closing(key)!r}. Mend it and build again."
        )
    start, end = data.index(begin), data.index(finish)
    revision = re.compile(rb"([0-9]{1,19})-->").match(data, start + len(begin))
    if revision is None or end < revision.end():
        raise PageError(
            f"{name} has a damaged marker of the discussion {key!r}; build again to repair it."
        )
    return Span(start, end + len(finish), int(revision[1]))


def revision_of(data: bytes, key: str) -> int:
    """The revision that a page shows of this discussion; PageError."""
    return find(data, key).revision


def read(path: Path) -> bytes:
    """A page's bytes; PageError when it is not there."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise PageError(f"{path} cannot be read ({error.strerror}); build again.") from error


def swap(path: Path, key: str, fragment: str) -> bool:
    """Put the fragment in the place of the page's discussion; whether the file had to change."""
    data = read(path)
    span = find(data, key, str(path))
    new = data[: span.start] + fragment.encode() + data[span.end :]
    if new == data:
        return False
    replace(path, new)
    return True


def replace(path: Path, data: bytes) -> None:
    """Replace a file so that readers and power cuts see the old bytes or the new; mode 0644."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}{TEMPORARY}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    try:
        with os.fdopen(os.open(temporary, flags, MODE), "wb") as file:
            # The umask may have taken away what the file server needs.
            os.fchmod(file.fileno(), MODE)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        with suppress(FileNotFoundError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise PageError(f"{path} cannot be written ({error.strerror}).") from error
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, not only what is in the files."""
    handle = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep(folder: Path) -> None:
    """Remove what a killed writer left behind; only for who holds the site's lock."""
    for name in os.listdir(folder):  # noqa: PTH208 - a name is enough, thousands of times
        if name.startswith(".") and name.endswith(TEMPORARY):
            with suppress(FileNotFoundError):
                (folder / name).unlink()
