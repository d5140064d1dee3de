"""Runs `rejoinder` commands as processes in a temporary folder."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from comments_service.store.database import Database
from tests.running import NO_LIMITS_ENVIRON, SECRET, TOKEN, Clock, Service, free_port, settings_for


def environment(folder: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REJOINDER_")}
    return kept | {
        "REJOINDER_VAR": str(folder),
        "REJOINDER_SECRET": SECRET,
        "REJOINDER_API_TOKEN": TOKEN,
        "REJOINDER_DATABASE": f"sqlite:///{folder / 'comments.sqlite3'}",
        **NO_LIMITS_ENVIRON,
        **more,
    }


def rejoinder(folder: Path, *words: str, typed: str = "", fails: bool = False, **more: str) -> str:
    """Run a command to its end; return its output."""
    done = subprocess.run(
        [sys.executable, "-m", "rejoinder", *words],
        cwd=folder,
        env=environment(folder, **more),
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode != 0) == fails, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@contextmanager
def service_process(folder: Path, **more: str) -> Iterator[tuple[Service, subprocess.Popen[bytes]]]:
    """Run the service as a process; it is killed at the end if it still runs."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with (folder / f"service-{port}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "rejoinder", "service", "--port", str(port)],
            cwd=folder,
            env=environment(folder, REJOINDER_SITE_URL=url, **more),
            stdout=log,
            stderr=log,
        )
    settings = settings_for(folder, site_url=url)
    db = Database(settings.database)
    try:
        _wait(url, process)
        yield Service(url, settings, db, Clock()), process
    finally:
        db.close()
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait(60)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while True:
        assert process.poll() is None, "the service ended"
        assert time.monotonic() < deadline, "the service did not start"
        try:
            requests.get(f"{url}/comments/api/openapi.json", timeout=60)
        except requests.ConnectionError:
            time.sleep(0.05)
        else:
            return
