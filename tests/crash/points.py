"""Hooks into build and publisher calls, where a test can act: approve, publish, crash, wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any
from unittest.mock import patch

import filelock
from pelican import signals

from plugins.discussion.build import builder
from plugins.discussion.client.http import Client
from plugins.discussion.client.snapshot import Snapshot
from plugins.discussion.publish import precompressed
from plugins.discussion.publish.built_site import Site
from plugins.shared import files as pages

BEFORE, HALF, AFTER = "before", "half", "after"
# Callback at a point: its name ("before Client.register"), and how often it was passed before.
Visit = Callable[[str, int], None]


class Crash(BaseException):
    """Simulates the death of a process. A BaseException, so that error handlers do not catch it."""


# The calls of build and publisher that change something or make a request.
CALLS: list[tuple[Any, str]] = [
    (Snapshot, "sync"),
    (Snapshot, "apply"),
    (Snapshot, "mark_reconciled"),
    (Client, "register"),
    (Client, "changes"),
    (Site, "reconcile"),
    (Site, "derive"),
    (Site, "squeeze"),
    (Site, "update"),
    (Site, "refresh"),
    (builder, "keep_times"),
    (builder, "sync_folder"),
    (pages, "replace"),
    (pages, "remove"),
    (precompressed, "replace"),
    (precompressed, "remove"),
]
STAGES = ["initialized", "get_generators", "all_generators_finalized", "finalized"]


class Points:
    """Calls a callback at every point that the watched thread passes."""

    def __init__(self) -> None:
        self.passed: list[tuple[str, int]] = []
        self._visit: Visit | None = None
        self._thread: int | None = None
        self._counts: dict[str, int] = {}
        self._inside = False

    @contextmanager
    def watching(self, visit: Visit) -> Iterator[None]:
        """Call `visit` at every point that this thread passes until the block ends."""
        self.passed, self._counts = [], {}
        self._visit, self._thread = visit, threading.get_ident()
        try:
            yield
        finally:
            self._visit = self._thread = None

    def reach(self, name: str) -> None:
        """Record that a thread passes a point."""
        visit = self._visit
        # Ignore points that the callback itself passes.
        if visit is None or self._inside or threading.get_ident() != self._thread:
            return
        count = self._counts.get(name, 0)
        self._counts[name] = count + 1
        self.passed.append((name, count))
        self._inside = True
        try:
            visit(name, count)
        finally:
            self._inside = False


class Beside:
    """Runs work in a thread. Returns when it has ended or is blocked by a lock."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.stopped = threading.Event()
        self._error: BaseException | None = None
        self._work = work
        self._thread = threading.Thread(target=self._run, daemon=True)
        _BESIDES[self._thread] = self
        self._thread.start()
        assert self.stopped.wait(60), "it neither ended nor waits for the lock"

    def join(self) -> None:
        """Wait for the end; raises the exception of the work."""
        self._thread.join(60)
        assert not self._thread.is_alive(), "it does not end"
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self._error = error
        finally:
            _BESIDES.pop(threading.current_thread(), None)
            self.stopped.set()


_BESIDES: dict[threading.Thread, Beside] = {}


@contextmanager
def installed() -> Iterator[Points]:
    """Patch the points into the code until the block ends."""
    points = Points()
    with ExitStack() as stack:
        for owner, name in CALLS:
            label = f"{getattr(owner, '__name__', owner).rpartition('.')[2]}.{name}"
            wrapper = _wrapped(points, label, getattr(owner, name), name == "replace")
            stack.enter_context(patch.object(owner, name, wrapper))
        acquire = filelock.BaseFileLock.acquire
        stack.enter_context(
            patch.object(filelock.BaseFileLock, "acquire", _acquiring(points, acquire))
        )
        for name in STAGES:
            stack.enter_context(_connected(points, name))
        yield points


def _wrapped(
    points: Points, label: str, call: Callable[..., Any], writes: bool
) -> Callable[..., Any]:
    @wraps(call)
    def wrapper(*arguments: Any, **named: Any) -> Any:
        points.reach(f"{BEFORE} {label}")
        if writes:
            path: Path = arguments[0]
            try:
                points.reach(f"{HALF} {label}")
            except Crash:
                # What a process leaves behind that dies before renaming.
                half = path.with_name(f".{path.name}.0123456789ab{pages.TEMPORARY}")
                half.write_bytes(arguments[1][: len(arguments[1]) // 2])
                raise
        done = call(*arguments, **named)
        points.reach(f"{AFTER} {label}")
        return done

    return wrapper


def _acquiring(points: Points, acquire: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(acquire)
    def wrapper(lock: filelock.BaseFileLock, *arguments: Any, **named: Any) -> Any:
        name = Path(lock.lock_file).name
        points.reach(f"{BEFORE} {name}")
        try:
            taken = acquire(lock, timeout=0)
        except filelock.Timeout:
            beside = _BESIDES.get(threading.current_thread())
            if beside is not None:
                beside.stopped.set()
            taken = acquire(lock, poll_interval=0.002)
        points.reach(f"{AFTER} {name}")
        return taken

    return wrapper


@contextmanager
def _connected(points: Points, name: str) -> Iterator[None]:
    def receiver(_sender: Any, **_more: Any) -> None:
        points.reach(f"pelican {name}")

    signal = getattr(signals, name)
    signal.connect(receiver)
    try:
        yield
    finally:
        signal.disconnect(receiver)
