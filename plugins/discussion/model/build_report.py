"""The report of the last build, a file that the service shows in the queue and on pages.

The file is missing after a build without problems. It is in var/, never in the output.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ...shared import files


def path_of(var: Path, output: Path) -> Path:
    """Return the file with the report of the last build for `output`, shown or failed."""
    return var / f"build-report-{output.name}.txt"


def write(path: Path, lines: Iterable[str]) -> None:
    """Replace the report; without lines, remove it."""
    text = "".join(f"{line}\n" for line in lines)
    if text:
        files.replace(path, text.encode())
    else:
        path.unlink(missing_ok=True)
