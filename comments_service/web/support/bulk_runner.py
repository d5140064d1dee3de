"""Runs bulk actions in the background, one part after the other."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from starlette.concurrency import run_in_threadpool

from comments_service.domain.actor import Actor
from comments_service.error_log import described
from comments_service.services import bulk_actions
from comments_service.store.database import Database

logger = logging.getLogger("rejoinder.service")


class BulkRunner:
    """The bulk actions that this process runs. `now` returns an aware UTC datetime."""

    def __init__(self, db: Database, now: Callable[[], datetime]) -> None:
        self._db = db
        self._now = now
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._closed = False

    def running(self, batch_id: int) -> bool:
        """Whether this service is at work on it."""
        return batch_id in self._tasks

    def start(self, batch_id: int, by: Actor) -> None:
        """Work on it until nothing is left, or the service stops."""
        if batch_id not in self._tasks:
            task = asyncio.get_running_loop().create_task(self._run(batch_id, by))
            self._tasks[batch_id] = task

    async def close(self) -> None:
        """Finish the part that is being written; the rest waits for somebody to go on."""
        self._closed = True
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _run(self, batch_id: int, by: Actor) -> None:
        try:
            while not self._closed:
                left = await run_in_threadpool(
                    lambda: bulk_actions.go_on(self._db, batch_id, by=by, now=self._now())
                )
                if not left:
                    break
        except Exception as error:
            # Its page says what was done and what was not, and how to go on.
            logger.error("event=batch-stopped batch=%d %s", batch_id, described(error))  # noqa: TRY400 - an error's text may hold a reader's
        finally:
            del self._tasks[batch_id]
