"""A round of indexing: here and now, or in a process beside what is more urgent."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ..discussion.client.http import Client
from ..discussion.client.snapshot import Snapshot
from ..discussion.model.manifest import load
from ..shared.errors import SettingsError
from ..shared.settings import SiteSettings
from . import engine, index_lock, indexer, paths
from .indexer import Index

# `python -m` runs it as a program of its own.
PACKAGE = __name__.rpartition(".")[0]

# The word that tells the process to take back only.
TAKE_BACK = "--take-back"


def index(output: Path, *, make: bool = True) -> Index | None:
    """Make the index of the build that `output` shows; None without a search; DiscussionError.

    With `make` False only what is public no longer goes.
    """
    if not wanted(output):
        return None
    settings = SiteSettings.from_environ(os.environ)
    with Snapshot(settings.snapshot.absolute()) as snapshot:
        try:
            with Client.from_settings(settings) as client:
                # Asked about what looks like an address only: most sites are indexed without it.
                return indexer.update(
                    output.absolute(), settings.var.absolute(), snapshot, client.private, make=make
                )
        except SettingsError:
            return indexer.update(output.absolute(), settings.var.absolute(), snapshot, make=make)


def start(
    output: Path, log: int | None = subprocess.DEVNULL, *, make: bool = True
) -> subprocess.Popen[bytes]:
    """Begin a round in a process of its own; errors are its one line on stderr."""
    return subprocess.Popen(
        [sys.executable, "-m", PACKAGE, str(output), *([] if make else [TAKE_BACK])],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=log,
        # It outlives the build that began it.
        start_new_session=True,
    )


def forget(output: Path) -> None:
    """Have the next round make the index anew, whatever it finds."""
    var = SiteSettings.from_environ(os.environ).var.absolute()
    with index_lock.lock_of(var):
        paths.state_of(var, output.absolute()).unlink(missing_ok=True)


def wanted(output: Path) -> bool:
    """Whether the build in `output` has a search; SearchError when there is no engine for it."""
    manifest = load(output)
    try:
        search = manifest.settings.search
    finally:
        manifest.close()
    if search:
        engine.find()
    return search
