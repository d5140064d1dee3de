"""The snapshot: all public discussions received from the service, in one SQLite file.

The build and the publisher share the file. Rows only become newer, except when the service was
restored or replaced; then all of them change in one transaction, unless most replies would be lost
(data_loss.py).
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from ...shared.errors import ServiceError, SnapshotError, WireError
from ..model.discussions import (
    Author,
    Batch,
    Comment,
    Discussion,
    Summary,
    iso,
    read_discussion,
    write_discussion,
)
from . import data_loss
from .data_loss import Holding
from .http import Client

TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
-- Not WITHOUT ROWID: what is asked of all discussions must not read past their replies.
CREATE TABLE IF NOT EXISTS talk (
    key TEXT PRIMARY KEY, revision INTEGER NOT NULL, count INTEGER NOT NULL, updated TEXT NOT NULL,
    slots INTEGER NOT NULL, newest TEXT NOT NULL, json TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS talk_short ON talk (key, revision, count, updated, slots);
CREATE INDEX IF NOT EXISTS talk_newest ON talk (newest, key);
"""
# Wait for another process that writes. Milliseconds.
BUSY_TIMEOUT_MS = 30_000
# Wait for readers when the log is truncated; it is tried again. Milliseconds.
CHECKPOINT_PATIENCE_MS = 200
WITHDRAWN = "withdrawn"
# Replies of cached discussions: a growing one is read again and again.
KEPT_REPLIES = 20_000


@dataclass(frozen=True, slots=True)
class Position:
    """The snapshot's position in the service's changes.

    `generation` is the snapshot's own name for one epoch without a break: revisions of different
    generations cannot be compared, even when a restored service kept its epoch.
    """

    epoch: str
    cursor: int
    generation: str


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Withdrawn replies, whose text older copies may contain; `replies` None: any reply.

    `token` is another one as soon as more is withdrawn.
    """

    token: str
    replies: frozenset[str] | None


class Snapshot:
    """The discussions on disk; safe for several processes and threads. Raises SnapshotError."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._guard = threading.RLock()
        self._kept: OrderedDict[tuple[str, str, int], Discussion] = OrderedDict()
        self._replies = 0
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                self.path,
                timeout=BUSY_TIMEOUT_MS / 1000,
                isolation_level=None,
                check_same_thread=False,
            )
            self._db.execute("PRAGMA journal_mode=WAL")
            # The data that builds use must survive a power cut.
            self._db.execute("PRAGMA synchronous=FULL")
            # Deleted or overwritten bytes are zeroed, not only marked as free.
            self._db.execute("PRAGMA secure_delete=ON")
            self._db.executescript(TABLES)
            self._take_over()
        except (sqlite3.Error, OSError, ValueError, WireError) as error:
            raise self._broken(error) from error

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; it can be opened again at any time."""
        with self._guard:
            self._db.close()

    def position(self) -> Position | None:
        """Return the position; None if nothing was ever received completely."""
        with self._guard, self._broken_is_an_error():
            meta = dict(self._db.execute("SELECT name, value FROM meta"))
        if "epoch" not in meta:
            return None
        return Position(meta["epoch"], int(meta["cursor"]), meta["generation"])

    def received(self) -> datetime | None:
        """Return when the service last confirmed the snapshot (UTC); None for never."""
        text = self._meta("received")
        return None if text is None else datetime.fromisoformat(text)

    def get(self, key: str) -> Discussion:
        """Return the discussion of this key; an empty one of revision 0 if there is none."""
        with self._guard, self._broken_is_an_error():
            generation = self._meta("generation") or ""
            row = self._db.execute("SELECT revision FROM talk WHERE key = ?", (key,)).fetchone()
            if row is None:
                return Discussion(key, 0)
            kept = self._kept.get((generation, key, row[0]))
            if kept is not None:
                self._kept.move_to_end((generation, key, row[0]))
                return kept
            row = self._db.execute("SELECT json FROM talk WHERE key = ?", (key,)).fetchone()
        if row is None:
            return Discussion(key, 0)
        try:
            found = read_discussion(json.loads(row[0]))
        except (ValueError, WireError) as error:
            raise self._broken(error) from error
        self._keep(generation, found)
        return found

    def texts(self) -> Iterator[tuple[str, str]]:
        """Yield every discussion's key and unparsed JSON."""
        with self._guard, self._broken_is_an_error():
            yield from self._db.execute("SELECT key, json FROM talk")

    def summary(self, key: str) -> Summary:
        """Return a discussion's summary, without reading its replies."""
        query = "SELECT revision, count, updated, slots FROM talk WHERE key = ?"
        with self._guard, self._broken_is_an_error():
            row = self._db.execute(query, (key,)).fetchone()
        return Summary() if row is None else Summary(*row)

    def summaries(self, keys: Sequence[str] | None = None) -> dict[str, Summary]:
        """Return the summaries of all discussions, or of those of these keys that exist."""
        query = "SELECT key, revision, count, updated, slots FROM talk INDEXED BY talk_short"
        with self._guard, self._broken_is_an_error():
            if keys is None:
                rows = self._db.execute(query).fetchall()
            else:
                query += " WHERE key IN (SELECT value FROM json_each(?))"
                rows = self._db.execute(query, (json.dumps(list(keys)),)).fetchall()
        return {row[0]: Summary(*row[1:]) for row in rows}

    def newest_first(self) -> list[str]:
        """Return the keys of all discussions with replies, the one with the newest reply first."""
        query = "SELECT key FROM talk WHERE newest > '' ORDER BY newest DESC"
        with self._guard, self._broken_is_an_error():
            return [key for (key,) in self._db.execute(query)]

    def revisions(self) -> dict[str, int]:
        """Return the revision of every discussion, by key."""
        return {key: summary.revision for key, summary in self.summaries().items()}

    def sync(
        self, client: Client, *, now: datetime | None = None, accept_empty: bool = False
    ) -> set[str]:
        """Fetch the service's changes; return the keys that may have changed.

        Raises ServiceError without having lost anything; DataLossError if the service lost most
        replies or is another one, unless `accept_empty`.
        """
        changed: set[str] = set()
        while True:
            here = self.position()
            if here is None:
                return changed | self.replace(client, now=now, accept_empty=accept_empty)
            batch = client.changes(here.cursor, here.epoch)
            if batch is not None and not follows(batch, here):
                return changed | self.replace(client, now=now, accept_empty=accept_empty)
            if batch is None:
                self._write_meta(received=_stamp(now))
                return changed
            changed |= self.apply(batch, now=now) or set()
            if not batch.more:
                return changed

    def apply(self, batch: Batch, *, now: datetime | None = None) -> set[str] | None:
        """Store one batch in one transaction; return its keys.

        None: the snapshot meanwhile belongs to another epoch, nothing was taken; call `sync`.
        """
        with self._transaction():
            here = self.position()
            if here is None or here.epoch != batch.epoch:
                return None
            gone = {
                reply
                for one in batch.discussions
                for reply in no_longer_shown(self.get(one.key), one)
            }
            if gone:
                self._withdraw(gone)
            self._insert(batch.discussions)
            for discussion in batch.discussions:
                self._keep(here.generation, discussion)
            # Another process may be ahead; never go back.
            self._write_meta(cursor=str(max(here.cursor, batch.next)))
            if not batch.more:
                self._write_meta(received=_stamp(now))
        return {discussion.key for discussion in batch.discussions}

    def reconciled(self) -> tuple[str, str] | None:
        """Return the build whose pages were all compared last, and with which generation."""
        text = self._meta("reconciled")
        if text is None:
            return None
        build, generation = json.loads(text)
        return str(build), str(generation)

    def mark_reconciled(self, build: str, generation: str) -> None:
        """Record that every page of this build agrees with this generation."""
        if self.reconciled() != (build, generation):
            self._write_meta(reconciled=json.dumps([build, generation]))

    def withdrawn(self) -> Withdrawn | None:
        """Return the recorded withdrawals, or None.

        It is stored with the change itself, so that a killed process forgets nothing.
        """
        text = self._meta(WITHDRAWN)
        if text is None:
            return None
        replies = json.loads(text)["replies"]
        return Withdrawn(text, None if replies is None else frozenset(replies))

    def settle(self, known: Withdrawn) -> bool:
        """Empty the write-ahead log and delete the record, unless more was withdrawn since.

        Call it when no other copy is left. Returns False when a reader keeps the log from being
        emptied: call it again later.
        """
        with self._guard, self._broken_is_an_error():
            self._db.execute(f"PRAGMA busy_timeout={CHECKPOINT_PATIENCE_MS}")
            try:
                busy = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            finally:
                self._db.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
            if busy:
                return False
            self._db.execute(
                "DELETE FROM meta WHERE name = ? AND value = ?", (WITHDRAWN, known.token)
            )
        return True

    def _withdraw(self, replies: set[str] | None) -> None:
        """Record withdrawals in the transaction that overwrites them; None: any reply."""
        before = self.withdrawn()
        if before is not None and replies is not None:
            replies = None if before.replies is None else replies | before.replies
        noted = {"token": secrets.token_hex(8), "replies": replies and sorted(replies)}
        self._write_meta(**{WITHDRAWN: json.dumps(noted)})

    def holding(self) -> Holding | None:
        """Return a summary of the snapshot; None if nothing was ever received completely."""
        with self._guard, self._broken_is_an_error():
            here = self.position()
            if here is None:
                return None
            (replies,) = self._db.execute("SELECT coalesce(sum(count), 0) FROM talk").fetchone()
        return Holding(here.epoch, here.cursor, int(replies))

    def replace(
        self, client: Client, *, now: datetime | None = None, accept_empty: bool = False
    ) -> set[str]:
        """Fetch everything, then replace everything, in one transaction; return all keys.

        Raises DataLossError, with nothing replaced, if most replies would go or they are of another
        database; `accept_empty` is the operator's consent to that.
        """
        batches: list[Batch] = []
        for batch in _everything(client):
            batches.append(batch)
            if not accept_empty:
                self._check_loss(batches, client)
        with self._transaction():
            if not accept_empty:
                # Another process may have received something while this one fetched.
                self._check_loss(batches, client)
            before = set(self.revisions())
            if before:
                self._withdraw(None)
            self._db.execute("DELETE FROM talk")
            for batch in batches:
                self._insert(batch.discussions)
            self._write_meta(
                epoch=batches[-1].epoch,
                cursor=str(batches[-1].next),
                generation=secrets.token_hex(8),
                received=_stamp(now),
            )
        return before | {one.key for batch in batches for one in batch.discussions}

    def _check_loss(self, batches: Sequence[Batch], client: Client) -> None:
        """Raise DataLossError as early as possible: not every retry must fetch everything."""
        before, last = self.holding(), batches[-1]
        if before is None or (last.more and last.epoch == before.epoch):
            return
        replies = sum(one.summary.count for batch in batches for one in batch.discussions)
        after = Holding(last.epoch, last.next, replies, complete=not last.more)
        data_loss.check(before, after, client.service_url)

    def _insert(self, discussions: Iterable[Discussion]) -> None:
        self._db.executemany(
            "INSERT INTO talk VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET "
            "revision = excluded.revision, count = excluded.count, updated = excluded.updated, "
            "slots = excluded.slots, newest = excluded.newest, json = excluded.json "
            "WHERE excluded.revision > revision",
            map(_row, discussions),
        )

    def _keep(self, generation: str, discussion: Discussion) -> None:
        with self._guard:
            at = (generation, discussion.key, discussion.revision)
            if at in self._kept:
                return
            self._kept[at] = discussion
            self._replies += len(discussion.comments)
            while self._replies > KEPT_REPLIES and len(self._kept) > 1:
                self._replies -= len(self._kept.popitem(last=False)[1].comments)

    def _take_over(self) -> None:
        """Add summaries to data of an older version."""
        old = "SELECT name FROM sqlite_master WHERE name = 'discussion'"
        if self._db.execute(old).fetchone() is None:
            return
        with self._transaction():
            for (text,) in self._db.execute("SELECT json FROM discussion").fetchall():
                self._insert([read_discussion(json.loads(text))])
            self._db.execute("DROP TABLE discussion")

    def _meta(self, name: str) -> str | None:
        with self._guard, self._broken_is_an_error():
            row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def _write_meta(self, **values: str) -> None:
        with self._guard, self._broken_is_an_error():
            self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._guard, self._broken_is_an_error():
            # IMMEDIATE: a read that becomes a write later could be refused half-way.
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    @contextmanager
    def _broken_is_an_error(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> SnapshotError:
        why = error.strerror if isinstance(error, OSError) else error
        return SnapshotError(
            f"The snapshot {self.path} cannot be used ({why}). It holds nothing that the service "
            "does not have: delete it (and its -wal and -shm) and build again with the service on."
        )


def no_longer_shown(before: Discussion, after: Discussion) -> set[str]:
    """Return the ids of replies that were withdrawn or edited."""
    shown = {one.id: _words(one) for one in after.comments if not one.removed}
    return {
        one.id for one in before.comments if not one.removed and shown.get(one.id) != _words(one)
    }


def _words(one: Comment) -> tuple[Author | None, str | None]:
    return one.author, one.html


def follows(batch: Batch, here: Position) -> bool:
    """Whether the batch continues from here, or the service was restored or replaced."""
    return batch.epoch == here.epoch and batch.latest >= here.cursor


def _everything(client: Client) -> Iterator[Batch]:
    cursor, epoch = 0, None
    while True:
        # Without an epoch: 304 cannot answer a client that has nothing.
        batch = client.changes(cursor, None, limit=500)
        if batch is None or (epoch is not None and batch.epoch != epoch):
            raise ServiceError("The service was replaced while it was being read; try again.")
        if batch.more and batch.next <= cursor:
            raise WireError(f"answer.next: {batch.next} is not above the cursor {cursor}")
        yield batch
        if not batch.more:
            return
        cursor, epoch = batch.next, batch.epoch


def _row(one: Discussion) -> tuple[str, int, int, str, int, str, str]:
    short = one.summary
    text = write_discussion(one)
    return one.key, one.revision, short.count, short.updated, short.positions, one.newest, text


def _stamp(now: datetime | None) -> str:
    return iso((now or datetime.now(UTC)).replace(microsecond=0))
