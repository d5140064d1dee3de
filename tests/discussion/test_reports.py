"""What the publisher tells the service: what it wrote, what readers get, and what it cannot do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from plugins.cli.build import build_site
from plugins.discussion.client.http import Client
from plugins.discussion.client.snapshot import Snapshot
from plugins.discussion.publish import live_check, reports
from plugins.discussion.publish.built_site import Site
from plugins.discussion.publish.live_check import Fetcher, Lookout
from plugins.discussion.publish.publisher import Publisher
from plugins.discussion.publish.reports import Reporter
from plugins.shared import files as pages
from plugins.shared import redact
from plugins.shared.errors import ManifestError, PageError, SettingsError
from plugins.shared.settings import SiteSettings
from tests.discussion.api_server import Wire
from tests.discussion.samples import (
    accept,
    article,
    client_of,
    following,
    identifier,
    make_site,
    reply,
)
from tests.discussion.samples import eventually as soon

# A page is tried again after seconds only, and several threads need their turns.
eventually = partial(soon, seconds=30)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports and looks come at once."""
    monkeypatch.setattr(reports, "WINDOW_SECONDS", 0.05)
    monkeypatch.setattr(reports, "PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr(reports, "TICK_SECONDS", 0.01)
    monkeypatch.setattr(live_check, "TICK_SECONDS", 0.01)
    monkeypatch.setattr(live_check, "FIRST_SECONDS", 0.01)
    monkeypatch.setattr(live_check, "AGAIN_SECONDS", 0.05)


@pytest.fixture
def site(environ: Path) -> Path:
    build_site(make_site(environ), Path("pelicanconf.py"), Path("output"))
    return environ


@pytest.fixture
def store(site: Path) -> Path:
    return site / "var" / "discussions.sqlite3"


def known(wire: Wire) -> dict[str, Any]:
    """What the service knows after all reports: by key (revision, seen, why)."""
    found: dict[str, Any] = {}
    for report in wire.reports:
        if report["complete"]:
            found = {}
        stalled = {one["key"]: one["why"] for one in report["stalled"]}
        for one in report["pages"]:
            seen = found.get(one["key"], (0, None, None))[1]
            found[one["key"]] = (one["written"], one["live"] or seen, stalled.get(one["key"]))
        for key in stalled.keys() - {one["key"] for one in report["pages"]}:
            found[key] = (*found.get(key, (0, None, None))[:2], stalled[key])
    return found


def why(wire: Wire, key: str = "networking") -> str:
    return known(wire).get(key, (0, None, None))[2] or ""


def test_all_pages_are_reported_at_the_start_and_after_a_build(
    wire: Wire, site: Path, store: Path
) -> None:
    wire.put("networking", [reply(1)])
    with following(site / "output", store, wire.url):
        eventually(lambda: known(wire).get("networking") == (1, None, None))
        assert wire.reports[0]["complete"]
        assert [one["key"] for one in wire.reports[0]["pages"]] == [
            "feedback",
            "meetings",
            "networking",
        ]
        count = len(wire.reports)
        (site / "content" / "new.md").write_text(article("New", "new"))
        build_site(site, Path("pelicanconf.py"), Path("output"))
        eventually(lambda: "new" in known(wire))
        assert any(one["complete"] for one in wire.reports[count:])


def test_what_is_written_is_reported_and_nothing_else(wire: Wire, site: Path, store: Path) -> None:
    with following(site / "output", store, wire.url):
        eventually(lambda: bool(known(wire)))
        wire.put("networking", [reply(1)])
        eventually(lambda: known(wire)["networking"] == (1, None, None))
        wire.put("networking", [reply(1), reply(2)])
        eventually(lambda: known(wire)["networking"] == (2, None, None))
        assert [one["key"] for one in wire.reports[-1]["pages"]] == ["networking"]
        assert not wire.reports[-1]["complete"]
        assert wire.reports[-1]["trouble"] is None


def test_a_single_round_reports_too(wire: Wire, site: Path, store: Path) -> None:
    wire.put("meetings", [reply(1)])
    with Snapshot(store) as snapshot, client_of(wire.url) as client:
        Publisher(site / "output", snapshot, client).once()
        assert known(wire)["meetings"] == (1, None, None)
        wire.report_failures = [500] * 9
        assert Publisher(site / "output", snapshot, client).once() == 0


def test_a_report_that_failed_comes_again_with_what_is_new(
    wire: Wire, site: Path, store: Path
) -> None:
    with following(site / "output", store, wire.url):
        eventually(lambda: bool(known(wire)))
        wire.report_failures = [422]
        wire.put("networking", [reply(1)])
        eventually(lambda: not wire.report_failures)
        wire.put("meetings", [reply(2)])
        eventually(lambda: known(wire)["meetings"][0] == 2)
        eventually(lambda: known(wire)["networking"][0] == 1)


def test_reports_never_hold_up_a_page(wire: Wire, site: Path, store: Path) -> None:
    """A report that nobody answers, and pages that come all the same."""

    class Stuck(Client):
        free = threading.Event()

        def report(self, report: Any) -> list[str]:
            self.free.wait(20)
            return []

    asks = Stuck(wire.url, "the-token-of-the-tests")
    with following(site / "output", store, wire.url, asks):
        shown = site / "output" / "networking" / "index.html"
        for number in range(1, 4):
            wire.put("networking", [reply(number)])
            text = f"Reply number {number}."
            soon(lambda text=text: text in shown.read_text())  # type: ignore[misc]
        asks.free.set()


def test_a_restored_service_is_told_everything_anew(
    wire: Wire, site: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plugins.discussion.publish.publisher.LOST_SECONDS", 0.1)
    for number in range(1, 6):
        wire.put("networking", [reply(number)])
    with following(site / "output", store, wire.url):
        eventually(lambda: known(wire).get("networking") == (5, None, None))
        wire.reports.clear()
        wire.replace("epoch-2", {"meetings": [reply(1)]})
        accept(store, wire.url)
        eventually(lambda: known(wire).get("meetings") == (1, None, None))
        whole = next(one for one in wire.reports if one["complete"])
        assert whole["epoch"] == "epoch-2"
        assert known(wire)["networking"] == (0, None, None)


def test_a_leak_stalls_its_page_until_it_is_gone(wire: Wire, site: Path, store: Path) -> None:
    wire.private.add("tom@x.example")
    with following(site / "output", store, wire.url):
        eventually(lambda: bool(known(wire)))
        wire.put("networking", [reply(1, html="<p>Ask tom@x.example.</p>")])
        eventually(lambda: f"Reply {identifier(1)} of 'networking': its text" in why(wire))
        wire.put("networking", [reply(2)])
        eventually(lambda: known(wire)["networking"] == (2, None, None))
        assert "tom@x.example" not in str(wire.reports)


def test_a_page_without_its_marker_is_reported_and_the_others_go_on(
    wire: Wire, site: Path, store: Path
) -> None:
    broken = site / "output" / "networking" / "index.html"
    good = broken.read_bytes()
    with following(site / "output", store, wire.url):
        eventually(lambda: bool(known(wire)))
        pages.replace(broken, good.replace(b"<!--region discussion", b"<!--discussion"))
        wire.put("networking", [reply(1)])
        wire.put("meetings", [reply(2)])
        eventually(lambda: "marker" in why(wire))
        eventually(lambda: known(wire)["meetings"] == (2, None, None))
        pages.replace(broken, good)
        eventually(lambda: known(wire)["networking"] == (1, None, None))


@pytest.mark.parametrize(("number", "words"), [(28, "No space left"), (13, "Permission denied")])
def test_a_disk_that_takes_no_pages_is_reported(
    wire: Wire,
    site: Path,
    store: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    words: str,
) -> None:
    replace: Callable[[Path, bytes], None] = pages.replace
    full = threading.Event()
    full.set()

    def fails(path: Path, data: bytes) -> None:
        if full.is_set():
            error = OSError(number, words)
            raise PageError(f"{path} cannot be written ({error.strerror}).")
        replace(path, data)

    monkeypatch.setattr(pages, "replace", fails)
    with following(site / "output", store, wire.url):
        eventually(lambda: bool(known(wire)))
        wire.put("networking", [reply(1)])
        eventually(lambda: words in why(wire))
        eventually(lambda: words in str(wire.reports[-1]["trouble"]))
        assert known(wire)["networking"][0] == 0
        full.clear()
        eventually(lambda: known(wire)["networking"] == (1, None, None))
        eventually(lambda: wire.reports[-1]["trouble"] is None)


def test_a_cause_names_files_below_the_output_and_nothing_of_the_machine(
    wire: Wire, site: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    with following(site / "output", store, wire.url):
        eventually(lambda: bool(known(wire)))
        monkeypatch.setattr("os.fsync", full)
        wire.put("networking", [reply(1)])
        told = "networking/index.html cannot be written (No space left on device)."
        eventually(lambda: why(wire) == told)
        eventually(lambda: str(wire.reports[-1]["trouble"]).startswith("index.html cannot be"))
    assert str(site) not in str(wire.reports)


@pytest.mark.parametrize("whose", ["output", "var"])
def test_an_alarm_about_a_whole_round_shows_nothing_of_the_machine(
    wire: Wire, site: Path, store: Path, monkeypatch: pytest.MonkeyPatch, whose: str
) -> None:
    failing = threading.Event()
    failing.set()
    opened = Site.open

    def fails(output: Path, *rest: Any) -> Site:
        if failing.is_set() and whose == "output":
            raise ManifestError(f"{output.resolve()}/.discussion/pages.sqlite3 is missing.")
        if failing.is_set():
            raise PermissionError(13, "Permission denied", str(store.parent / "site.lock"))
        return opened(output, *rest)

    monkeypatch.setattr(Site, "open", fails)
    with following(site / "output", store, wire.url) as publisher:
        publisher._reporter.begin(wire.epoch)
        told = {
            "output": ".discussion/pages.sqlite3 is missing.",
            "var": "Permission denied: site.lock",
        }
        eventually(lambda: [one["trouble"] for one in wire.reports] == [told[whose]])
        failing.clear()
        eventually(lambda: wire.reports[-1]["trouble"] is None)
    assert str(site) not in str(wire.reports)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("/srv/site/output/a/index.html cannot", "a/index.html cannot"),
        ("in '/srv/site/var/x.sqlite3'.", "in 'x.sqlite3'."),
        ("/srv/site/output is gone; /srv/site/content/a.md", "output is gone; content/a.md"),
        ("/srv/site/outputs/a /srv/sites", "outputs/a /srv/sites"),
        ("https://r.example/srv/site/output/a/", "https://r.example/srv/site/output/a/"),
    ],
)
def test_only_paths_of_the_site_are_shortened(text: str, told: str) -> None:
    folders = [Path("/srv/site/output"), Path("/srv/site/var"), Path("/srv/site"), Path("/")]
    assert redact.relative(text, folders) == told


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PermissionError(13, "Permission denied", "/srv/site/var/a"), "Permission denied: var/a"),
        (PermissionError(13, "Permission denied", "/etc/other/key"), "Permission denied: key"),
        (OSError(28, "No space left"), "No space left; its log says more."),
        (KeyError("/srv/site/secret"), "KeyError; its log says more."),
    ],
)
def test_what_nobody_planned_for_is_told_without_paths(error: Exception, told: str) -> None:
    assert redact.unexpected(error, [Path("/srv/site")]) == told


def test_without_a_build_the_service_is_told_so(wire: Wire, environ: Path) -> None:
    make_site(environ)
    store = environ / "var" / "discussions.sqlite3"
    store.parent.mkdir()
    with following(environ / "output", store, wire.url):
        eventually(lambda: any("rejoinder build" in str(one["trouble"]) for one in wire.reports))
        build_site(environ, Path("pelicanconf.py"), Path("output"))
        eventually(lambda: wire.reports[-1]["trouble"] is None and "networking" in known(wire))


def test_a_leak_in_a_long_discussion_stops_neither_the_others_nor_the_feeds(
    wire: Wire, environ: Path
) -> None:
    settings = 'SITEURL = "https://r.example"\nDISCUSSION_PAGE_SIZE = 2\n'
    site = make_site(environ, settings=settings)
    build_site(site, Path("pelicanconf.py"), Path("output"))
    wire.private.add("tom@x.example")
    output = site / "output"
    with following(output, site / "var" / "discussions.sqlite3", wire.url):
        leak = reply(5, html="<p>Ask tom@x.example.</p>")
        wire.put("networking", [reply(1), reply(2), reply(3), leak])
        wire.put("meetings", [reply(6)])
        eventually(lambda: known(wire).get("meetings", (0,))[0] == 2)
        eventually(lambda: "its text contains" in why(wire))
        wire.put("networking", [reply(1), reply(2), reply(3)])
        eventually(lambda: known(wire)["networking"] == (3, None, None))
        feed = output / "feeds" / "replies.atom"
        eventually(lambda: feed.exists() and "Reader 6" in feed.read_text())
    for path in output.resolve().rglob("*.html"):
        assert "tom@x.example" not in path.read_text()


# Nothing but what is said: the reporter alone.


@dataclass
class Service:
    """Takes reports, or refuses them."""

    reports: list[Any] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)

    def report(self, report: Any) -> list[str]:
        self.reports.append(report)
        return self.unseen


def reporter(service: Service, **hooks: Any) -> Reporter:
    return Reporter(service, **hooks)  # type: ignore[arg-type]


def test_the_same_news_is_told_once() -> None:
    service = Service()
    tells = reporter(service)
    tells.complete("e", {"a": 1, "b": 2}, {}, {})
    tells.send()
    tells.send()
    assert len(service.reports) == 1
    tells.stalled("a", "The disk is full.")
    tells.send()
    tells.stalled("a", "The disk is full.")
    tells.trouble("round", None)
    tells.send()
    assert len(service.reports) == 2
    assert service.reports[1].stalled == {"a": "The disk is full."}
    assert [one.written for one in service.reports[1].pages] == [1]


def test_nothing_is_said_before_it_is_known_of_which_database() -> None:
    service = Service()
    tells = reporter(service)
    tells.trouble("build", "There is none.")
    tells.send()
    assert service.reports == []
    tells.begin("e")
    tells.send()
    assert (service.reports[0].epoch, service.reports[0].trouble) == ("e", "There is none.")


def test_pages_that_nobody_saw_are_looked_at() -> None:
    expected: list[tuple[str, int]] = []
    service = Service(unseen=["a", "gone"])
    tells = reporter(service, expect=lambda key, revision: expected.append((key, revision)))
    tells.complete("e", {"a": 7}, {}, {})
    tells.send()
    assert expected == [("a", 7)]


def test_a_cause_is_cut_to_what_the_service_takes() -> None:
    service = Service()
    tells = reporter(service)
    tells.complete("e", {}, {"a": "x" * 5000}, {"index.html": "y" * 5000})
    tells.send()
    assert len(service.reports[0].stalled["a"]) == 1000
    assert len(service.reports[0].trouble) == 1000


# Looking at pages as readers get them.


@dataclass
class Web:
    """A web server: by path a status, headers and a body, or what gives one."""

    pages: dict[str, tuple[int, Mapping[str, str], bytes]] = field(default_factory=dict)
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    url: str = ""

    def show(self, key: str, revision: int, path: str = "/networking/") -> None:
        body = f"<!doctype html><!--region discussion {key} {revision}-->".encode()
        self.pages[path] = (200, {}, body)


@pytest.fixture
def web() -> Iterator[Web]:
    with serving(Web()) as web:
        yield web


@contextmanager
def serving(web: Web) -> Iterator[Web]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            return

        def do_GET(self) -> None:
            web.asked.append((self.path, dict(self.headers)))
            status, headers, body = web.pages.get(self.path, (404, {}, b""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    web.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_page_is_fetched_as_a_reader_does(web: Web) -> None:
    web.show("größe-ü", 41)
    web.pages["/networking/"] = (
        200,
        {},
        b"x" * 65_530 + b"<!--region discussion gr%C3%B6%C3%9Fe-%C3%BC 41-->",
    )
    assert Fetcher().revision(f"{web.url}/networking/", "größe-ü") == 41
    headers = {name.lower() for name in web.asked[0][1]}
    assert not headers & {"authorization", "cookie"}
    assert "gzip" in web.asked[0][1]["Accept-Encoding"]


def test_a_redirect_on_the_same_host_is_followed(web: Web) -> None:
    web.pages["/old/"] = (301, {"Location": "/networking/"}, b"")
    web.show("networking", 3)
    assert Fetcher().revision(f"{web.url}/old/", "networking") == 3


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((404, {}, b""), "answers 404"),
        ((502, {}, b""), "answers 502"),
        ((302, {"Location": "http://elsewhere.example/"}, b""), "leads to another host"),
        ((302, {"Location": "/networking/"}, b""), "from one address to the next"),
        ((200, {}, b"<h1>Something else</h1>"), "has no marker"),
        ((200, {"Content-Encoding": "gzip"}, b"no gzip"), "cannot be fetched"),
        ((200, {}, b"x" * 3_000_000), "too long"),
    ],
    ids=str,
)
def test_what_is_no_page_is_told_with_its_cause(
    web: Web, monkeypatch: pytest.MonkeyPatch, answer: Any, told: str
) -> None:
    monkeypatch.setattr(live_check, "MAX_BYTES", 1_000_000)
    web.pages["/networking/"] = answer
    with pytest.raises(PageError, match=told):
        Fetcher().revision(f"{web.url}/networking/", "networking")
    assert all("elsewhere" not in path for path, _ in web.asked)


def test_a_server_that_is_away_is_told(web: Web) -> None:
    with pytest.raises(PageError, match="cannot be fetched"):
        Fetcher().revision("http://127.0.0.1:9/networking/", "networking")


@dataclass
class Readers:
    """What readers get, and what came of looking."""

    shown: int | str = 0
    looks: int = 0
    seen: list[int] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)

    def look(self, url: str, key: str) -> int:
        self.looks += 1
        if isinstance(self.shown, str):
            raise PageError(self.shown)
        return self.shown

    @contextmanager
    def watched(self) -> Iterator[Lookout]:
        stop = threading.Event()
        lookout_ = Lookout(
            lambda _key, revision: self.seen.append(revision),
            lambda _key, cause: self.unseen.append(cause),
            self.look,
        )
        thread = threading.Thread(target=lookout_.run, args=(stop,), daemon=True)
        thread.start()
        yield lookout_
        stop.set()
        thread.join(5)
        assert not thread.is_alive()


URL = "https://r.example/networking/"


def test_a_page_is_watched_until_readers_get_it() -> None:
    readers = Readers(41)
    with readers.watched() as watching:
        watching.expect("networking", URL, 42)
        eventually(lambda: readers.looks > 2)
        assert readers.seen == []
        readers.shown = 42
        eventually(lambda: readers.seen == [42])
        assert watching.watching == 0
        looks = readers.looks
        threading.Event().wait(0.15)
        assert readers.looks == looks


def test_a_burst_is_looked_at_seldom_and_progress_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_check, "AGAIN_SECONDS", 0.3)
    readers = Readers(0)
    with readers.watched() as watching:
        for revision in range(1, 101):
            watching.expect("networking", URL, revision)
        eventually(lambda: readers.looks == 1)
        readers.shown = 60
        eventually(lambda: readers.seen == [60])
        readers.shown = 100
        eventually(lambda: readers.seen == [60, 100])
        assert readers.looks == 3


def test_a_page_that_readers_do_not_get_is_told_once_and_seen_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_check, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(live_check, "RARE_SECONDS", 0.1)
    readers = Readers(41)
    with readers.watched() as watching:
        watching.expect("networking", URL, 42)
        eventually(lambda: len(readers.unseen) == 1)
        assert f"{URL} still shows revision 41 instead of 42" in readers.unseen[0]
        assert "cache" in readers.unseen[0]
        looks = readers.looks
        eventually(lambda: readers.looks > looks + 1)
        readers.shown = 42
        eventually(lambda: readers.seen == [42])
    assert len(readers.unseen) == 1


def test_the_cause_that_was_found_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_check, "PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(live_check, "LONGEST_SECONDS", 0.4)
    monkeypatch.setattr(live_check, "RARE_SECONDS", 0.1)
    readers = Readers("It answers 502.")
    with readers.watched() as watching:
        watching.expect("networking", URL, 42)
        eventually(lambda: readers.unseen == ["It answers 502."])
        eventually(lambda: watching.watching == 0)


def test_a_number_of_another_database_is_not_taken_for_ours() -> None:
    readers = Readers(50)
    with readers.watched() as watching:
        watching.expect("networking", URL, 42)
        eventually(lambda: readers.looks > 2)
        assert readers.seen == []
        watching.forget()
        assert watching.watching == 0


def test_what_readers_get_is_reported(
    wire: Wire, site: Path, store: Path, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_check, "PATIENCE_SECONDS", 0.3)
    monkeypatch.setattr(live_check, "RARE_SECONDS", 0.05)
    with following(site / "output", store, wire.url, site_url=web.url):
        eventually(lambda: bool(known(wire)))
        wire.put("networking", [reply(1)])
        eventually(lambda: "answers 404" in why(wire))
        assert known(wire)["networking"][0] == 1
        web.show("networking", 1)
        eventually(lambda: known(wire)["networking"] == (1, 1, None))
        assert {path for path, _ in web.asked} == {"/networking/"}
        # What the service misses after a restart of the publisher is looked at too.
        wire.unseen = ["meetings"]
        build_site(site, Path("pelicanconf.py"), Path("output"))
        web.show("meetings", 0, "/meetings/")
        eventually(lambda: "/meetings/" in [path for path, _ in web.asked])


def test_whether_to_look_is_a_setting() -> None:
    on = SiteSettings.from_environ({"REJOINDER_SITE_URL": "https://r.example/"})
    assert (on.site_url, on.check_live) == ("https://r.example", True)
    assert not SiteSettings.from_environ({"REJOINDER_CHECK_LIVE": "off"}).check_live
    assert SiteSettings.from_environ({}).site_url == ""
    with pytest.raises(SettingsError, match="REJOINDER_CHECK_LIVE"):
        SiteSettings.from_environ({"REJOINDER_CHECK_LIVE": "sometimes"})
