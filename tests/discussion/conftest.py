from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from plugins.discussion.client.http import Client
from plugins.discussion.client.snapshot import Snapshot
from tests.discussion.api_server import TOKEN, Wire, serve
from tests.discussion.samples import client_of


@pytest.fixture
def wire() -> Iterator[Wire]:
    with serve() as wire:
        yield wire


@pytest.fixture
def client(wire: Wire) -> Iterator[Client]:
    with client_of(wire.url) as client:
        yield client


@pytest.fixture
def snapshot(tmp_path: Path) -> Iterator[Snapshot]:
    with Snapshot(tmp_path / "var" / "discussions.sqlite3") as snapshot:
        yield snapshot


@pytest.fixture
def environ(wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment of a project in `tmp_path` that uses the test's service; returns its root."""
    monkeypatch.setenv("REJOINDER_SERVICE_URL", wire.url)
    monkeypatch.setenv("REJOINDER_API_TOKEN", TOKEN)
    monkeypatch.setenv("REJOINDER_VAR", "var")
    monkeypatch.chdir(tmp_path)
    return tmp_path
