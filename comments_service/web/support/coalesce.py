"""Coalesces concurrent calls into batches, each handled by one call."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

One = TypeVar("One")
Answer = TypeVar("Answer")

# Maximum batch size: longer batches would make their callers wait too long.
MOST = 64


class Batches(Generic[One, Answer]):
    """Passes waiting items to `work`, one batch at a time.

    There is no delay to fill a batch: it contains what arrived while the previous one was handled.
    `work` returns a result for each item, in order. A result that is an exception is raised to the
    caller of that item; an exception raised by `work` is raised to all callers of the batch.
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
        """The number of items without a result yet."""
        return len(self._waiting) + len(self._now)

    async def add(self, item: One) -> Answer:
        """Return the result of the item once its batch is done."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append((item, answer))
        if self._working is None:
            self._working = loop.create_task(self._work_off())
        return await answer

    async def _work_off(self) -> None:
        try:
            while self._waiting:
                self._now, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                results: Sequence[Answer | Exception]
                try:
                    results = await self._work([item for item, _ in self._now])
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
