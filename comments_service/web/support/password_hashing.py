"""Limits how many passwords are hashed at a time.

Argon2 takes 64 MiB for each hash. Without a limit, sign-ins sent in parallel would take that for
every worker thread at once.
"""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from starlette.concurrency import run_in_threadpool

from comments_service.domain.errors import Busy

Result = TypeVar("Result")

# Hashes at a time in each of the two lanes: 256 MiB in all.
AT_ONCE: Final = 2
# Requests of one lane that may wait for a hash, and for how long.
WAITING: Final = 16
WAIT_SECONDS = 10.0
_RETRY_SECONDS: Final = 10


class PasswordHashing:
    """Runs work that hashes or verifies passwords in worker threads, a few at a time.

    There are two lanes, so that strangers who fill theirs do not keep out an editor whose browser
    is known.
    """

    def __init__(self) -> None:
        self._known, self._unknown = _Lane(), _Lane()

    async def run(self, work: Callable[[], Result], *, known: bool) -> Result:
        """Return what `work` returns.

        `known` selects the lane: for sessions, invitations and browsers with a valid device cookie.
        Raises `Busy` if too many requests wait already, or after `WAIT_SECONDS`.
        """
        return await (self._known if known else self._unknown).run(work)


class _Lane:
    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def run(self, work: Callable[[], Result]) -> Result:
        await self._acquire()
        try:
            # A cancelled request keeps its slot until the thread is done.
            return await run_in_threadpool(work)
        finally:
            self._slots.release()

    async def _acquire(self) -> None:
        if self._slots.locked() and self._waiting >= WAITING:
            raise Busy(_RETRY_SECONDS)
        self._waiting += 1
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._slots.acquire()
        except TimeoutError:
            raise Busy(_RETRY_SECONDS) from None
        finally:
            self._waiting -= 1
