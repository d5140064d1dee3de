"""The cache of rendered pages, QUICK_CACHE/pages: a cached page is not rendered again.

The folder contains what builds rendered, never the publisher's changes: the publisher replaces
files by rename, so a cached page keeps its bytes although it is linked into a build. Its checksum
is compared before it is used.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

CHECK = 20


class Pages:
    """The folder of pages. With `link`, builds get hard links into it, otherwise copies.

    Use links only if everything that writes to the output replaces files by rename: editing a
    linked page in place changes every build and the cache.
    """

    def __init__(self, folder: Path, *, link: bool) -> None:
        self._folder, self._link = str(folder), link

    def prepare(self) -> bool:
        """Create the folders; return whether that was possible."""
        try:
            for number in range(256):
                os.makedirs(f"{self._folder}/{number:02x}", exist_ok=True)  # noqa: PTH103
        except OSError:
            return False
        return True

    def use(self, key: bytes, checksum: bytes, target: str) -> bool:
        """Put the page of this key at `target`; False if it is missing or damaged."""
        source = self._path(key)
        try:
            with open(source, "rb", buffering=0) as file:  # noqa: PTH123 - thousands of times
                data = file.read()
            if check(data) != checksum:
                os.unlink(source)  # noqa: PTH108
                return False
        except OSError:
            return False
        if self._link and _link(source, target):
            return True
        write(target, data)
        return True

    def keep(self, key: bytes, data: bytes, written: str) -> bytes | None:
        """Store the page just written to `written`; return its checksum, or None on failure."""
        path = self._path(key)
        temporary = f"{path}.{secrets.token_hex(6)}"
        try:
            if self._link:
                os.link(written, temporary)
            else:
                write(temporary, data)
            os.replace(temporary, path)  # noqa: PTH105
        except OSError:
            with suppress(OSError):
                os.unlink(temporary)  # noqa: PTH108
            return None
        return check(data)

    def drop(self, key: bytes) -> None:
        """Remove a page; links in builds stay."""
        with suppress(OSError):
            os.unlink(self._path(key))  # noqa: PTH108

    def _path(self, key: bytes) -> str:
        name = key.hex()
        return f"{self._folder}/{name[:2]}/{name}"


def check(data: bytes) -> bytes:
    """Return the checksum of a page."""
    return blake2b(data, digest_size=CHECK).digest()


def _link(source: str, target: str) -> bool:
    """Link a page, creating its folder if needed; return whether that was possible."""
    try:
        try:
            os.link(source, target)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
            os.link(source, target)
    except OSError:
        return False
    return True


def write(path: str, data: bytes) -> None:
    """Write a file that no other process writes; replace an existing one instead of editing it."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        file = os.open(path, flags, 0o666)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        file = os.open(path, flags, 0o666)
    except FileExistsError:
        # It may have other hard links, or be a symbolic link.
        os.unlink(path)  # noqa: PTH108
        file = os.open(path, flags, 0o666)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(file, view) :]
    finally:
        os.close(file)
