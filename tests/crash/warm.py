"""Pre-imported fork server that starts `rejoinder` commands quickly, so that tests can kill them.

Forking skips the imports. So tests can kill a real process with a real command many times a
second, after any number of milliseconds of its own work.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

# Started once per test.
MODULE = "tests.crash.warm"


class Warm:
    """Client of the fork server: starts and kills processes."""

    def __init__(self, root: Path, environ: dict[str, str]) -> None:
        self._guard = threading.Lock()
        self.log = root / "processes.log"
        self._process = subprocess.Popen(
            [sys.executable, "-m", MODULE, str(root), str(self.log)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environ, "PYTHONPATH": os.pathsep.join(["", *sys.path])},
        )
        assert self._tell() == "ready"

    def start(self, verb: str, *arguments: str) -> int:
        """Start a command of `rejoinder`; returns its process id."""
        return int(self._ask("start", verb, *arguments))

    def kill(self, process: int) -> bool:
        """Send SIGKILL and wait for the end. Returns whether the process was still running."""
        return bool(self._ask("kill", process))

    def code(self, process: int) -> int | None:
        """Return the exit code of a process; None while it runs."""
        answer = self._ask("code", process)
        return None if answer is None else int(answer)

    def close(self) -> None:
        """Kill all processes that are still running, and end the fork server."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()

    def _ask(self, *words: Any) -> Any:
        with self._guard:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(words) + "\n")
            self._process.stdin.flush()
            return self._tell()

    def _tell(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the warm parent ended:\n{self.log.read_text() if self.log.exists() else ''}"
        return json.loads(line)


class _Parent:
    def __init__(self, root: Path, log: Path) -> None:
        self._root, self._log = root, log
        self._running: set[int] = set()
        self._codes: dict[int, int] = {}

    def serve(self) -> None:
        _say("ready")
        try:
            for line in sys.stdin:
                word, *arguments = json.loads(line)
                _say(getattr(self, f"_{word}")(*arguments))
        finally:
            for process in list(self._running):
                self._kill(process)

    def _start(self, verb: str, *arguments: str) -> int:
        process = os.fork()
        if process == 0:
            self._become(verb, list(arguments))
        self._running.add(process)
        return process

    def _kill(self, process: int) -> bool:
        # The process was not reaped yet, so its id cannot have been reused.
        if self._code(process) is not None:
            return False
        os.kill(process, signal.SIGKILL)
        self._wait(process, 0)
        return self._codes[process] == -signal.SIGKILL

    def _code(self, process: int) -> int | None:
        if process not in self._codes:
            self._wait(process, os.WNOHANG)
        return self._codes.get(process)

    def _wait(self, process: int, options: int) -> None:
        ended, status = os.waitpid(process, options)
        if ended:
            self._running.discard(process)
            self._codes[process] = os.waitstatus_to_exitcode(status)

    def _become(self, verb: str, arguments: list[str]) -> None:
        code = 1
        try:
            os.setsid()
            handle = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            for number in (1, 2):
                os.dup2(handle, number)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.chdir(self._root)
            from importlib.metadata import entry_points

            (point,) = entry_points(group="rejoinder.commands", name=verb)
            point.load().main(arguments, prog_name=verb, standalone_mode=False)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)


def _say(answer: Any) -> None:
    print(json.dumps(answer), flush=True)


def _import_everything() -> None:
    import pelican.readers
    import uvicorn.loops.auto
    import uvicorn.protocols.http.auto

    import comments_service.app
    import comments_service.cli
    import plugins.cli.commands
    import plugins.discussion.build.builder
    import plugins.discussion.build.hooks
    import plugins.discussion.publish.publisher

    del pelican, uvicorn, comments_service
    # Short delays, so that processes reach the shared files before they are killed.
    plugins.discussion.publish.publisher.WINDOW_SECONDS = 0.05
    plugins.discussion.publish.publisher.SHARED_PATIENCE = 0.01
    plugins.discussion.publish.publisher.SITEMAP_PATIENCE = 0.02


if __name__ == "__main__":
    _import_everything()
    _Parent(Path(sys.argv[1]), Path(sys.argv[2])).serve()
