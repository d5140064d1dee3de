"""What the log says of an error: its kind, its cause, its place; never what a reader wrote."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, text

from comments_service.app import create_app
from comments_service.error_log import described
from comments_service.mail.outbox_worker import Worker
from comments_service.migrations import upgrade
from comments_service.store.database import Database
from comments_service.web.support.periodic import daily
from tests.running import Clock, Service, free_port, run, serving, settings_for
from tests.service.command_line import rejoinder, service_process

WORDS = ("ann.okoye", "Ann Okoye", "one question", "canary")


def safe(log: str) -> str:
    """The log, which must not hold what a reader wrote, nor a traceback."""
    for word in (*WORDS, "Traceback"):
        assert word not in log
    return log


@contextmanager
def short_of_patience(folder: Path) -> Iterator[Service]:
    """A service that waits a fifth of a second for a lock."""
    settings = settings_for(folder)
    db = Database(settings.database, busy_timeout_ms=200)
    upgrade(db.engine)
    port = free_port()
    with serving(create_app(settings, db, Clock()), port):
        yield Service(f"http://127.0.0.1:{port}", settings, db, Clock())
    db.close()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    with closing(sqlite3.connect(folder / "comments.sqlite3", isolation_level=None)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        yield
        lock.execute("ROLLBACK")


def no_more_pages(db: Database) -> None:
    """Let the database grow no further, as a full disk does: on every connection."""
    with db.read() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar()

    @event.listens_for(db.engine, "checkout")
    def fill(connection: sqlite3.Connection, _record: object, _proxy: object) -> None:
        connection.execute(f"PRAGMA max_page_count={pages}")


def test_a_locked_database_is_logged_with_its_cause(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with short_of_patience(tmp_path) as service:
        service.register("networking")
        with locked(tmp_path):
            assert service.post().status_code == 503
            assert service.api("PUT", "/pages", json={"pages": []}).status_code == 503
    log = safe(caplog.text)
    assert log.count('error=OperationalError cause="database is locked" at="') == 2
    assert "comments_service/store/database.py:" in log
    assert "route=/comments/{key}" in log


def test_a_full_disk_is_logged_with_its_cause(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    service.register("networking")
    no_more_pages(service.db)
    for _ in range(20):
        answer = service.post(comment="one question " * 700)
        if answer.status_code != 303:
            break
    assert answer.status_code == 503
    assert 'error=OperationalError cause="database or disk is full"' in safe(caplog.text)


def test_what_runs_by_itself_is_logged_with_its_cause(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with short_of_patience(tmp_path) as service, locked(tmp_path):

        async def once() -> None:

            def work() -> None:
                with service.db.write():
                    pass

            task = asyncio.create_task(daily(work, first=0, every=60))
            while "daily-failed" not in caplog.text:
                await asyncio.sleep(0.05)
            task.cancel()

        run(once())
    log = safe(caplog.text)
    assert 'event=daily-failed error=OperationalError cause="database is locked"' in log
    assert "test_error_log.py:" in log


def test_mail_that_waits_for_the_database_says_for_what(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_for(
        tmp_path, smtp_url="smtp://127.0.0.1:1", mail_from="noreply@blog.example"
    )
    db = Database(settings.database, busy_timeout_ms=200)
    upgrade(db.engine)
    clock = Clock()
    worker = Worker(db, settings, clock)

    async def once() -> None:

        task = asyncio.create_task(worker.run())
        while "mail-waits" not in caplog.text:
            await asyncio.sleep(0.05)
        worker.stop()
        await task

    with locked(tmp_path):
        clock.now += timedelta(hours=2)
        run(once())
    db.close()
    assert 'event=mail-waits error=OperationalError cause="database is locked"' in safe(caplog.text)


def test_an_error_that_nobody_planned_for_is_answered_and_its_text_is_in_no_log(
    tmp_path: Path,
) -> None:
    """In a process of its own: the server's printing counts too."""
    rejoinder(tmp_path, "migrate")
    with closing(sqlite3.connect(tmp_path / "comments.sqlite3")) as connection, connection:
        connection.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON comment BEGIN "
            "SELECT RAISE(ABORT, 'canary of Ann Okoye, ann.okoye@example.org'); END"
        )
    with service_process(tmp_path) as (service, process):
        service.register("networking")
        answer = service.post()
        assert answer.status_code == 500
        assert "Something went wrong on our side" in answer.text
        # The next request is served as if nothing had been.
        assert service.api("GET", "/changes").status_code == 200
        process.terminate()
        process.wait(20)
    log = safe("".join(one.read_text() for one in tmp_path.glob("service-*.log")))
    assert "event=failed route=/comments/{key} error=IntegrityError" in log
    assert "SQLITE_CONSTRAINT_TRIGGER" in log
    assert "comments_service/services/submission.py:" in log


def test_an_error_of_the_api_is_logged_once_and_without_its_text(tmp_path: Path) -> None:
    rejoinder(tmp_path, "migrate")
    with service_process(tmp_path) as (service, process):
        service.register("networking")
        with closing(sqlite3.connect(tmp_path / "comments.sqlite3")) as connection, connection:
            connection.execute(
                "CREATE TRIGGER refuse BEFORE UPDATE ON page BEGIN "
                "SELECT RAISE(ABORT, 'canary of Ann Okoye'); END"
            )
        answer = service.api("PUT", "/pages", json={"pages": []})
        assert answer.status_code == 500
        assert answer.headers["Content-Type"] == "application/problem+json"
        process.terminate()
        process.wait(20)
    log = safe("".join(one.read_text() for one in tmp_path.glob("service-*.log")))
    assert log.count("error=IntegrityError") == 1


def test_a_readers_search_is_not_repeated(tmp_path: Path) -> None:
    """SQLite's general error repeats what was asked."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE VIRTUAL TABLE words USING fts5(text)")
        for asked in ('"canary', "canary:x", "canary AND ("):
            with pytest.raises(sqlite3.OperationalError) as refused:
                connection.execute("SELECT * FROM words WHERE words MATCH ?", (asked,)).fetchall()
            told = safe(described(refused.value))
            assert 'cause="SQLITE_ERROR"' in told
        with pytest.raises(sqlite3.OperationalError) as refused:
            connection.execute("SELECT * FROM nowhere")
        assert 'cause="no such table: nowhere"' in described(refused.value)


def test_values_and_texts_of_other_errors_are_not_told() -> None:
    with pytest.raises(ValueError, match="canary") as refused:
        int("canary")
    told = safe(described(refused.value))
    assert told.startswith('error=ValueError at="')
    assert "test_values_and_texts_of_other_errors_are_not_told" in told
