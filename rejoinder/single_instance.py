"""Lock that allows one `rejoinder serve` per folder; a second one reports the first.

It is an operating system lock, which ends with the process: a killed process leaves no stale lock.
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

    `url` is the address of this process, for the error message of a second one.
    """
    lock = FileLock(var / "serve.lock", mode=0o600)
    # A separate file: locking may truncate the lock file.
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
    details = ""
    with suppress(OSError, ValueError, KeyError, TypeError):
        running = json.loads(about.read_text("utf-8"))
        details = f": process {running['pid']}, {running['url']}/"
    return f"rejoinder serve is already running in this folder{details}. Stop it first (Ctrl-C)."
