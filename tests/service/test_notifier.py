"""Long polls: woken at once by this process, within a moment by another, never for nothing.

A poll that nobody wakes is answered after `MAX_WAIT_S`. An answer that comes `EARLY` was woken.
"""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import pytest
import requests

from comments_service.domain import actor
from comments_service.services import moderation
from comments_service.store.database import Database
from comments_service.web.api.site_api import MAX_WAIT_S
from comments_service.web.support import notifier
from tests.running import Service, version_of
from tests.service.mail_server import until

EDITH = actor.Actor("Edith")
EARLY = MAX_WAIT_S - 5


def poll(service: Service, since: int, wait: float, tag: str | None = None) -> requests.Response:
    headers = {} if tag is None else {"If-None-Match": tag}
    return service.api("GET", f"/changes?since={since}&wait={wait}", headers=headers)


def bell_of(service: Service) -> notifier.Notifier:
    assert service.app is not None
    found: notifier.Notifier = service.app.state.context.notifier
    return found


def held(service: Service) -> int:
    """How many polls the service holds back at this moment."""
    return len(bell_of(service)._waiting)


@contextmanager
def polling(
    service: Service, since: int = 0, count: int = 1
) -> Iterator[list[Future[requests.Response]]]:
    """Polls that the service holds back."""
    with ThreadPoolExecutor(count) as pool:
        yield [pool.submit(poll, service, since, MAX_WAIT_S) for _ in range(count)]


def approve(service: Service, db: Database, public_id: str) -> None:
    moderation.decide(
        db,
        public_id,
        "approve",
        by=EDITH,
        expected="pending",
        version=version_of(db, public_id),
        now=service.clock(),
    )


def hears_of_an_approval(service: Service, db: Database) -> bool:
    public_id = service.submit()
    with polling(service) as [answer]:
        until(partial(held, service))
        approve(service, db, public_id)
        [told] = answer.result(EARLY).json()["discussions"]
    return public_id in {one["id"] for one in told["comments"]}


def test_an_approval_of_this_process_wakes_the_poll(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifier, "LOOK_EVERY_S", 3600)
    assert hears_of_an_approval(service, service.db)


def test_an_approval_of_another_process_is_seen_without_a_bell(service: Service) -> None:
    other = Database(service.settings.database)
    assert hears_of_an_approval(service, other)
    other.close()
    assert notifier.LOOK_EVERY_S <= 1


def test_with_nothing_new_the_answer_waits_and_is_empty(service: Service) -> None:
    tag = None
    for status in (200, 304):
        earliest = time.monotonic() + 0.75
        answer = poll(service, 0, 0.8, tag)
        assert time.monotonic() >= earliest
        assert answer.status_code == status
        tag = answer.headers["ETag"]
        assert status == 304 or answer.json()["discussions"] == []


def test_what_is_not_public_wakes_nobody(service: Service) -> None:
    earliest = time.monotonic() + 1.1
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(poll, service, 0, 1.2)
        service.submit()
        answer = waiting.result()
    assert time.monotonic() >= earliest
    assert answer.json()["discussions"] == []


def test_another_epoch_is_answered_at_once(service: Service) -> None:
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(poll, service, 0, MAX_WAIT_S, '"another-epoch:0"').result(EARLY)
    assert answer.status_code == 200


def test_many_polls_at_once_leave_room_for_readers(service: Service) -> None:
    with polling(service, count=60) as answers:
        until(lambda: held(service) == 60)
        service.submit()
        assert not any(answer.done() for answer in answers)
        bell_of(service).close()


def test_stopping_answers_whoever_waits(service: Service) -> None:
    with polling(service) as [answer]:
        until(partial(held, service))
        bell_of(service).close()
        assert answer.result(EARLY).status_code == 200
