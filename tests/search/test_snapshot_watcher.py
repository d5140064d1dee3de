"""What follows the snapshot goes on, whatever a look at it meets."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from plugins.discussion.client.snapshot import Snapshot
from plugins.search import snapshot_watcher
from plugins.shared.errors import DiscussionError


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (DiscussionError("no build"), "no build"),
        (OSError("no room"), "no room"),
        (KeyError("a fault of ours"), "KeyError"),
    ],
)
def test_no_error_ends_it_and_each_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    monkeypatch.setattr(snapshot_watcher, "LOOK_SECONDS", 0.01)
    stop = threading.Event()
    looks: list[int] = []
    failures: list[str] = []

    def look(_snapshot: Snapshot, _stop: threading.Event) -> None:
        looks.append(len(looks))
        if len(looks) == 2:
            stop.set()
        raise error

    snapshot_watcher.look_until(stop, tmp_path / "discussions.sqlite3", look, failures.append)
    assert len(looks) == 2
    assert failures == [told, told]
