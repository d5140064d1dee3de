"""No older copy of the site keeps a reply that was taken back or edited."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from filelock import FileLock

from plugins.cli.build import build_site
from plugins.discussion.client.http import Client
from plugins.discussion.client.snapshot import Snapshot
from plugins.discussion.model import build_dirs
from plugins.discussion.publish.publisher import Publisher
from tests.discussion.api_server import Wire
from tests.discussion.samples import eventually, following, identifier, make_site, removed, reply

SECRET = "unmistakable-words"
HELD = reply(1, html=f"<p>Some {SECRET}.</p>\n")


def build(root: Path) -> None:
    build_site(root, Path("pelicanconf.py"), Path("output"))


def holding(root: Path) -> list[str]:
    """Every file of the project that has the words in its bytes; files may vanish meanwhile."""
    found = []
    for folder, _, names in os.walk(root):
        for path in (Path(folder, name) for name in names):
            with suppress(FileNotFoundError):
                if SECRET.encode() in path.read_bytes():
                    found.append(str(path.relative_to(root)))
    return sorted(found)


@pytest.mark.parametrize(
    "after", [[], [removed(1), reply(2, 1)], [reply(1)]], ids=["gone", "answered", "edited"]
)
def test_the_publisher_removes_it_from_older_builds_and_the_snapshot(
    wire: Wire, environ: Path, after: list[object]
) -> None:
    site = make_site(environ)
    wire.put("networking", [HELD])
    build(site)
    build(site)
    with following(site / "output", site / "var" / "discussions.sqlite3", wire.url):
        wire.wait_until_followed()
        assert len({one.split("/")[2] for one in holding(site) if "builds" in one}) == 2
        wire.put("networking", after)  # type: ignore[arg-type]
        eventually(lambda: holding(site) == [])


def test_publishing_once_removes_it_too(wire: Wire, environ: Path, client: Client) -> None:
    site = make_site(environ)
    wire.put("networking", [HELD])
    build(site)
    build(site)
    wire.put("networking", [])
    with Snapshot(site / "var" / "discussions.sqlite3") as snapshot:
        Publisher(site / "output", snapshot, client).once()
        assert snapshot.withdrawn() is None
    assert holding(site) == []


def test_a_build_without_a_publisher_removes_it_too(wire: Wire, environ: Path) -> None:
    site = make_site(environ)
    wire.put("networking", [HELD])
    build(site)
    wire.put("networking", [])
    build(site)
    assert holding(site) == []


def test_an_approval_keeps_the_build_before(wire: Wire, environ: Path, client: Client) -> None:
    site = make_site(environ)
    build(site)
    build(site)
    before = sorted((site / "var" / "builds").iterdir())
    wire.put("networking", [HELD])
    with Snapshot(site / "var" / "discussions.sqlite3") as snapshot:
        Publisher(site / "output", snapshot, client).once()
        assert snapshot.withdrawn() is None
    assert sorted((site / "var" / "builds").iterdir()) == before


def test_a_running_build_is_left_alone_and_its_copies_go_later(
    wire: Wire, environ: Path, client: Client
) -> None:
    site = make_site(environ)
    wire.put("networking", [HELD])
    build(site)
    under_way = site / "var" / "builds" / build_dirs.new_name(site / "output")
    under_way.mkdir()
    wire.put("networking", [])
    with Snapshot(site / "var" / "discussions.sqlite3") as snapshot:
        publisher = Publisher(site / "output", snapshot, client)
        with FileLock(site / "var" / build_dirs.LOCK):
            publisher.once()
            assert under_way.is_dir()
            assert snapshot.withdrawn() is not None
        publisher.once()
        assert snapshot.withdrawn() is None
    assert not under_way.exists()


KILLED = """
import os, signal, sys
from pathlib import Path
from plugins.discussion.client.snapshot import Snapshot
from tests.discussion.samples import client_of
snapshot = Snapshot(Path(sys.argv[1]))
snapshot.sync(client_of(sys.argv[2]))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_kill_9_after_the_change_was_stored_forgets_nothing(
    wire: Wire, environ: Path, client: Client
) -> None:
    site = make_site(environ)
    wire.put("networking", [HELD])
    build(site)
    wire.put("networking", [])
    path = site / "var" / "discussions.sqlite3"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), wire.url],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    with Snapshot(path) as snapshot:
        known = snapshot.withdrawn()
        assert known is not None
        assert known.replies == frozenset({identifier(1)})
        Publisher(site / "output", snapshot, client).once()
    assert holding(site) == []


def test_more_withdrawn_meanwhile_is_not_forgotten(
    wire: Wire, client: Client, snapshot: Snapshot
) -> None:
    wire.put("a", [reply(1), reply(2)])
    snapshot.sync(client)
    wire.put("a", [reply(2)])
    snapshot.sync(client)
    first = snapshot.withdrawn()
    wire.put("a", [])
    snapshot.sync(client)
    assert first is not None
    assert snapshot.settle(first)
    second = snapshot.withdrawn()
    assert second is not None
    assert second.replies == frozenset({identifier(1), identifier(2)})
    assert snapshot.settle(second)
    assert snapshot.withdrawn() is None
