"""What the last build had to say, in a file that outlives it: `rejoinder serve` shows it on pages.

The file is missing after a build without problems. It stands in var/, never in the output.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ...shared import files


def path_of(var: Path, output: Path) -> Path:
    """The report on the last build that was shown, or should have been, as `output`."""
    return var / f"build-report-{output.name}.txt"


def write(path: Path, lines: Iterable[str]) -> None:
    """Replace the report; without lines there is none."""
    text = "".join(f"{line}\n" for line in lines)
    if text:
        files.replace(path, text.encode())
    else:
        path.unlink(missing_ok=True)
