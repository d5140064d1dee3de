"""Compares what is published with a full build from the service."""

from __future__ import annotations

import filecmp
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from ..discussion.build import builder
from ..discussion.build.pelican_run import run_pelican
from ..discussion.client import data_loss
from ..discussion.client.http import Client
from ..discussion.client.snapshot import Snapshot
from ..discussion.model import build_dirs
from ..discussion.model import manifest as manifests
from ..search import index_check, index_lock
from ..search.errors import SearchError
from ..shared.errors import BuildError
from ..shared.progress import each
from ..shared.settings import SiteSettings

# Seconds for pending writes of the publisher; what differs for longer is wrong.
PATIENCE_SECONDS = 12.0
# Seconds to wait for an indexing run in progress.
INDEX_PATIENCE_SECONDS = 600.0
LOOK_EVERY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Difference:
    """A file with a difference: `differs`, `missing` or `extra`."""

    what: str
    file: str


def verify(root: Path, settings_file: Path, output: Path) -> list[Difference]:
    """Build the project `root` afresh, with an empty snapshot, and compare it with `output`.

    Nothing that is published changes. Raises DiscussionError; the service must be there, since its
    answers are what counts, and it must not have lost the replies that are published.
    """
    settings = SiteSettings.from_environ(os.environ)
    var = (root / settings.var).absolute()
    output = (root / output).absolute()
    if not output.is_dir():
        raise BuildError(f"{output} is not there; run: rejoinder build")
    folder = var / build_dirs.FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    own = var / f"verify-{secrets.token_hex(4)}.sqlite3"
    fresh = folder / build_dirs.new_name(output.with_name(f"{output.name}.verify"))
    try:
        with FileLock(var / build_dirs.LOCK, mode=0o644), Client.from_settings(settings) as client:
            with Snapshot(own) as snapshot:
                # Before the long part: without the service there is nothing to compare with.
                snapshot.sync(client)
                _check_loss(root / settings.snapshot, snapshot, client)
            run_pelican(root / settings_file, fresh, own, force=True, cache=False)
            with Snapshot(own) as snapshot:
                return _settled(output, fresh, snapshot, client, var)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        for leftover in var.glob(f"{own.name}*"):
            leftover.unlink()


def refetch(root: Path) -> None:
    """Replace the snapshot by the service's answers, even if both seem to agree.

    Raises DiscussionError; DataLossError if it would delete most replies that no editor removed.
    """
    settings = SiteSettings.from_environ(os.environ)
    path = (root / settings.snapshot).absolute()
    with Snapshot(path) as snapshot, Client.from_settings(settings) as client:
        # Apply editors' changes first; what is missing then was lost.
        snapshot.sync(client)
        snapshot.replace(client)


def _check_loss(path: Path, fresh: Snapshot, client: Client) -> None:
    """Raise DataLossError if the service lost replies that the snapshot at `path` has."""
    if not path.exists():
        return
    with Snapshot(path) as published:
        before = published.holding()
    after = fresh.holding()
    if before is None or after is None:
        return
    if after.epoch != before.epoch or after.cursor < before.cursor:
        data_loss.check(before, after, client.service_url)


def _settled(
    output: Path, fresh: Path, snapshot: Snapshot, client: Client, var: Path
) -> list[Difference]:
    """Compare until nothing differs, or publisher and indexer have had their time."""
    begun = time.monotonic()
    deadline, end = begun + PATIENCE_SECONDS, begun + INDEX_PATIENCE_SECONDS
    while True:
        snapshot.sync(client)
        with FileLock(var / "site.lock", mode=0o644):
            builder.bring_up_to_date(fresh, None, snapshot, client.private)
            found = list(_compare(output.resolve(), fresh))
        if not found:
            # The search index is made after the pages, by a process of its own.
            _wait_for_index(var, end)
            before = index_lock.mark(var, output)
            found = _compare_index(output, fresh, snapshot, client)
            if found and (index_lock.under_way(var) or index_lock.mark(var, output) != before):
                # It was compared during a run; give what that leaves its time again.
                _wait_for_index(var, end)
                if time.monotonic() < end:
                    deadline = time.monotonic() + PATIENCE_SECONDS
                    continue
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(LOOK_EVERY_SECONDS)


def _wait_for_index(var: Path, end: float) -> None:
    if not index_lock.wait(var, end):
        raise SearchError(
            "Every page is as it should be, but the search index is still being made: "
            f"after {INDEX_PATIENCE_SECONDS / 60:.0f} minutes it could not be compared. "
            "Run rejoinder verify again when it is done."
        )


def _compare_index(
    output: Path, fresh: Path, snapshot: Snapshot, client: Client
) -> list[Difference]:
    made = index_check.differences(output.resolve(), fresh, snapshot, client.private, fresh.parent)
    return [Difference(*one) for one in made]


def _compare(shown: Path, right: Path) -> Iterator[Difference]:
    here, there = _files(shown), _files(right)
    files = sorted(here | there)
    for file in each("Comparing files", files, len(files)):
        if file not in here:
            yield Difference("missing", file)
        elif file not in there:
            yield Difference("extra", file)
        elif not filecmp.cmp(shown / file, right / file, shallow=False):
            yield Difference("differs", file)


def _files(root: Path) -> set[str]:
    # The manifest is a database: its contents are compared by their effects.
    return {
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and path.name != manifests.path_of(root).name
    }
