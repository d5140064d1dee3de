"""A thread of the publisher that renews the index soon after each change.

It asks what the snapshot and the build are, a few times a second, and has nothing to remember: the
first round after a start compares everything.
"""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from pathlib import Path

from ..discussion.client.snapshot import Snapshot
from ..discussion.publish.built_site import stamp_of
from . import indexer, run
from .snapshot_watcher import look_until

log = logging.getLogger("rejoinder.search")

# On a large site a run takes long; it may use at most a third of one core. Withdrawals meanwhile do
# not wait for the next run.
REST = 2.0
RETRY_SECONDS = 30.0


class Follower:
    """Renews the index whenever the snapshot or the build has changed."""

    def __init__(self, output: Path, snapshot: Path) -> None:
        self._output = output.absolute()
        self._snapshot = snapshot
        # The state that the index shows, and the state whose withdrawals it has applied.
        self._shown: object = None
        self._taken: object = None
        self._quiet_until = self._failed_until = 0.0
        self._sweep_at: float | None = None
        self._said = ""

    def follow(self, stop: threading.Event) -> None:
        """Run until `stop` is set; no error ends it."""
        look_until(stop, self._snapshot, self._look, self._fail)

    def _look(self, snapshot: Snapshot, stop: threading.Event) -> None:
        now = time.monotonic()
        if now < self._failed_until:
            return
        here = (stamp_of(self._output), snapshot.position())
        sweeping = self._sweep_at is not None and now >= self._sweep_at
        if None in here or (here == self._shown and not sweeping):
            return
        if not run.wanted(self._output):
            self._shown = here
            return
        resting = now < self._quiet_until
        if resting and here == self._taken:
            return
        done = self._run(stop, make=not resting)
        if done is None:
            return
        if done:
            self._fail(done)
            return
        self._taken = here
        if resting:
            return
        seconds = time.monotonic() - now
        if here != self._shown:
            log.info("event=indexed seconds=%.1f", seconds)
        # Later changes are noticed at the next check.
        now = time.monotonic()
        self._sweep_at = None if here == self._shown else now + indexer.GRACE_SECONDS + 5
        self._shown, self._said = here, ""
        self._quiet_until = now + REST * seconds

    def _run(self, stop: threading.Event, *, make: bool) -> str | None:
        """Run in a process: return "" if it succeeded, its error, or None when stopped."""
        # A file: a pipe that nobody reads would block a process with much output.
        with tempfile.TemporaryFile() as told:
            with run.start(self._output, told.fileno(), make=make) as process:
                while process.poll() is None:
                    if stop.wait(0.05):
                        # It may be killed at any time; the index stays complete.
                        process.kill()
                        return None
            told.seek(0)
            said = told.read().decode(errors="replace").strip()
        if process.returncode:
            return said or "it ended"
        if said:
            log.warning("event=search-told detail=%r", said)
        return ""

    def _fail(self, why: str) -> None:
        if why != self._said:
            log.error("event=search-failed detail=%r", why)
        self._said = why
        self._failed_until = time.monotonic() + RETRY_SECONDS
