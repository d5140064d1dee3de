"""Wakes long polls: at once for changes by this process, within `LOOK_EVERY_S` for others."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

# How often a waiting poll checks for changes by other processes (a command, a second worker).
LOOK_EVERY_S = 0.5


class Notifier:
    """Wakes all waiting tasks of one event loop, from any thread."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: set[asyncio.Event] = set()
        self.closed = False

    def ring(self) -> None:
        """Wake all waiting tasks. Thread-safe."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def close(self) -> None:
        """Wake all waiting tasks and end their polls: the service is stopping."""
        self.closed = True
        self.ring()

    def _wake(self) -> None:
        for event in self._waiting:
            event.set()

    @contextmanager
    def listening(self) -> Iterator[Callable[[float], Awaitable[None]]]:
        """Yield a function that waits for a ring, with a timeout in seconds.

        It returns at once if there was a ring since the block was entered.
        """
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
