"""The site side's commands of `rejoinder`. Heavy imports stay inside the functions."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from ..authoring.schedule import Alarm
from ..search.errors import SearchError
from ..shared.errors import DiscussionError
from ..shared.log_format import log_to_stderr
from .warm_process import Standby

if TYPE_CHECKING:
    from ..discussion.publish.publisher import Publisher
    from ..search.follower import Follower
    from ..search.sender import Sender

OUTPUT = Path("output")
SETTINGS = Path("pelicanconf.py")
WATCHED = ("content", "theme", "plugins")
# Seconds that a page write in progress may still take; kill -9 would be safe too.
STOP_SECONDS = 0.8
# Set by `rejoinder serve` for the commands that it starts.
SUPERVISED = "REJOINDER_SUPERVISED"

_output = click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=OUTPUT,
    show_default=True,
    help="The link to the newest build.",
)
_settings = click.option(
    "--settings",
    type=click.Path(path_type=Path, dir_okay=False),
    default=SETTINGS,
    show_default=True,
    help="The Pelican settings to build with.",
)
_accept_empty = click.option(
    "--accept-empty",
    is_flag=True,
    help="Publish what the service holds now, once, even if its database is a different one "
    "or has lost most replies.",
)


@click.command()
@_settings
@_output
@_accept_empty
@click.option("--no-cache", is_flag=True, help="Take nothing over from earlier builds.")
def build(settings: Path, output: Path, accept_empty: bool, no_cache: bool) -> None:
    """Build the static site into a fresh directory and then show it at once."""
    from .build import build_site

    # A terminated build removes its incomplete directory, like an interrupted one.
    signal.signal(signal.SIGTERM, _interrupt)
    with _readable_errors():
        done = build_site(
            Path.cwd(), settings, output, cache=not no_cache, accept_empty=accept_empty
        )
    click.echo(f"Built {done.pages} pages with discussions in {done.seconds:.1f} s: {output}/")
    _index_beside(output)


@click.command()
@_settings
@_output
@click.option(
    "--repair", is_flag=True, help="Fetch and build everything again if anything differs."
)
def verify(settings: Path, output: Path, repair: bool) -> None:
    """Compare every published file with a full build from the service's answers."""
    from . import verify as verifier
    from .build import build_site

    with _readable_errors():
        found = verifier.verify(Path.cwd(), settings, output)
        for one in found:
            click.echo(f"{one.what}: {one.file}")
        if not found:
            click.echo("Every file is as it should be.")
            return
        if not repair:
            raise click.ClickException(
                f"{len(found)} files are not as they should be; run: rejoinder verify --repair"
            )
        verifier.refetch(Path.cwd())
        build_site(Path.cwd(), settings, output, cache=False)
        _index_now(output, anew=True)
    click.echo(f"{len(found)} files are repaired.")


@click.command()
@_output
@_accept_empty
@click.option("--once", is_flag=True, help="Bring every page up to date and end.")
def publish(output: Path, accept_empty: bool, once: bool) -> None:
    """Follow the comments service, keep the pages up to date, build when an article's day comes."""
    alarm = Alarm(output)
    with _readable_errors(), _publisher(output, accept_empty=accept_empty) as publisher:
        if once:
            with _until_stopped() as stop:
                _build_what_is_due(alarm, output, stop)
            written = publisher.once()
            _index_now(output)
            _send_texts_now(output)
            click.echo(f"Every page is up to date; {written} changed.")
            return
        with _until_stopped() as stop:
            worker = _in_background(publisher.follow, stop)
            _in_background(_search(output).follow, stop)
            _in_background(_sender(output).follow, stop)
            while not stop.wait(0.5) and worker.is_alive():
                _build_what_is_due(alarm, output, stop)
            stop.set()
            worker.join(STOP_SECONDS)


@click.command()
@_settings
@_output
def watch(settings: Path, output: Path) -> None:
    """Publish continuously, and build again when files change or an article's day comes."""
    from watchfiles import watch as changes_of

    root = Path.cwd()
    folders = [root / name for name in WATCHED if (root / name).is_dir()]
    alarm = Alarm(output)
    with (
        _readable_errors(),
        _publisher(output) as publisher,
        _until_stopped() as stop,
        Standby() as standby,
    ):
        worker = _in_background(publisher.follow, stop)
        _in_background(_search(output).follow, stop)
        _in_background(_sender(output).follow, stop)
        # Editors replace files, which ends a watch on the file itself: compare stamps instead.
        configured = _stamps(root, settings)
        # `rejoinder serve` has just built, or tried to.
        if not output.exists() and not os.environ.get(SUPERVISED):
            _rebuild(settings, output, stop, standby)
        standby.prepare()
        for changes in changes_of(
            *folders,
            stop_event=stop,
            debounce=400,
            step=50,
            rust_timeout=500,
            yield_on_timeout=True,
            raise_interrupt=False,
        ):
            now = _stamps(root, settings)
            if any(Path(path).is_relative_to(root / "plugins") for _, path in changes):
                standby.dismiss()
            if changes or now != configured or alarm.rings(datetime.now(UTC)):
                configured = now
                _rebuild(settings, output, stop, standby)
                standby.prepare()
        stop.set()
        worker.join(STOP_SECONDS)


def _index_beside(output: Path) -> None:
    """Start indexing a new build; nothing waits for it or fails with it."""
    from ..search import run

    try:
        if run.wanted(output):
            run.start(output.absolute())
    except DiscussionError as error:
        click.echo(f"WARNING: {error}", err=True)


def _index_now(output: Path, *, anew: bool = False) -> None:
    """Make the search index and wait for it; print errors."""
    from ..search import run

    try:
        if anew:
            run.forget(output)
        run.index(output)
    except SearchError as error:
        click.echo(f"WARNING: {error}", err=True)


def _search(output: Path) -> Follower:
    from ..search.follower import Follower
    from ..shared.settings import SiteSettings

    return Follower(output, SiteSettings.from_environ(os.environ).snapshot)


def _sender(output: Path) -> Sender:
    from ..discussion.client.http import Client
    from ..search.sender import Sender
    from ..shared.settings import SiteSettings

    settings = SiteSettings.from_environ(os.environ)
    # A separate client, never closed: a thread may use it until the process ends.
    return Sender(output, settings.snapshot, Client.from_settings(settings))


def _send_texts_now(output: Path) -> None:
    """Send the articles' texts to the service; print errors."""
    try:
        _sender(output).once()
    except (DiscussionError, OSError) as error:
        click.echo(f"WARNING: {error}", err=True)


def _build_what_is_due(alarm: Alarm, output: Path, stop: threading.Event) -> None:
    """Build like the shown build, when a scheduled article has become public."""
    due = alarm.rings(datetime.now(UTC))
    if due is None:
        return
    click.echo(f"The moment of an article has come ({due.moment:%Y-%m-%d %H:%M} UTC); building.")
    with Standby() as standby:
        _rebuild(Path(due.settings or SETTINGS), output, stop, standby)


def _rebuild(settings: Path, output: Path, stop: threading.Event, standby: Standby) -> None:
    """Build in a process of its own: Pelican never frees memory, and plugins may have changed."""
    started = time.monotonic()
    with standby.build("--settings", str(settings), "--output", str(output)) as process:
        lines: list[str] = []
        reader = _in_background(lambda: lines.extend(process.stdout or ()))
        while process.poll() is None:
            if stop.wait(0.05):
                process.terminate()
                try:
                    process.wait(STOP_SECONDS / 2)
                except subprocess.TimeoutExpired:
                    process.kill()
                return
        reader.join()
    if process.returncode == 0:
        for line in lines:
            if line.startswith("WARNING"):
                click.echo(line.rstrip(), err=True)
        click.echo(f"Rebuilt in {time.monotonic() - started:.1f} s")
    else:
        click.echo("".join(lines).rstrip(), err=True)
        click.echo("The build failed; the pages stay. Save a file to try again.", err=True)


def _stamps(root: Path, settings: Path) -> list[tuple[int, int] | None]:
    stamps: list[tuple[int, int] | None] = []
    for path in dict.fromkeys([root / "pelicanconf.py", root / settings]):
        try:
            stat = path.stat()
            stamps.append((stat.st_mtime_ns, stat.st_size))
        except OSError:
            stamps.append(None)
    return stamps


@contextmanager
def _publisher(output: Path, *, accept_empty: bool = False) -> Iterator[Publisher]:
    from ..discussion.client.http import Client
    from ..discussion.client.snapshot import Snapshot
    from ..discussion.publish.publisher import Publisher
    from ..shared.settings import SiteSettings

    settings = SiteSettings.from_environ(os.environ)
    log_to_stderr()
    # Suppress urllib3's retry warnings; the publisher reports an unreachable service once.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    client = Client.from_settings(settings)
    yield Publisher(
        output,
        Snapshot(settings.snapshot),
        client,
        lock=settings.lock,
        site_url=settings.site_url if settings.check_live else None,
        accept_empty=accept_empty,
    )
    # Neither is closed: a thread may still be in the long poll, and the process ends now.


def _in_background(call: Callable[..., Any], *arguments: Any) -> threading.Thread:
    # A daemon thread: the process may end during a long poll.
    thread = threading.Thread(target=call, args=arguments, daemon=True)
    thread.start()
    return thread


@contextmanager
def _until_stopped() -> Iterator[threading.Event]:
    """Return an event that SIGINT and SIGTERM set; ending that way is no error."""
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _readable_errors() -> Iterator[None]:
    try:
        yield
    except DiscussionError as error:
        raise click.ClickException(str(error)) from error


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
