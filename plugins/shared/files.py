"""Reads, replaces and removes files of the output; never edits them in place."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from .errors import PageError

MODE = 0o644
TEMPORARY = ".discussion-tmp"


def read(path: Path) -> bytes:
    """Return a page's bytes; PageError if it is missing."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise PageError(f"{path} cannot be read ({error.strerror}); build again.") from error


def replace(path: Path, data: bytes) -> None:
    """Replace a file atomically, also for power cuts; mode 0644."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}{TEMPORARY}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    try:
        with os.fdopen(os.open(temporary, flags, MODE), "wb") as file:
            # The umask may have removed permissions that the web server needs.
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


def remove(path: Path) -> bool:
    """Remove a file; return whether it existed."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise PageError(f"{path} cannot be removed ({error.strerror}).") from error
    sync_folder(path.parent)
    return True


def sync_folder(folder: Path) -> None:
    """Make a folder's entries durable, not only the contents of files."""
    handle = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep(folder: Path) -> None:
    """Remove the temporary files of a killed writer; the caller holds the site's lock."""
    for name in os.listdir(folder):  # noqa: PTH208 - a name is enough, thousands of times
        if name.startswith(".") and name.endswith(TEMPORARY):
            with suppress(FileNotFoundError):
                (folder / name).unlink()
