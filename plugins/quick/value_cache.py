"""A key-value cache that lasts between builds: one SQLite file below QUICK_CACHE.

Several builds may share it. Every value has a checksum; damaged files and values are discarded.
It contains text and checksums only, never code.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from urllib.parse import quote

logger = logging.getLogger(__name__)

TABLES = """
CREATE TABLE IF NOT EXISTS kept (
    key BLOB PRIMARY KEY, value BLOB NOT NULL, checksum BLOB NOT NULL, seen INTEGER NOT NULL
) WITHOUT ROWID;
"""
VERSION = 1
DAY = 86400
# An unused value may belong to another branch, or to the public site's settings.
KEEP_SECONDS = 7 * DAY
BATCH = 500


class Store:
    """Values by key. An error of the file never fails a build; it then runs without the cache."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / f"{name}.sqlite3"
        self._db: sqlite3.Connection | None = None
        self._readers: dict[int, sqlite3.Connection] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db = self._open()
        except sqlite3.OperationalError as error:
            self._without(error)
        except sqlite3.DatabaseError as error:
            self._renew(error)
        except OSError as error:
            self._without(error)

    def get(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return the intact values of these keys; can be called in a forked worker."""
        found: dict[bytes, bytes] = {}
        wanted = list(dict.fromkeys(keys))
        try:
            for begin in range(0, len(wanted) if self._db else 0, BATCH):
                found |= _read(self._reader(), wanted[begin : begin + BATCH])
        except sqlite3.Error:
            pass  # the next `put` reports and repairs it
        return found

    def _reader(self) -> sqlite3.Connection:
        """Return this process's connection: one must not be used across a fork."""
        process = os.getpid()
        if process not in self._readers:
            place = f"file:{quote(str(self.path))}?mode=ro"
            self._readers[process] = sqlite3.connect(place, uri=True, timeout=30)
        return self._readers[process]

    def put(self, values: Mapping[bytes, bytes]) -> None:
        """Store these values."""
        now = int(time.time())
        self._write(
            "INSERT OR REPLACE INTO kept (key, value, checksum, seen) VALUES (?, ?, ?, ?)",
            [(key, value, _checksum(key, value), now) for key, value in values.items()],
        )

    def used(self, keys: Iterable[bytes]) -> None:
        """Mark these keys as used, so that they stay."""
        now = int(time.time())
        self._write(
            "UPDATE kept SET seen = ? WHERE key = ? AND seen < ?",
            [(now, key, now - DAY) for key in keys],
        )

    def forget(self) -> list[bytes]:
        """Remove values unused for KEEP_SECONDS; return their keys."""
        before = int(time.time()) - KEEP_SECONDS
        old: list[bytes] = []
        try:
            if self._db is not None:
                rows = self._db.execute("SELECT key FROM kept WHERE seen < ?", (before,))
                old = [key for (key,) in rows]
        except sqlite3.Error:
            return []
        self._write("DELETE FROM kept WHERE key = ?", [(key,) for key in old])
        return old

    def close(self) -> None:
        """Close the file."""
        reader = self._readers.pop(os.getpid(), None)
        if reader is not None:
            reader.close()
        if self._db is not None:
            self._db.close()
            self._db = None

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, timeout=30, isolation_level=None)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            # After a power cut the last values may be missing; they are only a cache.
            db.execute("PRAGMA synchronous=OFF")
            if db.execute("PRAGMA user_version").fetchone()[0] not in (0, VERSION):
                db.execute("DROP TABLE IF EXISTS kept")
            db.executescript(TABLES)
            db.execute(f"PRAGMA user_version={VERSION}")
            db.execute("SELECT key, value, checksum, seen FROM kept LIMIT 1").fetchall()
        except BaseException:
            db.close()
            raise
        return db

    def _write(self, statement: str, rows: list[tuple[object, ...]]) -> None:
        if self._db is None or not rows:
            return
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(statement, rows)
            self._db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self._without(error)
        except sqlite3.DatabaseError as error:
            self._renew(error)

    def _renew(self, error: Exception) -> None:
        """Replace a damaged file. Another build that has it open continues with the old one."""
        logger.warning("The cache %s is damaged (%s); a new one is made.", self.path, error)
        self.close()
        try:
            for ending in ("", "-wal", "-shm"):
                self.path.with_name(self.path.name + ending).unlink(missing_ok=True)
            self._db = self._open()
        except (sqlite3.Error, OSError) as second:
            self._without(second)

    def _without(self, error: Exception) -> None:
        logger.warning("The cache %s cannot be used: %s", self.path, error)
        if self._db is not None:
            with suppress(sqlite3.Error):
                self._db.close()
            self._db = None


def _read(db: sqlite3.Connection, keys: list[bytes]) -> dict[bytes, bytes]:
    marks = ",".join("?" * len(keys))
    rows = db.execute(
        f"SELECT key, value, checksum FROM kept WHERE key IN ({marks})",  # noqa: S608
        keys,
    )
    return {key: value for key, value, checksum in rows if checksum == _checksum(key, value)}


def _checksum(key: bytes, value: bytes) -> bytes:
    return blake2b(value, digest_size=12, key=key[:32]).digest()
