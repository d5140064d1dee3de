"""A full build as a transaction: into a fresh directory, brought up to date, then shown at once.

`output` is a link to the newest directory below `var/builds/`; who reads through it sees the old
site or the new one.
"""

from __future__ import annotations

import filecmp
import logging
import os
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from plugins.discussion.client import Client
from plugins.discussion.errors import BuildError, DiscussionError, ServiceError, SettingsError
from plugins.discussion.page import sync_folder
from plugins.discussion.settings import SiteSettings
from plugins.discussion.site import Site
from plugins.discussion.snapshot import Snapshot

# By its name, because importing it imports Pelican.
HOOKS = "plugins.discussion.hooks"


@dataclass(frozen=True, slots=True)
class Build:
    """A finished build: its directory, its pages with discussions, and the seconds it took."""

    root: Path
    pages: int
    seconds: float


def build(root: Path, settings_file: Path, output: Path) -> Build:
    """Build the site of the project `root` and show it as `output`.

    Relative paths are below `root`. Raises DiscussionError; then `output` is as it was before.
    """
    started = time.monotonic()
    site_settings = SiteSettings.from_environ(os.environ)
    var = (root / site_settings.var).absolute()
    output = (root / output).absolute()
    builds = var / "builds"
    builds.mkdir(parents=True, exist_ok=True)
    # One build at a time: two would each take the other's directory for a leftover.
    with FileLock(var / "build.lock", mode=0o644):
        fresh = builds / _new_name(output)
        try:
            # The snapshot that the publisher follows, whatever folder this process stands in.
            snapshot_path = _run_pelican(
                root / settings_file, fresh, var / site_settings.snapshot.name
            )
            previous = output.resolve() if output.is_dir() else None
            if previous is not None:
                keep_times(previous, fresh)
            # The link may reach the disk before the pages it leads to.
            os.sync()
            with Snapshot(snapshot_path) as snapshot:
                _fetch_again(snapshot, site_settings)
                with FileLock(var / "site.lock", mode=0o644):
                    pages = _bring_up_to_date(fresh, previous, snapshot)
                    previous = _show(fresh, output, builds)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        _remove_older(builds, output, keep={fresh, previous})
    return Build(fresh, pages, time.monotonic() - started)


def keep_times(previous: Path, fresh: Path, names: list[str] | None = None) -> None:
    """Give files that did not change the time of the build before: HTTP caches go by it.

    `names` are paths relative to both; all files when None.
    """
    if names is None:
        names = [
            os.path.relpath(Path(folder, name), fresh)
            for folder, _, files in os.walk(fresh)
            for name in files
        ]
    for name in names:
        old, new = previous / name, fresh / name
        if old.is_file() and filecmp.cmp(old, new, shallow=False):
            stat = old.stat()
            os.utime(new, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def _run_pelican(settings_file: Path, fresh: Path, snapshot: Path) -> Path:
    """Run Pelican into `fresh`; returns the snapshot it used. Any logged error is fatal."""
    if not settings_file.is_file():
        raise BuildError(f"{settings_file} is missing; name the settings with --settings")
    from pelican import Pelican
    from pelican.settings import read_settings

    with _errors_are_fatal() as errors:
        try:
            settings = read_settings(
                str(settings_file),
                override={"OUTPUT_PATH": str(fresh), "DELETE_OUTPUT_DIRECTORY": False},
            )
            if not settings.get("DISCUSSION_SNAPSHOT"):
                settings["DISCUSSION_SNAPSHOT"] = str(snapshot)
            pelican: Any = Pelican  # untyped
            pelican(settings).run()
        except DiscussionError:
            raise
        except Exception as error:
            what = "; ".join(errors) or f"{type(error).__name__}: {error}"
            raise BuildError(f"The build failed, what is published stays: {what}") from error
        finally:
            _let_go()
    if errors:
        raise BuildError(f"The build failed, what is published stays: {'; '.join(errors)}")
    return Path(settings["DISCUSSION_SNAPSHOT"])


@contextmanager
def _errors_are_fatal() -> Iterator[list[str]]:
    """Pelican logs a failing plugin or article and goes on; here that ends the build."""
    from pelican.log import FatalLogger

    errors = _Errors()
    stderr = logging.StreamHandler(sys.stderr)
    stderr.setLevel(logging.WARNING)
    stderr.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    # Errors end in the one message at the end; the plugin prints its warnings itself.
    stderr.addFilter(lambda record: record.levelno < logging.ERROR and record.name != HOOKS)
    logger = logging.getLogger()
    before = FatalLogger.fatal_lvl
    FatalLogger.fatal_lvl = logging.ERROR
    logger.addHandler(errors)
    logger.addHandler(stderr)
    try:
        yield errors.messages
    finally:
        FatalLogger.fatal_lvl = before
        logger.removeHandler(errors)
        logger.removeHandler(stderr)


class _Errors(logging.Handler):
    """Collects what went wrong, for the one message at the end."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record's message, and the reason when it has one."""
        message = record.getMessage()
        if record.exc_info and record.exc_info[1]:
            message += f" ({type(record.exc_info[1]).__name__}: {record.exc_info[1]})"
        self.messages.append(message)


def _let_go() -> None:
    hooks: Any = sys.modules.get(HOOKS)
    if hooks is not None:
        hooks.close()


def _fetch_again(snapshot: Snapshot, settings: SiteSettings) -> None:
    """Once more, after the long part: an approval may have come while Pelican worked."""
    try:
        with Client.from_settings(settings) as client:
            snapshot.sync(client)
    except (ServiceError, SettingsError):
        # Said loudly at the build's start already; the publisher repairs the pages later.
        return


def _bring_up_to_date(fresh: Path, previous: Path | None, snapshot: Snapshot) -> int:
    """Whatever the publisher wrote into the old pages meanwhile must be in the new ones too."""
    site = Site.open(fresh)
    outcome = site.reconcile(snapshot)
    for error in outcome.failed.values():
        raise error
    if previous is not None:
        keep_times(previous, fresh, [one for one in outcome.written if (fresh / one).is_file()])
    return len(site.manifest)


def _show(fresh: Path, output: Path, builds: Path) -> Path | None:
    """Point the link at the new build; returns the directory that was shown before."""
    previous: Path | None = None
    if output.is_symlink():
        previous = output.resolve()
    elif output.exists():
        # Somebody ran plain `pelican`: its directory becomes the build before this one.
        previous = builds / _new_name(output)
        try:
            output.rename(previous)
        except OSError as error:
            raise BuildError(
                f"{output} is a directory that cannot be moved to {builds} ({error.strerror}); "
                "move it away and build again"
            ) from error
    link = output.with_name(f"{output.name}.{secrets.token_hex(4)}")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(fresh, output.parent), target_is_directory=True)
        link.replace(output)
    except OSError as error:
        link.unlink(missing_ok=True)
        raise BuildError(f"{output} cannot be made a link to {fresh}: {error.strerror}") from error
    sync_folder(output.parent)
    return previous


def _new_name(output: Path) -> str:
    # The output's name, so that builds for two outputs do not remove each other.
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}-{output.name}"


def _remove_older(builds: Path, output: Path, keep: set[Path | None]) -> None:
    for folder in builds.iterdir():
        if folder.name.partition("-")[2].partition("-")[2] == output.name and folder not in keep:
            shutil.rmtree(folder, ignore_errors=True)
