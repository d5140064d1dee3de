"""Size and structure of the code, with Starlette beside it: `make bench-house`.

Modules and functions are measured in physical lines (blank lines and comments count; a function is
its definition from the first decorator to its last line). Migrations are left out: nobody edits one
after its release. `QUICK=1` leaves out what takes minutes: the tests' time and the size of a fresh
environment; they are null then.
"""

import ast
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

import starlette

from benchmarks import report
from tests.test_imports import LAYERS, imports_of, layer_of, modules

ROOT = Path(__file__).parents[1]
PRODUCTION = ("comments_service", "plugins", "rejoinder")
MIGRATIONS = ROOT / "comments_service" / "migrations"
TRANSACTIONS = {"read", "write"}
MIB = 2**20
GOALS = {
    "module_max": 400,
    "function_p95": 30,
    "package_cycles": 0,
    "web_transactions": 0,
    "quick_lines": 1700,
    "production_lines": 29_000,
    "test_seconds": 420,
    "unit_seconds": 30,
    "serve_mb": 150,
}


class Size(NamedTuple):
    """Lines of a code base: per module and per function."""

    modules: list[int]
    functions: list[int]

    @property
    def total(self) -> int:
        """Lines of all modules."""
        return sum(self.modules)


def lines_of(path: Path) -> int:
    """Lines of a file."""
    return len(path.read_text("utf-8").splitlines())


def functions_in(path: Path) -> Iterator[int]:
    """Lines of each function and method of a file."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            yield (node.end_lineno or first) - first + 1


def size_of(paths: Iterable[Path]) -> Size:
    """Measure files of Python."""
    found = sorted(paths)
    return Size(
        [lines_of(path) for path in found],
        [lines for path in found for lines in functions_in(path)],
    )


def package_cycles() -> int:
    """How many layers (tests/test_imports.py) import each other, directly or through others."""
    graph: dict[str, set[str]] = {}
    for top in LAYERS:
        known = modules(top)
        for name, path in known.items():
            here = layer_of(name)
            others = {layer_of(one) for one in imports_of(path) & known.keys()}
            if here is not None:
                graph.setdefault(f"{top}.{here}", set()).update(
                    f"{top}.{other}" for other in others - {here, None}
                )
    return sum(layer in _reachable(graph, layer) for layer in graph)


def _reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for other in graph.get(waiting.pop(), set()) - found:
            found.add(other)
            waiting.append(other)
    return found


def web_transactions() -> int:
    """How many transactions the modules in `web/` open: `db.read()` and `db.write()`."""
    count = 0
    for path in (ROOT / "comments_service" / "web").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.With | ast.AsyncWith):
                count += sum(_opens_transaction(item.context_expr) for item in node.items)
    return count


def _opens_transaction(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in TRANSACTIONS
        and not node.args
        and ast.unparse(node.func.value).endswith("db")
    )


def seconds_of(target: str) -> float:
    """Run a target of the Makefile; returns its seconds of wall time, without set-up."""
    started = time.monotonic()
    subprocess.run(["make", "--silent", target], cwd=ROOT, check=True, stdout=sys.stderr)
    return round(time.monotonic() - started, 1)


def serve_mb() -> float:
    """The size in MiB of the environment that `make serve` makes in a fresh clone."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        subprocess.run(["make", "--silent", "runtime"], cwd=clone, check=True, stdout=sys.stderr)
        files = [one for one in (clone / ".venv").rglob("*") if one.is_file()]
        size = sum(one.stat().st_size for one in files if not one.is_symlink())
        shutil.rmtree(clone / ".venv")
    return round(size / MIB, 1)


def main() -> None:
    """Measure, print a table for people, and one JSON object as the last line."""
    production = [
        path
        for name in PRODUCTION
        for path in (ROOT / name).rglob("*.py")
        if not path.is_relative_to(MIGRATIONS)
    ]
    ours = size_of(production)
    peer = size_of(Path(starlette.__file__).parent.rglob("*.py"))
    whole = not report.quick()
    figures: dict[str, float | None] = {
        "module_median": median(ours.modules),
        "module_max": max(ours.modules),
        "function_p95": report.percentile(ours.functions, 95),
        "package_cycles": package_cycles(),
        "web_transactions": web_transactions(),
        "quick_lines": size_of((ROOT / "plugins" / "quick").rglob("*.py")).total,
        "production_lines": ours.total,
        "test_seconds": seconds_of("test") if whole else None,
        "unit_seconds": seconds_of("unit") if whole else None,
        "serve_mb": serve_mb() if whole else None,
        "starlette_module_median": median(peer.modules),
        "starlette_module_max": max(peer.modules),
        "starlette_function_p95": report.percentile(peer.functions, 95),
    }
    ours_p95, peer_p95 = figures["function_p95"], figures["starlette_function_p95"]
    figures["function_p95_ratio"] = round((ours_p95 or 0) / (peer_p95 or 1), 2)
    report.finish(_table(figures, peer), figures)


def _table(figures: dict[str, float | None], peer: Size) -> str:
    beside = {
        "module_median": median(peer.modules),
        "module_max": max(peer.modules),
        "function_p95": report.percentile(peer.functions, 95),
        "production_lines": peer.total,
    }
    rows = [
        (
            name,
            "-" if value is None else f"{value:,}",
            f"<= {GOALS[name]:,}" if name in GOALS else "",
            f"{beside[name]:,}" if name in beside else "",
        )
        for name, value in figures.items()
        if not name.startswith("starlette") and not name.endswith("ratio")
    ]
    return report.table(("", "Rejoinder", "goal", "Starlette"), rows)


if __name__ == "__main__":
    main()
