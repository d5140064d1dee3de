"""At most one `rejoinder serve` in a folder; the second one names the first.

The lock is the system's: it ends with the process, so a killed one leaves nothing behind that
blocks the next.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click
from filelock import FileLock, Timeout


@contextmanager
def only_one(var: Path, url: str) -> Iterator[None]:
    """Hold the folder's lock; raises ClickException if another process holds it.

    `url` is where this one will be reached.
    """
    lock = FileLock(var / "serve.lock", mode=0o600)
    # Beside the lock file, which locking may empty.
    about = var / "serve.json"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise click.ClickException(_already(about)) from None
    try:
        about.write_text(json.dumps({"pid": os.getpid(), "url": url}), "utf-8")
        yield
    finally:
        about.unlink(missing_ok=True)
        lock.release()


def _already(about: Path) -> str:
    where = ""
    with suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads(about.read_text("utf-8"))
        where = f": process {known['pid']}, {known['url']}/"
    return f"rejoinder serve already runs in this folder{where}. Stop that one first (Ctrl-C)."
