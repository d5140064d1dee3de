"""Bursts and size: few writes, quick pages, little memory."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

import pytest

from plugins.cli.build import build_site
from plugins.discussion.model import manifest
from plugins.discussion.model.discussions import Page
from plugins.discussion.model.manifest import Address, Entry
from plugins.discussion.publish import debounce
from plugins.discussion.publish.debounce import Due
from plugins.discussion.publish.publisher import WINDOW_SECONDS
from tests import cpu
from tests.discussion.api_server import Wire
from tests.discussion.samples import SETTINGS, article, eventually, following, make_site, reply


class Clock:
    """The clock of `due`; `last` is what it said last in each thread."""

    def __init__(self) -> None:
        self.said = threading.local()

    def monotonic(self) -> float:
        self.said.last = time.monotonic()
        return float(self.said.last)


def turns(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[float]]:
    """Fills up with the times at which each name had its turn, by the clock that gave it."""
    taken: dict[str, list[float]] = defaultdict(list)
    clock, take = Clock(), Due.take

    def noting(self: Due) -> str | None:
        name = take(self)
        if name is not None:
            taken[name].append(clock.said.last)
        return name

    monkeypatch.setattr(debounce, "time", clock)
    monkeypatch.setattr(Due, "take", noting)
    return taken


def test_a_thousand_approvals_over_a_hundred_articles_are_few_writes(
    wire: Wire, environ: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = turns(monkeypatch)
    keys = [f"article-{n}" for n in range(100)]
    site = make_site(environ, {f"{key}.md": article(key, key) for key in keys})
    build_site(site, Path("pelicanconf.py"), Path("output"))
    files = {
        name: site / "output" / name for name in ["index.html", *map("{}/index.html".format, keys)]
    }
    seen: dict[str, list[int]] = defaultdict(list)
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            for name, path in files.items():
                inode = path.stat().st_ino
                if not seen[name] or seen[name][-1] != inode:
                    seen[name].append(inode)
            time.sleep(0.005)

    watcher = threading.Thread(target=look)
    with following(site / "output", site / "var" / "discussions.sqlite3", wire.url) as follower:
        wire.wait_until_followed()
        watcher.start()
        for n in range(1, 11):
            for key in keys:
                wire.put(key, [reply(one) for one in range(1, n + 1)])
        eventually(lambda: "Reply number 10." in files["article-99/index.html"].read_text())
        eventually(lambda: follower.waiting == 0)
    stop.set()
    watcher.join()
    for name, path in files.items():
        times = taken[name if name == "index.html" else name.partition("/")[0]]
        most = 1 if name == "index.html" else 2
        for i, at in enumerate(times):
            assert sum(at <= other < at + WINDOW_SECONDS for other in times[i:]) <= most, name
        # The first look is no write, and no file is written without its turn.
        assert 1 <= len(seen[name]) - 1 <= len(times)
        if name != "index.html":
            assert "Reply number 10." in path.read_text()
    assert (site / "output" / "index.html").read_text().count("10 to article-") == 100


def test_what_is_due_waits_for_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(debounce, "time", SimpleNamespace(monotonic=lambda: now))
    waiting = Due(most=2, window=0.5)
    waiting.add("a")
    waiting.add("a")
    assert waiting.take() == "a"
    assert waiting.take() is None
    waiting.add("a")
    assert waiting.take() == "a"
    waiting.add("a")
    assert waiting.take() is None
    assert waiting.wait(1) == 0.5
    now += 0.5
    assert waiting.take() == "a"
    assert len(waiting) == 0
    assert waiting.wait(1) == 1


MEMORY = """
import re, sys
from pathlib import Path
from types import SimpleNamespace
from plugins.discussion.client.http import Client
from plugins.discussion.publish.publisher import Publisher
from plugins.discussion.publish.built_site import Site
from plugins.discussion.client.snapshot import Snapshot
output = Path(sys.argv[1])
with Snapshot(output / "s.sqlite3") as snapshot:
    site = Site.open(output)
    files = [site.shared(f"article-{n}") for n in range(0, 10_000, 10)]
    pages = site.manifest.pages
    peak = re.search(r"VmHWM:\\s*([0-9]+)", Path("/proc/self/status").read_text())[1]
    print(len(pages), max(map(len, files)), peak)
"""


def test_a_site_of_ten_thousand_articles_takes_little_memory(tmp_path: Path) -> None:
    keys = [f"article-{n}" for n in range(10_000)]
    entries = [
        Entry(Page(key, f"/{key}/", f"The title of {key}", "And you?"), f"{key}/index.html")
        for key in keys
    ]
    places: dict[str, set[str | None]] = {f"{key}/index.html": {key} for key in keys}
    for kind, size in [("page", 5), ("category", 50), ("tag", 10), ("author", 100), ("day", 1)]:
        for start in range(0, len(keys), size):
            places[f"{kind}/{start}/index.html"] = set(keys[start : start + size])
    places["archive/index.html"] = set(keys)
    made = manifest.Manifest.of(SETTINGS, entries)
    made.write(tmp_path, places, [Address(f"/{key}/", "", key) for key in keys])
    made.close()
    assert cpu.seconds(lambda: manifest.load(tmp_path).close()) < 1
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(tmp_path)], capture_output=True, text=True, check=True
    )
    pages, files, kilobytes = map(int, done.stdout.split())
    assert pages == 10_000
    assert files >= 5
    assert kilobytes < 150_000, "the publisher may take 150 MB"
