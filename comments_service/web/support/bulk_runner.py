"""Runs bulk actions in background tasks, in small transactions."""

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
    """Runs this process's bulk actions. `now` returns an aware UTC datetime."""

    def __init__(self, db: Database, now: Callable[[], datetime]) -> None:
        self._db = db
        self._now = now
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._closed = False

    def running(self, batch_id: int) -> bool:
        """Return whether this process is running the batch."""
        return batch_id in self._tasks

    def start(self, batch_id: int, by: Actor) -> None:
        """Run the batch in the background until it is finished or the service stops."""
        if batch_id not in self._tasks:
            task = asyncio.get_running_loop().create_task(self._run(batch_id, by))
            self._tasks[batch_id] = task

    async def close(self) -> None:
        """Wait for the current parts. An editor can resume the batches later."""
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
            # The batch's page shows what is done and lets an editor resume it.
            logger.error("event=batch-stopped batch=%d %s", batch_id, described(error))  # noqa: TRY400 - an error's text may contain a reader's
        finally:
            del self._tasks[batch_id]
