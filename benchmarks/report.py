"""What every benchmark prints: a table for people, then one line of JSON for programs."""

import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any


def quick() -> bool:
    """Return whether a short run is asked for (QUICK=1)."""
    return os.environ.get("QUICK", "") not in {"", "0"}


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least `percent` per cent of `values` do not exceed."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, int(rank) - 1)]


def note(text: str) -> None:
    """Tell how far the run is, apart from its result."""
    print(text, file=sys.stderr, flush=True)


def machine(folder: Path) -> dict[str, Any]:
    """Return what the figures depend on: processors, memory, and how long `folder`'s disk syncs."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpus": len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count(),
        "memory_gb": round(memory / 2**30),
        "python": platform.python_version(),
        "fsync_ms": round(_fsync_ms(folder), 3),
    }


def _fsync_ms(folder: Path) -> float:
    times = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(50):
            file.write(b"x" * 4096)
            file.flush()
            start = time.perf_counter()
            os.fsync(file.fileno())
            times.append((time.perf_counter() - start) * 1000)
    return median(times)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return aligned columns; the first to the left, the others to the right."""
    lines = [list(map(str, head)), *(list(map(_cell, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    first, *others = widths
    return "\n".join(
        "  ".join(
            [
                line[0].ljust(first),
                *(cell.rjust(width) for cell, width in zip(line[1:], others, strict=True)),
            ]
        ).rstrip()
        for line in lines
    )


def _cell(value: object) -> str:
    return f"{value:,.1f}" if isinstance(value, float) else str(value)


def finish(text: str, figures: dict[str, Any]) -> None:
    """Print the table, and the figures as the last line."""
    print(f"\n{text}\n\n{json.dumps(figures)}", flush=True)
