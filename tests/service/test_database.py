"""What was acknowledged is there: after a kill, beside another process, under a foreign lock."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest
import requests
from sqlalchemy import event, select, text

from comments_service.app import create_app
from comments_service.domain.errors import Unavailable
from comments_service.migrations import upgrade
from comments_service.store.database import Database
from comments_service.store.tables import comment, contact
from comments_service.store.tables import event as log
from tests.running import Clock, Service, free_port, serving, settings_for
from tests.service.command_line import rejoinder, service_process
from tests.service.pages import Page, rows


def test_an_acknowledged_reply_survives_a_kill(tmp_path: Path) -> None:
    rejoinder(tmp_path, "migrate")
    acknowledged: list[str] = []
    with service_process(tmp_path) as (service, process):
        service.register("networking")
        enough = threading.Event()

        def post(worker: int) -> None:
            for number in range(10_000):
                try:
                    answer = service.post(comment=f"Worker {worker}, number {number}.")
                except requests.RequestException:
                    return
                assert answer.status_code == 303
                acknowledged.append(answer.headers["Location"].split("/")[3])
                if len(acknowledged) > 150:
                    enough.set()

        with ThreadPoolExecutor(8) as pool:
            for worker in range(8):
                pool.submit(post, worker)
            assert enough.wait(30)
            process.kill()
    with service_process(tmp_path) as (service, _):
        with service.db.read() as connection:
            stored = connection.execute(select(comment.c.public_id)).scalars().all()
            whole = (
                select(comment.c.public_id)
                .join(contact, contact.c.comment_id == comment.c.id)
                .join(log, (log.c.comment == comment.c.public_id) & (log.c.action == "submit"))
            )
            assert sorted(connection.execute(whole).scalars()) == sorted(stored)
            assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
        assert len(stored) == len(set(stored))
        assert set(acknowledged) <= set(stored)
        assert service.post(comment="After the kill.").status_code == 303


def test_two_services_over_one_database_both_take_replies(tmp_path: Path) -> None:
    rejoinder(tmp_path, "migrate")
    with service_process(tmp_path) as (one, _), service_process(tmp_path) as (two, _):
        one.register("networking")
        with ThreadPoolExecutor(8) as pool:
            posts = [
                pool.submit(side.submit, comment=f"{name} {number}.")
                for number in range(30)
                for name, side in (("one", one), ("two", two))
            ]
            ids = {post.result() for post in posts}
            same = {
                pool.submit(side.submit, comment="The same to both.")
                for side in (one, two, one, two)
            }
            assert len({post.result() for post in same}) == 1
        assert len(ids) == 60
        assert rows(one.db) == {"comment": 61, "contact": 61, "event": 61}


def test_under_a_foreign_lock_nothing_is_acknowledged_and_the_text_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_for(tmp_path)
    db = Database(settings.database, busy_timeout_ms=200)
    upgrade(db.engine)
    port = free_port()
    with serving(create_app(settings, db, Clock()), port):
        service = Service(f"http://127.0.0.1:{port}", settings, db, Clock())
        service.register("networking")
        with closing(sqlite3.connect(tmp_path / "comments.sqlite3", isolation_level=None)) as lock:
            lock.execute("BEGIN IMMEDIATE")
            with ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(lambda n: service.post(comment=f"Number {n}."), range(8)))
            for answer in answers:
                assert answer.status_code == 503
                assert "try again in a minute" in answer.text
                assert Page(answer.text).fields["kept"].startswith("Number ")
                for told in ("locked", "sqlite", "Traceback", "OperationalError"):
                    assert told not in answer.text
            registering = service.api("PUT", "/pages", json={"pages": []})
            assert registering.status_code == 503
            assert registering.headers["Content-Type"] == "application/problem+json"
            # Whoever reads does not wait for whoever writes.
            assert service.api("GET", "/changes").status_code == 200
            lock.execute("ROLLBACK")
        assert rows(db)["comment"] == 0
        assert service.post(comment="Number 1.").status_code == 303
    assert "event=failed" in caplog.text
    assert "ann.okoye" not in caplog.text
    db.close()


def test_what_the_database_refuses_is_unavailable_not_lost(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder'}")
    with pytest.raises(Unavailable), db.read():
        pass
    with pytest.raises(Unavailable), db.write():
        pass


def test_writes_are_on_disk_and_foreign_keys_hold(service: Service) -> None:
    with service.db.write() as connection:
        pragmas = [
            connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert pragmas == ["wal", 2, 1]


def test_a_write_that_raises_leaves_nothing(service: Service) -> None:
    with suppress(ZeroDivisionError), service.db.write() as connection:
        connection.execute(text("UPDATE site SET seq = 99"))
        raise ZeroDivisionError
    with service.db.read() as connection:
        assert connection.execute(text("SELECT seq FROM site")).scalar() == 0


def test_no_error_carries_what_was_stored(service: Service) -> None:
    told = []
    event.listen(service.db.engine, "handle_error", lambda context: told.append(context))
    with pytest.raises(Exception, match="hidden") as refused, service.db.write() as connection:
        connection.execute(text("INSERT INTO site (key) VALUES (:key)"), {"key": "canary"})
    assert told
    assert "canary" not in str(refused.value)
