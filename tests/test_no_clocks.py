"""No test measures how long something took by the clock: a busy machine would fail it.

CPU time, growth (tests/cpu.py) and order of events say the same. To wait for an event until a
deadline is fine, if a machine that is five times slower still meets it.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
CLOCKS = {"monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "time", "time_ns"}
# The least time, in seconds, that a test has to wait for an event before it fails.
PATIENCE = 30


def is_clock(node: ast.AST) -> bool:
    """Whether the expression reads a clock: `time.monotonic()`, or `perf_counter()`."""
    if not isinstance(node, ast.Call) or node.args:
        return False
    called = node.func
    if isinstance(called, ast.Attribute):
        return (
            isinstance(called.value, ast.Name)
            and called.value.id == "time"
            and called.attr in CLOCKS
        )
    return isinstance(called, ast.Name) and called.id in CLOCKS


def readings(function: ast.AST) -> set[str]:
    """The names that hold a reading of a clock."""
    return {
        target.id
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and is_clock(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def faults(source: str) -> Iterator[str]:
    """Each difference of two clock readings, and each deadline that is too near."""
    tree = ast.parse(source)
    names = readings(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.BinOp):
            continue
        sides = (node.left, node.right)
        clock = any(
            is_clock(one) or (isinstance(one, ast.Name) and one.id in names) for one in sides
        )
        if clock and isinstance(node.op, ast.Sub):
            yield f"line {node.lineno}: {ast.unparse(node)} measures by the clock"
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and _too_near(node.value):
            [target] = node.targets
            if _ends_before(tree, ast.unparse(target)):
                yield f"line {node.lineno}: {ast.unparse(node)} is too near"


def _too_near(value: ast.AST) -> bool:
    return (
        isinstance(value, ast.BinOp)
        and isinstance(value.op, ast.Add)
        and is_clock(value.left)
        and isinstance(value.right, ast.Constant)
        and isinstance(value.right.value, int | float)
        and value.right.value < PATIENCE
    )


def _ends_before(tree: ast.AST, name: str) -> bool:
    """Whether the clock has to be before `name` somewhere. At least that late is no fault."""
    return any(
        isinstance(node, ast.Compare)
        and isinstance(node.ops[0], ast.Lt | ast.LtE)
        and is_clock(node.left)
        and ast.unparse(node.comparators[0]) == name
        for node in ast.walk(tree)
    )


FILES = sorted(TESTS.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TESTS)))
def test_no_test_fails_because_the_machine_is_busy(path: Path) -> None:
    assert list(faults(path.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        "start = time.monotonic()\nwork()\nassert time.monotonic() - start < 2",
        "start = perf_counter()\nseconds = perf_counter() - start",
        "begin = time.time()\nend = time.time()\nassert end - begin < 1",
        "end = time.monotonic() + 5\nwhile not ready():\n    assert time.monotonic() < end",
    ],
)
def test_what_depends_on_the_clock_is_found(source: str) -> None:
    assert len(list(faults(source))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "end = time.monotonic() + 60\nwhile not ready():\n    assert time.monotonic() < end",
        "earliest = time.monotonic() + 0.7\npoll()\nassert time.monotonic() >= earliest",
        "start = time.thread_time()\nwork()\nassert time.thread_time() - start < 2",
    ],
)
def test_waiting_and_cpu_time_are_allowed(source: str) -> None:
    assert list(faults(source)) == []
