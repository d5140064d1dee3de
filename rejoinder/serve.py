"""`rejoinder serve`: runs the service, the publisher and the site on one origin."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import click
import requests

from rejoinder import environment
from rejoinder.cli import SUPERVISED
from rejoinder.single_instance import only_one

START_SECONDS = 30
STOP_SECONDS = 5
# A child that exits `TRIES` times in a row within this time of its start is given up.
STEADY_SECONDS = 10
TRIES = 3


@click.command()
@click.option("--port", default=8000, show_default=True, help="Port to listen on.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--reload/--no-reload", default=True, help="Reload open pages when they change.")
@click.option(
    "--accept-empty",
    is_flag=True,
    help="Start, once, although the database is new, a different one or has lost most replies.",
)
def serve(port: int, host: str, reload: bool, accept_empty: bool) -> None:
    """Build the site and run everything on one address, with an embedded database."""
    if not Path("pelicanconf.py").exists():
        raise click.ClickException("There is no pelicanconf.py here; run it in the site's folder.")
    url = f"http://{host}:{port}"
    if environment.has_disappeared() and not accept_empty:
        raise click.ClickException(
            f"The folder {environment.var()}/ is missing or empty, but a database was in use here "
            "before. Nothing was changed. Mount its volume or restore the folder, then start "
            "again. To begin with an empty database, run: rejoinder serve --accept-empty"
        )
    environment.make_var()
    with only_one(environment.var(), url):
        _serve(host, port, url, reload=reload, accept_empty=accept_empty)


def _serve(host: str, port: int, url: str, *, reload: bool, accept_empty: bool) -> None:
    _check_free(host, port)
    environment.ensure_secrets()
    environment.remember_address(url)
    os.environ |= {
        "REJOINDER_SITE_URL": url,
        "REJOINDER_SERVICE_URL": url,
        "REJOINDER_SITE_DIR": "output",
        # Where the build writes it (plugins/discussion/model/build_report.py).
        "REJOINDER_SITE_REPORT": str(environment.var() / "build-report-output.txt"),
        "REJOINDER_LIVE_RELOAD": "1" if reload else "0",
        SUPERVISED: "1",
    }
    consent = ("--accept-empty",) if accept_empty else ()
    _run("migrate", *consent)
    with _Children() as children:
        children.start("service", "--quiet", "--host", host, "--port", str(port))
        _wait_for(f"{url}/comments/api/openapi.json", children)
        click.echo("Building the site ...")
        _build(*consent)
        children.start("watch")
        _greet(url, reload=reload)
        children.keep_running()
    click.echo("Stopped.")


def _greet(url: str, *, reload: bool) -> None:
    and_reload = " and reload" if reload else ""
    link = subprocess.run(
        _command("editor", "first-link"), capture_output=True, text=True, check=False
    ).stdout.strip()
    entrance = (
        f"  Become the first editor (this link works once, within a day):\n    {link}"
        if link
        else "  Lost the password? Run: .venv/bin/rejoinder editor link EMAIL"
    )
    click.echo(
        f"\n  Rejoinder is running.\n"
        f"  Articles            {url}/\n"
        f"  Moderation queue    {url}/moderate/\n"
        f"{entrance}\n"
        f"  Sample replies:     make demo   (remove them: .venv/bin/rejoinder demo --remove)\n"
        f"  Edit content/ or theme/ and the pages are rebuilt{and_reload}. "
        f"Ctrl-C stops everything.\n"
    )


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "rejoinder", *words]


def _run(*words: str) -> None:
    """Run a command to its end. Raises `ClickException` if it fails; it has printed the reason."""
    code = subprocess.run(_command(*words), check=False).returncode
    if code:
        raise click.ClickException(f"rejoinder {words[0]} failed, so nothing is running.")


def _build(*words: str) -> None:
    """Build once. The service runs even if this fails: the next build may succeed."""
    if subprocess.run(_command("build", *words), check=False).returncode:
        built = Path("output").exists()
        shown = "the last good build is shown" if built else "there is no earlier one to show"
        click.echo(f"The build failed; {shown}. Save a file to build again.", err=True)


def _check_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise click.ClickException(
                f"Cannot listen on {host}:{port} ({error.strerror}); "
                f"choose another port: make serve PORT={port + 1}"
            ) from None


def _wait_for(url: str, children: "_Children") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        children.check()
        try:
            if requests.get(url, timeout=2).ok:
                return
        except requests.RequestException:
            time.sleep(0.1)
    raise click.ClickException(f"The service did not answer within {START_SECONDS} seconds.")


class _Stop(Exception):
    """Raised in the main thread by SIGINT and SIGTERM."""


class _Children:
    """The child processes; one that exits is restarted."""

    def __init__(self) -> None:
        self._running: dict[tuple[str, ...], subprocess.Popen[bytes]] = {}
        self._started: dict[tuple[str, ...], float] = {}
        self._falls: dict[tuple[str, ...], int] = {}
        self._handlers: dict[signal.Signals, object] = {}

    def __enter__(self) -> "_Children":
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._handlers[number] = signal.signal(number, _stop)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> bool:
        for number in self._handlers:
            signal.signal(number, signal.SIG_IGN)
        self._stop_all()
        return kind is _Stop

    def start(self, *words: str) -> None:
        """Start a command, in its own session so that Ctrl-C reaches only this process."""
        self._running[words] = subprocess.Popen(_command(*words), start_new_session=True)
        self._started[words] = time.monotonic()

    def check(self) -> None:
        """Restart children that have exited. Raises `ClickException` if one keeps exiting."""
        for words, process in list(self._running.items()):
            if process.poll() is None:
                continue
            steady = time.monotonic() - self._started[words] > STEADY_SECONDS
            self._falls[words] = 1 if steady else self._falls.get(words, 0) + 1
            if self._falls[words] >= TRIES:
                raise click.ClickException(
                    f"rejoinder {words[0]} keeps exiting; see its output above."
                )
            click.echo(f"rejoinder {words[0]} ended ({process.returncode}); starting it again.")
            self.start(*words)

    def keep_running(self) -> None:
        """Watch the children until a signal stops this process."""
        while True:
            self.check()
            time.sleep(0.5)

    def _stop_all(self) -> None:
        # In reverse order: clients of the service stop before the service.
        for process in reversed(self._running.values()):
            self._each(process, process.terminate)
        deadline = time.monotonic() + STOP_SECONDS
        for process in self._running.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._each(process, process.kill)
                process.wait()

    @staticmethod
    def _each(process: subprocess.Popen[bytes], act: Callable[[], None]) -> None:
        if process.poll() is None:
            act()


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise _Stop
