from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from plugins.discussion.client.http import Client
from plugins.discussion.client.snapshot import Snapshot
from plugins.shared.errors import ServiceError, SnapshotError
from tests.discussion.api_server import Wire
from tests.discussion.samples import reply


def test_sync_returns_the_keys_that_changed(wire: Wire, client: Client, snapshot: Snapshot) -> None:
    wire.put("a", [reply(1)])
    wire.put("b", [reply(2)])
    assert snapshot.sync(client) == {"a", "b"}
    assert snapshot.sync(client) == set()
    wire.put("a", [reply(1), reply(3, 1)])
    assert snapshot.sync(client) == {"a"}
    assert snapshot.get("a").revision == 3
    assert snapshot.revisions() == {"a": 3, "b": 2}


def test_what_was_never_discussed_has_revision_zero(snapshot: Snapshot) -> None:
    assert snapshot.get("nothing").revision == 0
    assert snapshot.get("nothing").comments == ()
    assert snapshot.position() is None


def test_more_than_one_answer_is_fetched(wire: Wire, client: Client, snapshot: Snapshot) -> None:
    wire.limit = 3
    for number in range(10):
        wire.put(f"page-{number}", [reply(1)])
    assert len(snapshot.sync(client)) == 10
    for number in range(8):
        wire.put(f"page-{number}", [reply(1), reply(2)])
    assert len(snapshot.sync(client)) == 8
    assert len(snapshot.get("page-7").comments) == 2


def test_it_survives_its_process(wire: Wire, client: Client, tmp_path: Path) -> None:
    wire.put("a", [reply(1)])
    path = tmp_path / "discussions.sqlite3"
    with Snapshot(path) as first:
        first.sync(client, now=datetime(2026, 11, 23, 12, tzinfo=UTC))
    with Snapshot(path) as second:
        assert second.get("a").revision == 1
        assert second.received() == datetime(2026, 11, 23, 12, tzinfo=UTC)
        assert second.sync(client) == set()


def test_another_epoch_replaces_everything_and_names_every_key(
    wire: Wire, client: Client, snapshot: Snapshot
) -> None:
    wire.put("gone", [reply(1)])
    wire.put("stays", [reply(2)])
    snapshot.sync(client)
    before = snapshot.position()
    wire.replace("epoch-2", {"stays": [reply(5)], "new": [reply(6)]})
    assert snapshot.sync(client, accept_empty=True) == {"gone", "stays", "new"}
    assert snapshot.get("gone").revision == 0
    assert snapshot.get("stays").comments[0].html == "<p>Reply number 5.</p>\n"
    after = snapshot.position()
    assert before is not None
    assert after is not None
    assert after.generation != before.generation


def test_a_service_that_went_back_in_time_replaces_everything(
    wire: Wire, client: Client, snapshot: Snapshot
) -> None:
    for _ in range(5):
        wire.put("a", [reply(1), reply(2)])
    snapshot.sync(client)
    wire.replace("epoch-1", {"a": [reply(1)]})
    assert snapshot.sync(client) == {"a"}
    assert snapshot.get("a").revision == 1
    assert len(snapshot.get("a").comments) == 1


def test_a_service_that_fails_half_way_leaves_the_snapshot_whole(
    wire: Wire, client: Client, snapshot: Snapshot
) -> None:
    wire.limit = 1
    wire.put("a", [reply(1)])
    snapshot.sync(client)
    wire.replace("epoch-2", {"b": [reply(2)], "c": [reply(3)]})

    class Failing:
        """The client, whose third answer never comes."""

        count = 0

        def changes(self, *args: object, **kwargs: object) -> object:
            self.count += 1
            if self.count == 3:
                raise ServiceError("gone")
            return client.changes(*args, **kwargs)  # type: ignore[arg-type]

    with pytest.raises(ServiceError, match="gone"):
        snapshot.sync(Failing(), accept_empty=True)  # type: ignore[arg-type]
    assert snapshot.revisions() == {"a": 1}
    assert snapshot.sync(client, accept_empty=True) == {"a", "b", "c"}


def test_an_older_answer_never_replaces_a_newer_row(
    wire: Wire, client: Client, snapshot: Snapshot
) -> None:
    wire.put("a", [reply(1)])
    old = client.changes(0, None)
    wire.put("a", [reply(1), reply(2)])
    snapshot.sync(client)
    assert old is not None
    snapshot.apply(old)
    assert snapshot.get("a").revision == 2
    position = snapshot.position()
    assert position is not None
    assert position.cursor == 2


def test_a_batch_of_another_epoch_is_not_taken(
    wire: Wire, client: Client, snapshot: Snapshot
) -> None:
    wire.put("a", [reply(1)])
    snapshot.sync(client)
    wire.replace("epoch-2", {"a": [reply(9)]})
    batch = client.changes(0, None)
    assert batch is not None
    assert snapshot.apply(batch) is None
    assert snapshot.get("a").comments[0].html == "<p>Reply number 1.</p>\n"


def test_a_damaged_file_says_the_mend(tmp_path: Path) -> None:
    path = tmp_path / "discussions.sqlite3"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(SnapshotError, match="delete it"):
        Snapshot(path)


WRITER = """
import sys
from pathlib import Path
from plugins.discussion.client.snapshot import Snapshot
from tests.discussion.samples import client_of
snapshot = Snapshot(Path(sys.argv[1]))
client = client_of(sys.argv[2])
print("ready", flush=True)
while True:
    # Every replacement is one transaction: all pages of one epoch, or all of another.
    snapshot.replace(client)
"""


def test_kill_9_never_leaves_half_a_replacement(wire: Wire, tmp_path: Path) -> None:
    path = tmp_path / "discussions.sqlite3"
    keys = [f"page-{n}" for n in range(40)]
    for round_ in range(6):
        wire.replace(f"epoch-{round_}", {key: [reply(round_ + 1)] for key in keys})
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), wire.url], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.013 * round_)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        with Snapshot(path) as snapshot:
            texts = {snapshot.get(key).comments[0].html for key in snapshot.revisions()}
            assert len(snapshot.revisions()) in {0, len(keys)}
            assert len(texts) <= 1
            position = snapshot.position()
            if position is not None:
                shown = int(position.epoch.removeprefix("epoch-")) + 1
                assert texts == {f"<p>Reply number {shown}.</p>\n"}
