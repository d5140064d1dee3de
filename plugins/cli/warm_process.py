"""Keeps a process that has loaded Pelican and waits for a build request (warm_worker.py).

Loading Pelican is half of the time of a small site's build. Each process builds once, because
Pelican never frees memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress


class Standby:
    """The next build's process; `with` ends it."""

    def __init__(self) -> None:
        self._waiting: subprocess.Popen[str] | None = None

    def __enter__(self) -> Standby:
        return self

    def __exit__(self, *error: object) -> None:
        self.dismiss()

    def prepare(self) -> None:
        """Start a process, which loads in the background."""
        if self._waiting is not None and self._waiting.poll() is None:
            return
        self._waiting = subprocess.Popen(
            [sys.executable, "-m", f"{__name__.rpartition('.')[0]}.warm_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # Ctrl-C reaches only the watching process, which then ends the build.
            start_new_session=True,
        )

    def build(self, *options: str) -> subprocess.Popen[str]:
        """Start `rejoinder build` with these options; its output is in `stdout`."""
        self.prepare()
        process, self._waiting = self._waiting, None
        if process is None or process.stdin is None:
            raise RuntimeError("there is no process to build with")
        # If it died meanwhile, its exit code shows it.
        with suppress(OSError), process.stdin as words:
            words.write(json.dumps(options) + "\n")
        return process

    def dismiss(self) -> None:
        """End the process: what it has loaded is outdated, or it is no longer needed."""
        process, self._waiting = self._waiting, None
        if process is not None:
            with process:
                process.kill()
