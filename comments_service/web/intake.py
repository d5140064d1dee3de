"""Gathers the submissions that arrive at the same time, so that they share one trip to the disk."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from comments_service.moderation import Submission, Submitted

# One transaction holds at most so many: nobody waits for a long one.
MOST = 64

Store = Callable[[Sequence[Submission]], Sequence[Submitted | Exception]]


class Intake:
    """Passes waiting submissions to `store`, in a thread of its own, one batch after the other.

    Nobody waits for others to come: a batch is whatever came while the last one was written.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="intake")
        self._waiting: list[tuple[Submission, asyncio.Future[Submitted]]] = []
        self._working: asyncio.Task[None] | None = None

    def close(self) -> None:
        """Write what waits, then end the thread."""
        self._thread.shutdown()

    async def submit(self, one: Submission) -> Submitted:
        """Return once the reply is on disk; raises what `store` answered for it."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Submitted] = loop.create_future()
        self._waiting.append((one, answer))
        if self._working is None:
            self._working = loop.create_task(self._work())
        return await answer

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                results: Sequence[Submitted | Exception]
                try:
                    results = await loop.run_in_executor(
                        self._thread, self._store, [one for one, _ in batch]
                    )
                except Exception as error:
                    results = [error] * len(batch)
                for (_, answer), result in zip(batch, results, strict=True):
                    if answer.done():
                        continue
                    if isinstance(result, Exception):
                        answer.set_exception(result)
                    else:
                        answer.set_result(result)
        finally:
            self._working = None
