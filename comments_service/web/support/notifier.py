"""Wakes long polls: at once for changes made in this process, within a moment for others'."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

# How often a waiting poll looks for what another process (a command, a second worker) changed.
LOOK_EVERY_S = 0.5


class Notifier:
    """Rung from any thread; heard by every waiter of one event loop."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: set[asyncio.Event] = set()
        self.closed = False

    def ring(self) -> None:
        """Wake whoever waits. Safe from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def close(self) -> None:
        """Wake whoever waits, and let nobody wait again: the service is stopping."""
        self.closed = True
        self.ring()

    def _wake(self) -> None:
        for event in self._waiting:
            event.set()

    @contextmanager
    def listening(self) -> Iterator[Callable[[float], Awaitable[None]]]:
        """Listen from now on: what rings before the wait begins is heard too."""
        self._loop = asyncio.get_running_loop()
        event = asyncio.Event()
        self._waiting.add(event)

        async def rung(timeout: float) -> None:
            try:
                await asyncio.wait_for(event.wait(), min(timeout, LOOK_EVERY_S))
            except TimeoutError:
                return

        try:
            yield rung
        finally:
            self._waiting.discard(event)
