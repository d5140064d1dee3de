"""The engine and its transactions: many readers, one writer at a time, nothing lost once said."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, DisconnectionError, OperationalError

from comments_service.domain.errors import Unavailable
from comments_service.store import database_file, database_url

# How long a writer waits for its turn, and then for a writer of another process. Milliseconds.
BUSY_TIMEOUT_MS = 10_000
_WRITES = "rejoinder_writes"
_MEMO = "rejoinder_memo"


class Database:
    """Transactions on one database. Safe to share between threads. Raises `SettingsError`.

    A SQLite file that does not exist is an error, never a new database: only `upgrade` creates it.

    `announce` tells whoever called `subscribe` that something public changed; call it after the
    transaction, never inside, so that nobody acts on what may still be rolled back.
    """

    def __init__(self, url: str, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> None:
        self._patience = busy_timeout_ms / 1000
        with database_url.readable_errors():
            self.url = database_url.parse(url)
            self._sqlite = self.url.get_backend_name() == "sqlite"
            self._engine = (
                _sqlite_engine(self.url, self._patience)
                if self._sqlite
                else create_engine(self.url, hide_parameters=True, execution_options={_MEMO: {}})
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
    def file(self) -> Path | None:
        """The file of a SQLite database."""
        return database_file.path_of(self.url)

    @property
    def engine(self) -> Engine:
        """The engine, for migrations."""
        return self._engine

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def memo(connection: Connection) -> dict[str, Any]:
    """Return what is kept in memory beside the connection's `Database`, for all of its threads.

    Store a value together with what it was made of in one assignment, and compare that before use:
    other processes change the database too.
    """
    found: dict[str, Any] = connection.get_execution_options().get(_MEMO, {})
    return found


@contextmanager
def _usable() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise Unavailable(str(error.orig)) from error
    except DatabaseError as error:
        # SQLite's word for a damaged file. Its subclasses are mistakes of ours.
        if type(error) is not DatabaseError:
            raise
        raise Unavailable(str(error.orig)) from error


def _sqlite_engine(url: URL, patience: float) -> Engine:
    file = database_file.path_of(url)
    own: dict[str, Any] = (
        {"connect_args": {"timeout": patience, "check_same_thread": False}}
        if file is None
        else {"creator": lambda: database_file.connect(file, patience)}
    )
    engine = create_engine(
        url,
        **own,
        pool_size=16,
        # Parameters are readers' texts and addresses: no error may carry them into a log.
        hide_parameters=True,
        max_overflow=48,
        execution_options={_MEMO: {}},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: Any) -> None:
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
        if file is not None:
            record.info["file"] = _identity(file)

    @event.listens_for(engine, "checkout")
    def still_there(_connection: Any, record: Any, _proxy: Any) -> None:
        # What is written to a file that was deleted or replaced is lost, though it succeeds.
        if file is not None and record.info.get("file") != _identity(file):
            raise DisconnectionError("the database file was deleted or replaced")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction that turns into a write can fail at once with "locked".
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(file)  # noqa: PTH116 - before every transaction
    except OSError:
        return None
    return found.st_dev, found.st_ino
