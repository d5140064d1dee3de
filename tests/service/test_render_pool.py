"""Many replies at once are rendered beside the service, and nothing depends on who renders them."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from sqlalchemy import func, select

from comments_service.store.tables import comment
from comments_service.web.support.coalesce import MOST, Batches
from comments_service.web.support.render_pool import RenderPool
from tests.running import Service
from tests.service.pages import stored

LONG = "word " * 1900


def _helper(service: Service) -> psutil.Process | None:
    assert service.app is not None
    preparing: RenderPool = service.app.state.context.render_pool
    return psutil.Process(preparing.beside) if preparing.beside else None


def _many(service: Service, text: str = "Number", count: int = 40) -> list[int]:
    with ThreadPoolExecutor(16) as readers:
        answers = readers.map(lambda n: service.post(comment=f"{text} {n}"), range(count))
        return [answer.status_code for answer in answers]


def _started(service: Service) -> psutil.Process:
    deadline = time.monotonic() + 60
    while (helper := _helper(service)) is None:
        assert time.monotonic() < deadline, "no second process was started"
        assert set(_many(service, f"Warming up {time.monotonic()}")) == {303}
    return helper


def test_one_reader_needs_no_second_process(service: Service) -> None:
    for number in range(3):
        assert service.post(comment=f"Alone {number}").status_code == 303
    assert _helper(service) is None


def test_a_second_process_gives_the_answers_that_the_service_gives(service: Service) -> None:
    wrong = {"comment": "Kept *text*", "email": "nothing"}
    alone = service.post(**wrong)
    plain = service.submit(comment="Some *stressed* words & <b>more</b>.")
    _started(service)
    refused = service.post(**wrong)
    assert (refused.status_code, refused.text) == (alone.status_code, alone.text)
    assert service.post(comment=LONG).status_code == 303
    again = service.submit(comment="Some *stressed* words & <b>more</b>!")
    before, after = stored(service.db, plain).html, stored(service.db, again).html
    assert after == before.replace(".</p>", "!</p>")


def test_the_end_of_the_second_process_loses_nothing(service: Service) -> None:
    helper = _started(service)
    with ThreadPoolExecutor(1) as beside:
        posting = beside.submit(_many, service, "Through a crash", 200)
        time.sleep(0.05)
        helper.send_signal(signal.SIGKILL)
        assert set(posting.result()) == {303}
    query = select(func.count()).where(comment.c.text.like("Through a crash%"))
    with service.db.read() as connection:
        assert connection.execute(query).scalar() == 200


def test_the_second_process_ends_with_the_one_that_asks_it() -> None:
    read, write = os.pipe()
    helper = subprocess.Popen(
        [sys.executable, "-m", "comments_service.services.render_worker"],
        stdin=read,
        stdout=subprocess.DEVNULL,
    )
    os.close(read)
    os.close(write)
    assert helper.wait(60) == 0


@pytest.mark.parametrize("count", [1, 64, 130])
def test_batches_answer_everybody_in_order(count: int) -> None:
    sizes: list[int] = []

    async def work(batch: list[int]) -> list[int | Exception]:
        sizes.append(len(batch))
        await asyncio.sleep(0)
        return [ValueError(str(one)) if one % 7 == 3 else one * 2 for one in batch]

    async def all_of_them() -> list[int | BaseException]:
        batches = Batches(work)
        return await asyncio.gather(
            *(batches.add(number) for number in range(count)), return_exceptions=True
        )

    # In a thread: a browser of other tests may have a loop in this one.
    with ThreadPoolExecutor(1) as thread:
        answers = thread.submit(asyncio.run, all_of_them()).result()
    for number, answer in enumerate(answers):
        if number % 7 == 3:
            assert isinstance(answer, ValueError)
            assert str(answer) == str(number)
        else:
            assert answer == number * 2
    assert max(sizes) <= MOST
