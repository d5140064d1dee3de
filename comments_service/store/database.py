"""The engine and its transactions: many readers, one writer at a time, nothing lost once said."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url

# How long a writer of one process waits for a writer of another. Milliseconds.
BUSY_TIMEOUT_MS = 10_000
_WRITES = "rejoinder_writes"


class Database:
    """Transactions on one database. Safe to share between threads.

    `announce` tells whoever called `subscribe` that something public changed; call it after the
    transaction, never inside, so that nobody acts on what may still be rolled back.
    """

    def __init__(self, url: str) -> None:
        self._sqlite = make_url(url).get_backend_name() == "sqlite"
        self._engine = (
            _sqlite_engine(url) if self._sqlite else create_engine(url, hide_parameters=True)
        )
        self._writer = self._engine.execution_options(**{_WRITES: True})
        # Writers of this process queue here instead of polling SQLite's lock, which would make
        # the unlucky one wait many times longer than the others.
        self._turn = threading.Lock()
        self._listeners: list[Callable[[], None]] = []

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view of the database; changes nothing."""
        with self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that is wholly on disk when the block ends, or not at all."""
        if not self._sqlite:
            with self._writer.begin() as connection:
                yield connection
            return
        with self._turn, self._writer.begin() as connection:
            yield connection

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Have `listener` called, in the announcing thread, after each public change."""
        self._listeners.append(listener)

    def announce(self) -> None:
        """Say that something public changed."""
        for listener in self._listeners:
            listener()

    @property
    def engine(self) -> Engine:
        """The engine, for migrations."""
        return self._engine

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def _sqlite_engine(url: str) -> Engine:
    engine = create_engine(
        url,
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False},
        pool_size=16,
        # Parameters are readers' texts and addresses: no error may carry them into a log.
        hide_parameters=True,
        max_overflow=48,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        # The driver's own transaction handling begins too late for BEGIN IMMEDIATE.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        # FULL: an acknowledged reply survives a power cut, not only a crash.
        cursor.execute("PRAGMA synchronous=FULL")
        # SQLite ignores foreign keys unless asked, per connection.
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction that turns into a write can fail at once with "locked".
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
