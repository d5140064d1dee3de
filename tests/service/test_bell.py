"""Long polls: woken at once by this process, within a moment by another, never for nothing."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import requests

from comments_service import actors, moderation
from comments_service.store.database import Database
from tests.running import Service, version_of

EDITH = actors.Actor("Edith")


def poll(
    service: Service, since: int, wait: float, tag: str | None = None
) -> tuple[float, requests.Response]:
    headers = {} if tag is None else {"If-None-Match": tag}
    start = time.perf_counter()
    answer = service.api("GET", f"/changes?since={since}&wait={wait}", headers=headers)
    return time.perf_counter() - start, answer


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


def time_to_hear(service: Service, db: Database) -> float:
    public_id = service.submit(comment=f"At {time.perf_counter()}.")
    since = service.api("GET", "/changes").json()["next"]
    with ThreadPoolExecutor(1) as pool:
        waiting: Future[tuple[float, requests.Response]] = pool.submit(poll, service, since, 20)
        time.sleep(0.35)
        approve(service, db, public_id)
        start = time.perf_counter()
        _, answer = waiting.result()
        elapsed = time.perf_counter() - start
    [told] = answer.json()["discussions"]
    assert public_id in {one["id"] for one in told["comments"]}
    return elapsed


def test_an_approval_of_this_process_is_heard_at_once(service: Service) -> None:
    assert min(time_to_hear(service, service.db) for _ in range(3)) < 0.3


def test_an_approval_of_another_process_is_heard_within_a_moment(service: Service) -> None:
    other = Database(service.settings.database)
    assert time_to_hear(service, other) < 1.5
    other.close()


def test_with_nothing_new_the_answer_waits_and_is_empty(service: Service) -> None:
    elapsed, answer = poll(service, 0, 0.8)
    assert 0.75 < elapsed < 3
    assert answer.json()["discussions"] == []
    tag = answer.headers["ETag"]
    elapsed, answer = poll(service, 0, 0.8, tag)
    assert 0.75 < elapsed < 3
    assert answer.status_code == 304


def test_what_is_not_public_wakes_nobody(service: Service) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(poll, service, 0, 1.2)
        time.sleep(0.3)
        service.submit()
        elapsed, answer = waiting.result()
    assert elapsed > 1.1
    assert answer.json()["discussions"] == []


def test_another_epoch_is_answered_at_once(service: Service) -> None:
    elapsed, answer = poll(service, 0, 20, '"another-epoch:0"')
    assert elapsed < 2
    assert answer.status_code == 200


def test_many_polls_at_once_leave_room_for_readers(service: Service) -> None:
    threads = [threading.Thread(target=poll, args=(service, 0, 3)) for _ in range(60)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    start = time.perf_counter()
    service.submit()
    assert time.perf_counter() - start < 2
    for thread in threads:
        thread.join()


def test_stopping_answers_whoever_waits(service: Service) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(poll, service, 0, 20)
        time.sleep(0.3)
        bell(service)
        elapsed, answer = waiting.result()
    assert elapsed < 5
    assert answer.status_code == 200


def bell(service: Service) -> None:
    """Close the bell of the running application, as its end does."""
    for listener in service.db._listeners:
        listener.__self__.close()  # type: ignore[attr-defined]
