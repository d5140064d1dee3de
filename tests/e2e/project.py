"""Runs `rejoinder serve` on a copy of the project, as a new user would."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.running import NO_LIMITS_ENVIRON, free_port

ROOT = Path(__file__).parents[2]
PARTS = ("content", "theme", "pelicanconf.py", "publishconf.py")
START_SECONDS = 180


class Project:
    """A served copy of the project."""

    def __init__(self, root: Path, port: int) -> None:
        self.root = root
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.lines: list[str] = []
        self._process: subprocess.Popen[str] | None = None

    @property
    def environ(self) -> dict[str, str]:
        """Return the environment without the REJOINDER variables of this machine."""
        kept = {name: value for name, value in os.environ.items() if "REJOINDER" not in name}
        return kept | NO_LIMITS_ENVIRON | {"PYTHONUNBUFFERED": "1"}

    @property
    def first_link(self) -> str:
        """Return the printed link for the first editor."""
        found = re.search(rf"{self.url}/moderate/link/\S+", "".join(self.lines))
        assert found, "".join(self.lines)
        return found[0]

    @property
    def supervisor(self) -> subprocess.Popen[str]:
        assert self._process is not None
        return self._process

    def run(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run another command in the project's folder."""
        return subprocess.run(
            [sys.executable, "-m", "rejoinder", *words],
            cwd=self.root,
            env=self.environ,
            input=given,
            text=True,
            capture_output=True,
            check=False,
            timeout=60,
        )

    def start(self, *more: str) -> None:
        """Start `rejoinder serve` and wait for its greeting."""
        self.lines.clear()
        process = subprocess.Popen(
            [sys.executable, "-m", "rejoinder", "serve", "--port", str(self.port), *more],
            cwd=self.root,
            env=self.environ,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._process = process
        threading.Thread(target=self._listen, args=(process,), daemon=True).start()
        # The last line of the greeting: the output is complete up to here.
        self.wait(lambda: any("Ctrl-C" in line for line in self.lines), START_SECONDS)

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.lines.extend(iter(process.stdout.readline, ""))

    def stop(self, number: int = signal.SIGINT) -> int:
        """Stop as with Ctrl-C; return the exit code."""
        self.supervisor.send_signal(number)
        return self.supervisor.wait(60)

    def page(self, key: str) -> str:
        """Return the built page of an article."""
        return (self.root / "output" / key / "index.html").read_text("utf-8")

    def wait(self, true: Callable[[], bool], seconds: float = 60) -> None:
        """Wait until a condition holds; on a timeout, fail with the printed output."""
        deadline = time.monotonic() + seconds
        while not true():
            process = self._process
            running = process is None or process.poll() is None
            assert running, "".join(self.lines)
            assert time.monotonic() < deadline, "".join(self.lines)
            time.sleep(0.02)


def copy(root: Path) -> Path:
    """Copy the files of the project's site into `root`."""
    for name in PARTS:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, root / name)
    return root


@contextmanager
def serving(root: Path, settings: str = "") -> Iterator[Project]:
    """Serve a copy of the project in `root`. `settings` are added to its pelicanconf.py."""
    project = Project(copy(root), free_port())
    with (root / "pelicanconf.py").open("a", encoding="utf-8") as configuration:
        configuration.write(settings)
    try:
        project.start()
        yield project
    finally:
        if project.supervisor.poll() is None:
            project.stop()
