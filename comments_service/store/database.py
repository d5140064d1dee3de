"""Database engine and transactions. SQLite: WAL mode, one writer at a time, durable commits."""

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

# How long a writer waits for other writers of this process, and then for those of other processes.
BUSY_TIMEOUT_MS = 10_000
_WRITES = "rejoinder_writes"
_MEMO = "rejoinder_memo"


class Database:
    """Transactions on one database; thread-safe. The constructor raises `SettingsError`.

    A SQLite file that does not exist is an error. Only `migrations.upgrade` creates one.

    `announce` calls the listeners of `subscribe` after a public change. Call it after the
    transaction, never inside, so that no listener acts on changes that may be rolled back.
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
        # Writers of this process wait for this lock, because polling SQLite's lock is unfair: some
        # would wait many times longer than others.
        self._turn = threading.Lock()
        self._listeners: list[Callable[[], None]] = []

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a read transaction: one consistent snapshot. Raises `Unavailable`."""
        with _usable(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a write transaction; it is on disk when the block ends, or rolled back by an error.

        Raises `Unavailable` if the database is locked for too long, read-only or full.
        """
        with _usable(), self._my_turn(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        if not self._sqlite:
            yield
            return
        # With a timeout, because one writer may be waiting for a lock of another process.
        if not self._turn.acquire(timeout=self._patience):
            raise Unavailable("the writers before this one are still waiting")
        try:
            yield
        finally:
            self._turn.release()

    def empty_log(self) -> bool:
        """Truncate SQLite's write-ahead log; False if a reader still needs it."""
        if not self._sqlite:
            return True
        with _usable(), self._my_turn():
            connection = self._engine.raw_connection()
            try:
                cursor = connection.cursor()
                # A short timeout, because waiting for readers blocks every writer.
                cursor.execute("PRAGMA busy_timeout=100")
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                busy, _, _ = cursor.fetchone() or (1, 0, 0)
                cursor.execute(f"PRAGMA busy_timeout={self._patience * 1000:.0f}")
                cursor.close()
            finally:
                connection.close()
        return not busy

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Add a listener; it is called after each public change, in the thread of `announce`."""
        self._listeners.append(listener)

    def announce(self) -> None:
        """Call all listeners, because something public changed."""
        for listener in self._listeners:
            listener()

    @property
    def file(self) -> Path | None:
        """The file of a SQLite database; None for others."""
        return database_file.path_of(self.url)

    @property
    def engine(self) -> Engine:
        """The engine, for migrations."""
        return self._engine

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def memo(connection: Connection) -> dict[str, Any]:
    """Return the in-memory cache of the connection's `Database`, shared by all threads.

    Store a value together with the version it was made of, in one assignment, and compare the
    version before use: other processes change the database too.
    """
    cache: dict[str, Any] = connection.get_execution_options().get(_MEMO, {})
    return cache


@contextmanager
def _usable() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise Unavailable(str(error.orig)) from error
    except DatabaseError as error:
        # SQLite raises exactly this class for a damaged file; its subclasses are bugs here.
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
        # Parameters are readers' texts and addresses, which errors must not put into a log.
        hide_parameters=True,
        max_overflow=48,
        execution_options={_MEMO: {}},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: Any) -> None:
        # Turn off the driver's transaction handling, which cannot do BEGIN IMMEDIATE.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        # FULL: committed replies survive a power cut, not only a crash.
        cursor.execute("PRAGMA synchronous=FULL")
        # Overwrite deleted content with zeros, so that erased texts do not stay in free pages.
        cursor.execute("PRAGMA secure_delete=ON")
        # SQLite enforces foreign keys only if this is set for the connection.
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()
        if file is not None:
            record.info["file"] = _identity(file)

    @event.listens_for(engine, "checkout")
    def still_there(_connection: Any, record: Any, _proxy: Any) -> None:
        # Writes to a file that was deleted or replaced would succeed, but be lost.
        if file is not None and record.info.get("file") != _identity(file):
            raise DisconnectionError("the database file was deleted or replaced")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # IMMEDIATE, because a deferred transaction that becomes a write can fail at once as locked.
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        info = os.stat(file)  # noqa: PTH116 - faster, and called before every transaction
    except OSError:
        return None
    return info.st_dev, info.st_ino
