"""A full build as a transaction: into a new directory, brought up to date, then shown at once.

`output` is a link to the newest directory below `var/builds/`: readers see the old site or the new
one, never a mixture.
"""

from __future__ import annotations

import filecmp
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import Any, Protocol

from filelock import FileLock

from ...shared.errors import BuildError, ServiceError, SettingsError
from ...shared.files import TEMPORARY, sweep, sync_folder
from ...shared.settings import SiteSettings
from ..client import withdrawal
from ..client.http import Client
from ..client.snapshot import Snapshot
from ..model import build_dirs, build_report
from ..model.privacy_check import Ask
from ..publish.built_site import Site
from . import prepare_dirs
from .pelican_run import HOOKS, run_pelican


@dataclass(frozen=True, slots=True)
class Build:
    """A finished build: its directory, its pages with discussions, and the seconds it took."""

    root: Path
    pages: int
    seconds: float


class Step(Protocol):
    """A step that another plugin adds to a build; composed in plugins/cli/build.py."""

    def before_swap(self, var: Path, output: Path, fresh: Path) -> None:
        """Complete the directory `fresh` before it is shown as `output`."""

    def after_swap(self, var: Path, output: Path) -> list[str]:
        """Record what the build found; returns warnings for the build report."""


def build(
    root: Path,
    settings_file: Path,
    output: Path,
    *,
    cache: bool = True,
    accept_empty: bool = False,
    steps: Sequence[Step] = (),
) -> Build:
    """Build the site of the project `root` and show it as `output`.

    Relative paths are below `root`. Without `cache` nothing is taken over from an earlier build.
    A service that lost its replies is not followed unless `accept_empty`: the snapshot serves.
    Raises DiscussionError; then `output` is as it was before.
    """
    started = time.monotonic()
    site_settings = SiteSettings.from_environ(os.environ)
    var = (root / site_settings.var).absolute()
    output = (root / output).absolute()
    folder = var / build_dirs.FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    # One build at a time: two would each delete the other's directory as a leftover.
    with FileLock(var / build_dirs.LOCK, mode=0o644):
        fresh = folder / build_dirs.new_name(output)
        shown = output.resolve() if output.is_dir() else None
        older = build_dirs.older(folder, output, keep={shown})
        helper = _work_beside(shown if cache else None, fresh, older)
        try:
            # An absolute path: the publisher may run in another folder.
            snapshot_path = run_pelican(
                root / settings_file,
                fresh,
                var / site_settings.snapshot.name,
                cache=cache,
                before=shown,
                accept_empty=accept_empty,
            )
            previous = output.resolve() if output.is_dir() else None
            if helper is not None and helper.stdout is not None:
                helper.stdout.read()  # to its end: all folders are there
            if previous is not None:
                keep_times(previous, fresh)
            # Sync first, or the link could reach the disk before the pages.
            os.sync()
            with (
                Snapshot(snapshot_path) as snapshot,
                _service(site_settings, snapshot) as ask,
                FileLock(var / "site.lock", mode=0o644),
            ):
                # Before the pages are compared, so that later withdrawals are not included.
                withdrawn = snapshot.withdrawn()
                pages = bring_up_to_date(fresh, previous, snapshot, ask)
                for step in steps:
                    step.before_swap(var, output, fresh)
                previous = _show(fresh, output, folder)
            warnings = [line for step in steps for line in step.after_swap(var, output)]
            build_report.write(build_report.path_of(var, output), warnings)
        except BaseException as error:
            if isinstance(error, Exception):
                # Editors read it too; they need not know absolute paths of the server.
                what = (str(error) or type(error).__name__).replace(f"{root.absolute()}/", "")
                report = ["The build failed, and this site is as it was before:", what]
                build_report.write(build_report.path_of(var, output), report)
            if helper is not None:
                # The helper process may still create folders.
                helper.kill()
                helper.wait()
            # An interruption may come after the swap; the shown build must stay.
            if output.resolve() != fresh.resolve():
                shutil.rmtree(fresh, ignore_errors=True)
            raise
        finally:
            if helper is not None:
                helper.wait()
        if withdrawn is None:
            for old in build_dirs.older(folder, output, keep={fresh, previous}):
                shutil.rmtree(old, ignore_errors=True)
        else:
            # The previous build shows withdrawn replies.
            withdrawal.remove_copies(var, output, withdrawn, keep=fresh)
            with Snapshot(snapshot_path) as snapshot:
                snapshot.settle(withdrawn)
    return Build(fresh, pages, time.monotonic() - started)


def keep_times(previous: Path, fresh: Path, names: list[str] | None = None) -> None:
    """Give unchanged files the time of the previous build, for HTTP caches.

    `names` are paths relative to both; all files when None.
    """
    for name in _replaced(str(previous), str(fresh)) if names is None else names:
        # Text paths instead of Path objects, for speed: there are thousands.
        old, new = f"{previous}/{name}", f"{fresh}/{name}"
        try:
            stat, here = os.stat(old), os.stat(new)  # noqa: PTH116
        except OSError:
            continue
        # Hard links (plugins/quick links pages) share one time.
        if (stat.st_dev, stat.st_ino) == (here.st_dev, here.st_ino):
            continue
        if S_ISREG(stat.st_mode) and filecmp.cmp(old, new, shallow=False):
            os.utime(new, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def _replaced(previous: str, fresh: str, below: str = "") -> Iterator[str]:
    """Yield the files that both builds have, unless they are hard links to one file.

    It compares inode numbers from directory listings, mostly without calling stat. Folders that
    were made ahead (prepare_dirs.py) and stayed empty are removed on the way.
    """
    try:
        before = {one.name: one.inode() for one in os.scandir(f"{previous}/{below}")}
        now = list(os.scandir(f"{fresh}/{below}"))
    except OSError:
        return
    for one in now:
        if one.is_dir(follow_symlinks=False):
            if one.name in before:
                yield from _replaced(previous, fresh, f"{below}{one.name}/")
        elif before.get(one.name, one.inode()) != one.inode():
            yield below + one.name
    if below and before and all(one.is_dir(follow_symlinks=False) for one in now):
        with suppress(OSError):  # not empty
            os.rmdir(f"{fresh}/{below}")  # noqa: PTH106


@contextmanager
def _service(settings: SiteSettings, snapshot: Snapshot) -> Iterator[Ask | None]:
    """Fetch again after the long part: replies may have been approved during it.

    Yields the check of private strings, or None without the service.
    """
    with ExitStack() as stack:
        ask = None
        try:
            client = stack.enter_context(Client.from_settings(settings))
            snapshot.sync(client)
            ask = client.private
        except (ServiceError, SettingsError):
            # Already reported at the start; the publisher repairs the pages later.
            ask = None
        yield ask


def bring_up_to_date(
    fresh: Path, previous: Path | None, snapshot: Snapshot, ask: Ask | None
) -> int:
    """Write into the new pages whatever the publisher wrote into the old ones meanwhile.

    Returns the number of pages with discussions; raises PageError or RenderError.
    """
    site = Site.open(fresh, ask)
    hooks: Any = sys.modules.get(HOOKS)
    here = snapshot.position()
    if here is not None and hooks is not None and hooks.built_from() == here:
        # Nothing was approved since the first page was rendered.
        return len(site.manifest)
    outcome = site.reconcile(snapshot)
    for error in outcome.failed.values():
        raise error
    if previous is not None:
        keep_times(previous, fresh, [one for one in outcome.written if (fresh / one).is_file()])
    return len(site.manifest)


def _show(fresh: Path, output: Path, folder: Path) -> Path | None:
    """Point the link at the new build; return the directory that was shown before."""
    previous: Path | None = None
    if output.is_symlink():
        previous = output.resolve()
    elif output.exists():
        # Plain `pelican` made a directory: it becomes the previous build.
        previous = folder / build_dirs.new_name(output)
        try:
            output.rename(previous)
        except OSError as error:
            raise BuildError(
                f"{output} is a directory that cannot be moved to {folder} ({error.strerror}); "
                "move it away and build again"
            ) from error
    link = output.with_name(f".{output.name}.{secrets.token_hex(4)}{TEMPORARY}")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        # Remove links of builds that were killed before the swap.
        sweep(output.parent)
        link.symlink_to(os.path.relpath(fresh, output.parent), target_is_directory=True)
        link.replace(output)
    except OSError as error:
        link.unlink(missing_ok=True)
        raise BuildError(f"{output} cannot be made a link to {fresh}: {error.strerror}") from error
    sync_folder(output.parent)
    return previous


def _work_beside(
    previous: Path | None, fresh: Path, older: list[Path]
) -> subprocess.Popen[bytes] | None:
    """Make folders like the previous build's, and remove older builds (prepare_dirs.py)."""
    if previous is None and not older:
        return None
    words = [str(previous or ""), str(fresh), *map(str, older)]
    return subprocess.Popen(
        [sys.executable, "-S", "-E", str(Path(prepare_dirs.__file__)), *words],
        stdout=subprocess.PIPE,
    )
