"""The directories of builds below `var/builds/`, and the output that each belongs to."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

FOLDER = "builds"
# The lock file that a build holds from start to end.
LOCK = "build.lock"


def new_name(output: Path) -> str:
    """Return a name for a new build's directory."""
    # It contains the output's name, so that builds for two outputs do not remove each other.
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}-{output.name}"


def older(builds: Path, output: Path, keep: Collection[Path | None]) -> list[Path]:
    """Return the directories that were built for this output, except those to keep."""
    return [
        folder
        for folder in builds.iterdir()
        if folder.name.partition("-")[2].partition("-")[2] == output.name and folder not in keep
    ]
