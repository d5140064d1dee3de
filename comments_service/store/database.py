"""The engine and its transactions: many readers, one writer at a time, nothing lost once said."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from comments_service.errors import Unavailable

# How long a writer waits for its turn, and then for a writer of another process. Milliseconds.
BUSY_TIMEOUT_MS = 10_000
_WRITES = "rejoinder_writes"


class Database:
    """Transactions on one database. Safe to share between threads.

    `announce` tells whoever called `subscribe` that something public changed; call it after the
    transaction, never inside, so that nobody acts on what may still be rolled back.
    """

    def __init__(self, url: str, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> None:
        self._patience = busy_timeout_ms / 1000
        self._sqlite = make_url(url).get_backend_name() == "sqlite"
        self._engine = (
            _sqlite_engine(url, self._patience)
            if self._sqlite
            else create_engine(url, hide_parameters=True)
        )
        self._writer = self._engine.execution_options(**{_WRITES: True})
        # Writers of this process queue here instead of polling SQLite's lock, which would make
        # the unlucky one wait many times longer than the others.
        self._turn = threading.Lock()
        self._listeners: list[Callable[[], None]] = []

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view of the database; changes nothing. May raise `Unavailable`."""
        with _usable(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that is wholly on disk when the block ends, or not at all.

        May raise `Unavailable`: the database is locked for too long, read-only or full.
        """
        with _usable(), self._my_turn(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        if not self._sqlite:
            yield
            return
        # Not for ever: behind one writer that waits for the lock, all would wait in turn.
        if not self._turn.acquire(timeout=self._patience):
            raise Unavailable("the writers before this one are still waiting")
        try:
            yield
        finally:
            self._turn.release()

    def empty_log(self) -> bool:
        """Empty SQLite's write-ahead log; False while a reader still needs what is in it."""
        if not self._sqlite:
            return True
        with _usable(), self._my_turn():
            connection = self._engine.raw_connection()
            try:
                cursor = connection.cursor()
                # Waiting for readers holds up every writer, so the caller tries again later.
                cursor.execute("PRAGMA busy_timeout=100")
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                busy, _, _ = cursor.fetchone() or (1, 0, 0)
                cursor.execute(f"PRAGMA busy_timeout={self._patience * 1000:.0f}")
                cursor.close()
            finally:
                connection.close()
        return not busy

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


@contextmanager
def _usable() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise Unavailable(str(error.orig)) from error


def _sqlite_engine(url: str, patience: float) -> Engine:
    engine = create_engine(
        url,
        connect_args={"timeout": patience, "check_same_thread": False},
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
        # What is deleted or overwritten is zeroed: an erased text must not stay in free pages.
        cursor.execute("PRAGMA secure_delete=ON")
        # SQLite ignores foreign keys unless asked, per connection.
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction that turns into a write can fail at once with "locked".
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
