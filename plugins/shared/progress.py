"""Progress of long steps: a bar on a terminal, plain lines elsewhere.

A step that ends within two seconds prints nothing.
"""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, TypeVar

# Shorter steps print nothing.
QUIET_SECONDS = 2.0
# The interval of plain lines.
LINE_SECONDS = 10.0
BAR_SECONDS = 0.1

Item = TypeVar("Item")
# Called with the number of further items done; cheap enough to call for each.
Advance = Callable[[int], None]


@contextmanager
def step(what: str, total: int | None = None) -> Iterator[Advance]:
    """Show the progress of `total` items, or of an unknown number, during the block."""
    told = _Bar(what, total) if sys.stderr.isatty() else _Lines(what, total)
    try:
        yield told.advance
    finally:
        told.close()


def each(what: str, items: Iterable[Item], total: int) -> Iterator[Item]:
    """Yield the items, showing how many of `total` are done."""
    with step(what, total) as advance:
        for item in items:
            yield item
            advance(1)


class _Told(ABC):
    every = LINE_SECONDS

    def __init__(self, what: str, total: int | None) -> None:
        self.what, self.total, self.done = what, total, 0
        self._next = time.monotonic() + QUIET_SECONDS

    def advance(self, count: int) -> None:
        """Count, and show the progress if it is time."""
        self.done += count
        now = time.monotonic()
        if now >= self._next:
            self._next = now + self.every
            self.tell()

    @abstractmethod
    def tell(self) -> None:
        """Show the progress."""

    @abstractmethod
    def close(self) -> None:
        """End the step."""


class _Lines(_Told):
    _said = False

    def tell(self) -> None:
        """Print one line."""
        self._said = True
        of = f" of {self.total:,}" if self.total else ""
        print(f"{self.what}: {self.done:,}{of}", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Print the last line, if there was a first one."""
        if self._said:
            print(f"{self.what}: done, {self.done:,}", file=sys.stderr, flush=True)


class _Bar(_Told):
    every = BAR_SECONDS
    # A terminal shows one Progress; nested steps have a line each.
    _shown: ClassVar[Any] = None

    def __init__(self, what: str, total: int | None) -> None:
        super().__init__(what, total)
        self._task: Any = None

    def tell(self) -> None:
        """Draw the bar, which disappears at the end of the step."""
        if self._task is None:
            self._open()
        _Bar._shown.update(self._task, completed=self.done)

    def close(self) -> None:
        """Remove the bar."""
        if self._task is None:
            return
        _Bar._shown.remove_task(self._task)
        if not _Bar._shown.tasks:
            _Bar._shown.stop()
            _Bar._shown = None

    def _open(self) -> None:
        # Imported only when a bar is shown.
        from rich.console import Console
        from rich.progress import Progress

        if _Bar._shown is None:
            _Bar._shown = Progress(console=Console(stderr=True), transient=True)
            _Bar._shown.start()
        self._task = _Bar._shown.add_task(self.what, total=self.total)
