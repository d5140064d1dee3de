"""Stores concurrent submissions together in one transaction."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from comments_service.services.submission import Submission, Submitted
from comments_service.web.support.coalesce import Batches

Store = Callable[[Sequence[Submission]], Sequence[Submitted | Exception]]


class WriteBatcher:
    """Passes batches of submissions to `store`, in a dedicated thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="intake")
        self._batches = Batches(self._write)

    @property
    def waiting(self) -> int:
        """The number of submissions that are not stored yet."""
        return self._batches.waiting

    def close(self) -> None:
        """Wait for the running batch, then end the thread."""
        self._thread.shutdown()

    async def submit(self, submission: Submission) -> Submitted:
        """Return once the reply is on disk; raises the exception that `store` returned for it."""
        return await self._batches.add(submission)

    async def _write(self, batch: list[Submission]) -> Sequence[Submitted | Exception]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._store, batch)
