"""Finished pages by their keys, below QUICK_CACHE/pages: a page that is there is not rendered.

The folder holds what builds rendered, never what the publisher made of it later: the publisher
replaces files by rename, so a page here keeps its bytes though it is linked into a build. Each is
compared with its checksum before it is used.
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

    Links are only for sites where everything that touches the output replaces files by rename:
    who edits a linked page in place edits every build's, and this folder's.
    """

    def __init__(self, folder: Path, *, link: bool) -> None:
        self._folder, self._link = str(folder), link

    def prepare(self) -> bool:
        """Make the folders; whether that was possible."""
        try:
            for number in range(256):
                os.makedirs(f"{self._folder}/{number:02x}", exist_ok=True)  # noqa: PTH103
        except OSError:
            return False
        return True

    def use(self, key: bytes, checksum: bytes, target: str) -> bool:
        """Put the page of this key at `target`; False when it is not there or not whole."""
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
        """Keep the page that was just written there; its checksum, or None when it is not kept."""
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
        """Remove a page; builds that link to it keep theirs."""
        with suppress(OSError):
            os.unlink(self._path(key))  # noqa: PTH108

    def _path(self, key: bytes) -> str:
        name = key.hex()
        return f"{self._folder}/{name[:2]}/{name}"


def check(data: bytes) -> bytes:
    """The checksum of a page."""
    return blake2b(data, digest_size=CHECK).digest()


def _link(source: str, target: str) -> bool:
    """Link a page, also into a folder that is not there yet; whether that was possible."""
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
    """Write a file whose name nobody else uses; one that is there is replaced, not edited."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        file = os.open(path, flags, 0o666)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        file = os.open(path, flags, 0o666)
    except FileExistsError:
        # It may be linked elsewhere, and it may be a link.
        os.unlink(path)  # noqa: PTH108
        file = os.open(path, flags, 0o666)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(file, view) :]
    finally:
        os.close(file)
