from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plugins.cli.build import build_site
from plugins.discussion.client.http import Client
from plugins.discussion.client.snapshot import Snapshot
from plugins.discussion.model.discussions import Batch, Page, read_discussion
from plugins.discussion.model.markers import find
from plugins.discussion.publish import publisher
from plugins.discussion.publish.built_site import Site
from plugins.discussion.publish.publisher import Publisher
from plugins.discussion.render.renderers import render
from plugins.shared.errors import DiscussionError, ManifestError, PageError, ServiceUnavailable
from tests.discussion.api_server import TOKEN, Wire, serve
from tests.discussion.samples import (
    accept,
    article,
    client_of,
    eventually,
    following,
    identities,
    make_site,
    removed,
    reply,
)


@pytest.fixture
def site(environ: Path) -> Path:
    """A built site."""
    build_site(make_site(environ), Path("pelicanconf.py"), Path("output"))
    return environ


@pytest.fixture
def store(site: Path) -> Path:
    return site / "var" / "discussions.sqlite3"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that was replaced is looked at again at once."""
    monkeypatch.setattr(publisher, "LOST_SECONDS", 0.1)


def page(site: Path, key: str = "networking") -> str:
    return (site / "output" / key / "index.html").read_text(encoding="utf-8")


def page_of(site: Site, key: str) -> Page:
    entry = site.manifest.entry(key)
    assert entry is not None
    return entry.page


def changed(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def test_an_approved_reply_comes_to_its_page_and_touches_no_other_file(
    wire: Wire, site: Path, store: Path
) -> None:
    with following(site / "output", store, wire.url):
        wire.wait_until_followed()
        before = identities(site / "output")
        wire.put("networking", [reply(1)])
        wire.wait_until_followed()
        assert changed(before, identities(site / "output")) == {"networking/index.html"}
        assert "<p>Reply number 1.</p>" in page(site)


def test_every_kind_of_change_comes_to_the_page(wire: Wire, site: Path, store: Path) -> None:
    with following(site / "output", store, wire.url):
        for comments, text in [
            ([reply(1), reply(2, 1)], "Reply number 2"),
            ([reply(1, html="<p>Edited.</p>"), reply(2, 1)], "Edited."),
            ([removed(1), reply(2, 1)], "Removed."),
            ([], "0 replies"),
        ]:
            revision = wire.put("networking", comments)
            marker = f"<!--region discussion networking {revision}-->"
            eventually(lambda marker=marker: marker in page(site))  # type: ignore[misc]
            assert text in page(site)


def test_pages_are_registered_at_the_start_and_with_every_build(
    wire: Wire, site: Path, store: Path
) -> None:
    wire.pages = []
    with following(site / "output", store, wire.url):
        wire.wait_until_followed()
        assert [one["key"] for one in wire.pages] == ["feedback", "meetings", "networking"]
        (site / "content" / "new.md").write_text(article("New", "new"))
        build_site(site, Path("pelicanconf.py"), Path("output"))
        wire.pages = []
        eventually(lambda: [one["key"] for one in wire.pages][-1:] == ["new"])
        wire.put("new", [reply(1)])
        wire.wait_until_followed()
        assert "Reply number 1." in page(site, "new")


def test_what_changed_while_nobody_followed_is_made_up_for(
    wire: Wire, site: Path, store: Path
) -> None:
    wire.put("networking", [reply(1)])
    wire.put("meetings", [reply(2)])
    with Snapshot(store) as snapshot, client_of(wire.url) as client:
        assert Publisher(site / "output", snapshot, client).once() == 3
        before = identities(site / "output")
        assert Publisher(site / "output", snapshot, client).once() == 0
        assert identities(site / "output") == before
    assert "Reply number 2." in page(site, "meetings")


def test_lists_that_a_stopped_publisher_left_behind_are_made_up_for(
    wire: Wire, site: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "SHARED_PATIENCE", 60)
    index = site / "output" / "index.html"
    with following(site / "output", store, wire.url):
        wire.wait_until_followed()
        wire.put("networking", [reply(1)])
        eventually(lambda: "Reply number 1." in page(site))
    assert "1 to Networking" not in index.read_text()
    with Snapshot(store) as snapshot, client_of(wire.url) as client:
        assert Publisher(site / "output", snapshot, client).once() == 1
    assert "1 to Networking" in index.read_text()
    assert "Reader 1 on Networking" in index.read_text()


def test_a_page_older_than_the_snapshot_is_repaired(wire: Wire, site: Path, store: Path) -> None:
    """A build took the news from the service, and then failed: nobody will be told again."""
    wire.put("networking", [reply(1)])
    with Snapshot(store) as snapshot, client_of(wire.url) as client:
        snapshot.sync(client)
    with following(site / "output", store, wire.url):
        wire.wait_until_followed()
        assert "Reply number 1." in page(site)


class Disturbed(Client):
    """The service goes away once, in a long poll, and something happens meanwhile."""

    meanwhile: Callable[[], None] | None = None

    def changes(
        self, since: int, epoch: str | None, wait: int = 0, limit: int = 100
    ) -> Batch | None:
        if wait and self.meanwhile is not None:
            happens, self.meanwhile = self.meanwhile, None
            happens()
            raise ServiceUnavailable("gone for a moment")
        return super().changes(since, epoch, wait, limit)


def test_news_that_a_build_took_meanwhile_still_come_to_the_page(
    wire: Wire, site: Path, store: Path
) -> None:
    def build_takes_news() -> None:
        wire.put("networking", [reply(1)])
        with Snapshot(store) as other, client_of(wire.url) as client:
            other.sync(client)

    asks = Disturbed(wire.url, TOKEN)
    asks.meanwhile = build_takes_news
    with following(site / "output", store, wire.url, asks):
        eventually(lambda: "Reply number 1." in page(site), 5)


def test_a_restored_service_that_a_build_saw_first_still_replaces_every_page(
    wire: Wire, site: Path, store: Path
) -> None:
    for number in range(1, 4):
        wire.put("networking", [reply(number)])

    def build_sees_the_restored_service() -> None:
        wire.replace("epoch-1", {"networking": [reply(8)]})
        with Snapshot(store) as other, client_of(wire.url) as client:
            other.sync(client)
        # Soon its numbers are beyond the publisher's cursor, as if nothing had happened.
        for number in range(1, 4):
            wire.put("meetings", [reply(number)])

    asks = Disturbed(wire.url, TOKEN)
    asks.meanwhile = build_sees_the_restored_service
    with following(site / "output", store, wire.url, asks):
        eventually(lambda: "Reply number 3." in page(site, "meetings"), 5)
        eventually(lambda: "Reply number 8." in page(site), 5)


def test_a_replaced_service_replaces_pages_even_of_equal_revision(
    wire: Wire, site: Path, store: Path
) -> None:
    wire.put("networking", [reply(1)])
    wire.put("meetings", [reply(2)])
    with following(site / "output", store, wire.url):
        wire.wait_until_followed()
        wire.replace("epoch-2", {"networking": [reply(8)]})
        accept(store, wire.url)
        eventually(lambda: "Reply number 8." in page(site))
        eventually(lambda: "<!--region discussion meetings 0-->" in page(site, "meetings"))
        assert "<!--region discussion networking 1-->" in page(site)


def test_a_replaced_service_seen_first_by_a_build_still_comes_to_every_page(
    wire: Wire, site: Path, store: Path
) -> None:
    wire.put("networking", [reply(1)])
    with Snapshot(store) as snapshot, client_of(wire.url) as client:
        Publisher(site / "output", snapshot, client).once()
        wire.replace("epoch-2", {"networking": [reply(8)]})
        snapshot.sync(client, accept_empty=True)
    with following(site / "output", store, wire.url):
        eventually(lambda: "Reply number 8." in page(site))


def test_one_damaged_page_is_reported_and_holds_no_other_up(
    wire: Wire, site: Path, store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = site / "output" / "networking" / "index.html"
    good = path.read_text()
    path.write_text("<p>no marker</p>")
    caplog.set_level(logging.INFO)
    with following(site / "output", store, wire.url):
        wire.put("networking", [reply(1, html="<p>Private words.</p>")])
        wire.put("meetings", [reply(2)])
        wire.wait_until_followed()
        assert "Reply number 2." in page(site, "meetings")
        assert path.read_text() == "<p>no marker</p>"
        path.write_text(good)
        eventually(lambda: "Private words." in page(site))
    errors = [one.getMessage() for one in caplog.records if one.levelno == logging.ERROR]
    assert any("event=page-failed key=networking" in one and "index.html" in one for one in errors)
    assert "Private words" not in caplog.text


def test_once_fails_when_a_page_cannot_be_mended(wire: Wire, site: Path, store: Path) -> None:
    wire.put("networking", [reply(1)])
    wire.put("meetings", [reply(2)])
    (site / "output" / "networking" / "index.html").write_text("nothing")
    with (
        Snapshot(store) as snapshot,
        client_of(wire.url) as client,
        pytest.raises(PageError, match="has no marker"),
    ):
        Publisher(site / "output", snapshot, client).once()
    assert "Reply number 2." in page(site, "meetings")


def test_once_without_a_build_says_to_build(wire: Wire, client: Client, tmp_path: Path) -> None:
    with (
        Snapshot(tmp_path / "s.sqlite3") as snapshot,
        pytest.raises(ManifestError, match="rejoinder build"),
    ):
        Publisher(tmp_path / "output", snapshot, client).once()


def test_the_first_build_may_come_after_the_publisher(wire: Wire, environ: Path) -> None:
    wire.put("networking", [reply(1)])
    with following(environ / "output", environ / "var" / "discussions.sqlite3", wire.url):
        time.sleep(0.3)
        build_site(make_site(environ), Path("pelicanconf.py"), Path("output"))
        wire.put("networking", [reply(1), reply(2)])
        eventually(lambda: "Reply number 2." in page(environ))


def test_an_outage_is_said_once_and_so_is_its_end(
    site: Path, store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    wire = Wire()
    with serve(wire):
        port = int(wire.url.rsplit(":", 1)[1])
    with following(site / "output", store, f"http://127.0.0.1:{port}"):
        eventually(lambda: "event=service-away" in caplog.text)
        time.sleep(0.8)
        assert caplog.text.count("event=service-away") == 1
        wire.put("networking", [reply(1)])
        with serve(wire, port):
            eventually(lambda: "Reply number 1." in page(site))
            eventually(lambda: "event=service-back" in caplog.text)
            assert caplog.text.count("event=service-back") == 1


def test_following_ends_at_once_in_the_middle_of_a_long_poll(
    wire: Wire, site: Path, store: Path
) -> None:
    stop = threading.Event()
    with Snapshot(store) as snapshot, client_of(wire.url) as client:
        publisher = Publisher(site / "output", snapshot, client)
        thread = threading.Thread(target=publisher.follow, args=(stop,), daemon=True)
        thread.start()
        wire.wait_until_followed()
        stop.set()
        thread.join(60)
        assert not thread.is_alive()
        # The service still holds the answer back.
        assert wire.waiting


def test_pages_of_plain_pelican_are_followed_too(wire: Wire, environ: Path) -> None:
    site = make_site(environ)
    command = [sys.executable, "-m", "pelican", "-q", "-s", "pelicanconf.py"]
    subprocess.run(command, cwd=site, check=True)
    with following(site / "output", site / "var" / "discussions.sqlite3", wire.url):
        wire.put("networking", [reply(1)])
        wire.wait_until_followed()
        assert "Reply number 1." in page(site)


def test_the_site_changes_under_one_lock_that_is_free_while_waiting(
    wire: Wire, site: Path, store: Path
) -> None:
    from filelock import FileLock

    with following(site / "output", store, wire.url):
        wire.wait_until_followed()
        with FileLock(site / "var" / "site.lock", timeout=60):
            wire.put("networking", [reply(1)])
            time.sleep(0.4)
            assert "Reply number 1." not in page(site)
        eventually(lambda: "Reply number 1." in page(site))


PUBLISHER = """
import sys, threading
from pathlib import Path
from plugins.discussion.publish.publisher import Publisher
from plugins.discussion.client.snapshot import Snapshot
from tests.discussion.samples import client_of
snapshot, client = Snapshot(Path(sys.argv[2])), client_of(sys.argv[3])
Publisher(Path(sys.argv[1]), snapshot, client).follow(threading.Event())
"""


def test_kill_9_at_any_instant_tears_no_page_and_loses_no_reply(
    wire: Wire, site: Path, store: Path
) -> None:
    keys = ["networking", "meetings", "feedback"]
    stop = threading.Event()
    problems: list[str] = []

    def approve() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            wire.put(keys[number % 3], [reply(n) for n in range(1, 2 + number % 60)])
            time.sleep(0.004)

    def look() -> None:
        while not stop.is_set():
            for key in keys:
                try:
                    text = page(site, key)
                    find(text.encode(), "discussion", key)
                    if not text.endswith("</html>"):
                        problems.append("half a page")
                except (DiscussionError, OSError) as error:
                    problems.append(str(error))
            time.sleep(0.001)

    threads = [threading.Thread(target=approve), threading.Thread(target=look)]
    for thread in threads:
        thread.start()
    command = [sys.executable, "-c", PUBLISHER, str(site / "output"), str(store), wire.url]
    try:
        # Two at a time: starting takes longer than what is to be disturbed.
        for round_ in range(15):
            asked = len(wire.asked)
            pair = [subprocess.Popen(command) for _ in range(2)]
            end = time.monotonic() + 60
            while len(wire.asked) < asked + 4 and time.monotonic() < end:
                time.sleep(0.005)
            time.sleep(0.005 * round_)
            for process in pair:
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert problems == []
    built = Site.open(site / "output")
    fragments = {
        key: render(
            read_discussion(wire.discussions[key]),
            page_of(built, key),
            built.manifest.settings,
            built.root / ".discussion" / "templates",
        )
        for key in keys
    }
    with following(site / "output", store, wire.url):
        eventually(lambda: all(fragments[key] in page(site, key) for key in keys))
    # Nothing half-written is left beside the pages, or beside later pages of long discussions.
    files = [path for key in keys for path in (built.root / key).rglob("*") if path.is_file()]
    assert {path.name for path in files} == {"index.html"}
    assert TOKEN not in page(site)
