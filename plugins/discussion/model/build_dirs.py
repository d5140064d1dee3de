"""The directories of builds below `var/builds/`, and which of them belong to which output."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

FOLDER = "builds"
# The lock file that a build holds from its beginning to its end.
LOCK = "build.lock"


def new_name(output: Path) -> str:
    """A name for a new build's directory."""
    # The output's name, so that builds for two outputs do not remove each other.
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}-{output.name}"


def older(builds: Path, output: Path, keep: Collection[Path | None]) -> list[Path]:
    """The directories that were built for this output, without those to keep."""
    return [
        folder
        for folder in builds.iterdir()
        if folder.name.partition("-")[2].partition("-")[2] == output.name and folder not in keep
    ]
