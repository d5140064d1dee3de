"""Calls a function periodically in a thread, daily by default."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from starlette.concurrency import run_in_threadpool

from comments_service.error_log import described

logger = logging.getLogger("rejoinder.service")

# Not at once, to keep the start quick; but soon, for services that are restarted every day.
FIRST_SECONDS: Final = 60
EVERY_SECONDS: Final = 24 * 60 * 60


async def daily(
    work: Callable[[], object], *, first: float = FIRST_SECONDS, every: float = EVERY_SECONDS
) -> None:
    """Call `work` in a thread until cancelled: after `first` seconds, then every `every` seconds.

    A failure is logged; the next call is the next attempt.
    """
    wait = first
    while True:
        await asyncio.sleep(wait)
        wait = every
        try:
            await run_in_threadpool(work)
        except Exception as error:
            logger.warning("event=daily-failed %s", described(error))
