"""Keeps a process that has loaded everything a build needs and waits for the word (ready.py).

Half of the time of a small site's build is loading Pelican. Each process builds once: Pelican never
frees what it read.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress


class Standby:
    """The next build's process; `with` lets it go at the end."""

    def __init__(self) -> None:
        self._waiting: subprocess.Popen[str] | None = None

    def __enter__(self) -> Standby:
        return self

    def __exit__(self, *error: object) -> None:
        self.dismiss()

    def prepare(self) -> None:
        """Have a process ready; it loads while nobody waits for it."""
        if self._waiting is not None and self._waiting.poll() is None:
            return
        self._waiting = subprocess.Popen(
            [sys.executable, "-m", f"{__name__.rpartition('.')[0]}.warm_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # Ctrl-C reaches only the process that watches, which then ends the build.
            start_new_session=True,
        )

    def build(self, *options: str) -> subprocess.Popen[str]:
        """Begin `rejoinder build` with these options; what it says comes from `stdout`."""
        self.prepare()
        process, self._waiting = self._waiting, None
        if process is None or process.stdin is None:
            raise RuntimeError("there is no process to build with")
        # One that died meanwhile is told by its exit code.
        with suppress(OSError), process.stdin as words:
            words.write(json.dumps(options) + "\n")
        return process

    def dismiss(self) -> None:
        """Let the process go: what it has loaded is out of date, or nobody builds any more."""
        process, self._waiting = self._waiting, None
        if process is not None:
            with process:
                process.kill()
