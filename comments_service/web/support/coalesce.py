"""Gathers what arrives at the same time, so that it shares one trip to wherever it is done."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

One = TypeVar("One")
Answer = TypeVar("Answer")

# Nobody waits for a long batch.
MOST = 64


class Batches(Generic[One, Answer]):
    """Passes what waits to `work`, one batch after the other.

    Nobody waits for others to come: a batch is whatever came while the last one was worked on.
    `work` answers in the order of its batch; an answer that is an exception is raised to whoever
    waits for that one, and what `work` itself raises to all of the batch.
    """

    def __init__(
        self, work: Callable[[list[One]], Awaitable[Sequence[Answer | Exception]]]
    ) -> None:
        self._work = work
        self._waiting: list[tuple[One, asyncio.Future[Answer]]] = []
        self._now: list[tuple[One, asyncio.Future[Answer]]] = []
        self._working: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many have not got their answer yet."""
        return len(self._waiting) + len(self._now)

    async def add(self, one: One) -> Answer:
        """Return its answer once its batch is done."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append((one, answer))
        if self._working is None:
            self._working = loop.create_task(self._work_off())
        return await answer

    async def _work_off(self) -> None:
        try:
            while self._waiting:
                self._now, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                results: Sequence[Answer | Exception]
                try:
                    results = await self._work([one for one, _ in self._now])
                except Exception as error:
                    results = [error] * len(self._now)
                for (_, answer), result in zip(self._now, results, strict=True):
                    if answer.done():
                        continue
                    if isinstance(result, Exception):
                        answer.set_exception(result)
                    else:
                        answer.set_result(result)
        finally:
            self._now = []
            self._working = None
