"""Starts indexing runs: in this process, or in another one of lower priority."""

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

# `python -m` runs it as a program.
PACKAGE = __name__.rpartition(".")[0]

# The option for a run that only removes withdrawn replies.
TAKE_BACK = "--take-back"


def index(output: Path, *, make: bool = True) -> Index | None:
    """Index the build that `output` shows; None without a search; raises DiscussionError.

    With `make` False only what is public no longer goes.
    """
    if not wanted(output):
        return None
    settings = SiteSettings.from_environ(os.environ)
    with Snapshot(settings.snapshot.absolute()) as snapshot:
        try:
            with Client.from_settings(settings) as client:
                # The service is asked only about what looks like an address; most sites need no
                # request.
                return indexer.update(
                    output.absolute(), settings.var.absolute(), snapshot, client.private, make=make
                )
        except SettingsError:
            return indexer.update(output.absolute(), settings.var.absolute(), snapshot, make=make)


def start(
    output: Path, log: int | None = subprocess.DEVNULL, *, make: bool = True
) -> subprocess.Popen[bytes]:
    """Start a run in a process of its own; it prints an error as one line on stderr."""
    return subprocess.Popen(
        [sys.executable, "-m", PACKAGE, str(output), *([] if make else [TAKE_BACK])],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=log,
        # It outlives the build that started it.
        start_new_session=True,
    )


def forget(output: Path) -> None:
    """Make the next run renew the index in any case."""
    var = SiteSettings.from_environ(os.environ).var.absolute()
    with index_lock.lock_of(var):
        paths.state_of(var, output.absolute()).unlink(missing_ok=True)


def wanted(output: Path) -> bool:
    """Whether the build in `output` has a search; SearchError if there is no engine for it."""
    manifest = load(output)
    try:
        search = manifest.settings.search
    finally:
        manifest.close()
    if search:
        engine.find()
    return search
