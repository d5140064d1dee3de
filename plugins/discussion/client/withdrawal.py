"""Removes withdrawn, edited and erased replies from older builds and caches.

The shown pages lose them by themselves. A build that is not shown any more keeps its pages, the
cache of finished pages (plugins/quick) keeps them for later builds, and the snapshot's log keeps
what was overwritten.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from ..model import build_dirs
from .snapshot import Snapshot, Withdrawn

log = logging.getLogger("rejoinder.publisher")

LOOK_SECONDS = 0.5
# Below var/: the cache of rendered pages, unless QUICK_CACHE says otherwise.
CACHED_PAGES = Path("cache", "pages")
# Above this number of replies, rendering every page again is faster than searching for them.
FEW = 50


class Cleanup:
    """Removes older copies once the snapshot records withdrawn replies.

    `settled` returns whether every shown file agrees with the snapshot. Until then older builds are
    removed, but the withdrawal is not forgotten: the next build may leave another one.
    """

    def __init__(self, output: Path, snapshot: Snapshot, settled: Callable[[], bool]) -> None:
        self._output = output.absolute()
        self._snapshot = snapshot
        self._settled = settled
        self._var = snapshot.path.parent

    def run(self, stop: threading.Event) -> None:
        """Check repeatedly until `stop` is set; no error ends it."""
        while not stop.wait(LOOK_SECONDS):
            try:
                self.once()
            except Exception as error:
                log.error("event=cleanup-failed kind=%s", type(error).__name__)  # noqa: TRY400

    def once(self) -> bool:
        """Remove what is recorded; return whether nothing is left to do."""
        known = self._snapshot.withdrawn()
        if known is None:
            return True
        # Read before the removal, so that later records are handled next time.
        settled = self._settled()
        if not _remove_copies(self._var, self._output, known):
            return False
        if not (settled and self._snapshot.settle(known)):
            return False
        log.info("event=withdrawn")
        return True


def _remove_copies(var: Path, output: Path, known: Withdrawn) -> bool:
    """Remove every copy but the shown build; False while a build is in progress."""
    try:
        with FileLock(var / build_dirs.LOCK, mode=0o644).acquire(timeout=0):
            remove_copies(var, output, known, keep=output.resolve())
    except Timeout:
        return False
    return True


def remove_copies(var: Path, output: Path, known: Withdrawn, keep: Path) -> None:
    """Remove other builds of `output`, and cached pages that show a withdrawn reply.

    The caller holds `build.lock`, so that nothing here belongs to a running build.
    """
    folder = var / build_dirs.FOLDER
    if folder.is_dir():
        # A killed `rejoinder verify` leaves a build and a snapshot.
        killed = build_dirs.older(folder, output.with_name(f"{output.name}.verify"), keep=())
        for old in (*build_dirs.older(folder, output, keep={keep}), *killed):
            shutil.rmtree(old, ignore_errors=True)
    for file in var.glob("verify-*.sqlite3*"):
        file.unlink(missing_ok=True)
    for page in (var / CACHED_PAGES).glob("*/*"):
        if _shows(page, known):
            # The next build renders it again.
            page.unlink(missing_ok=True)


def _shows(page: Path, known: Withdrawn) -> bool:
    if known.replies is None or len(known.replies) > FEW:
        return True
    try:
        data = page.read_bytes()
    except OSError:
        return False
    # Every page that shows a reply contains its id.
    return any(one.encode() in data for one in known.replies)
