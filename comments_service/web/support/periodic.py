"""Does what is due again and again, once a day unless told otherwise, while the service runs."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from starlette.concurrency import run_in_threadpool

from comments_service.error_log import described

logger = logging.getLogger("rejoinder.service")

# Starting stays quick, and a service that is restarted every day has its turn.
FIRST_SECONDS: Final = 60
EVERY_SECONDS: Final = 24 * 60 * 60


async def daily(
    work: Callable[[], object], *, first: float = FIRST_SECONDS, every: float = EVERY_SECONDS
) -> None:
    """Call `work` in a thread, again and again, until cancelled; a failure waits for the next."""
    wait = first
    while True:
        await asyncio.sleep(wait)
        wait = every
        try:
            await run_in_threadpool(work)
        except Exception as error:
            logger.warning("event=daily-failed %s", described(error))
