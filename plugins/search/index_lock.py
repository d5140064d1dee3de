"""The lock that is held during an indexing run."""

from __future__ import annotations

import time
from pathlib import Path

from filelock import FileLock, Timeout

from ..shared.progress import step
from . import paths

LOOK_EVERY_SECONDS = 1.0


def lock_of(var: Path) -> FileLock:
    """Return the lock that is held during a run."""
    return FileLock(var / "search.lock", mode=0o644)


def under_way(var: Path) -> bool:
    """Whether a run is in progress, in this process or another one."""
    lock = lock_of(var)
    # A check must not create files where no index was ever made.
    if not Path(lock.lock_file).exists():
        return False
    try:
        with lock.acquire(timeout=0):
            return False
    except Timeout:
        return True


def wait(var: Path, until: float) -> bool:
    """Wait while runs are in progress; False if one still is at `until` (monotonic)."""
    with step("Seconds waited for the search index") as advance:
        while under_way(var):
            if time.monotonic() >= until:
                return False
            time.sleep(LOOK_EVERY_SECONDS)
            advance(1)
    return True


def mark(var: Path, output: Path) -> int | None:
    """Return a value that every run changes which changed the index; None without an index."""
    try:
        return paths.state_of(var, output).stat().st_mtime_ns
    except OSError:
        return None
