"""The daily task goes on after a failure, and ends when the service does."""

import asyncio
from contextlib import suppress

from comments_service.services import retention
from comments_service.web.support.periodic import daily
from tests.running import Service, run
from tests.service.pages import dump


def test_a_failure_waits_for_the_next_time() -> None:
    calls: list[int] = []

    def work() -> None:
        calls.append(len(calls))
        if len(calls) == 1:
            raise ValueError("with a reader's text in it")

    async def a_while() -> None:
        task = asyncio.create_task(daily(work, first=0, every=0.01))
        while len(calls) < 3:
            await asyncio.sleep(0.01)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert task.cancelled()

    run(asyncio.wait_for(a_while(), 20))


def test_when_nothing_is_due_nothing_is_written(service: Service) -> None:
    service.submit()
    before = dump(service.db)
    retention.keep_up(service.db, now=service.clock())
    assert dump(service.db) == before
