"""Pages of `rejoinder serve` reload when they change; their files never have a script."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.running import Service, running_service

PAGE = "<!doctype html><title>A</title><body><p>Words.</p></body>\n"
NAVIGATES = {"Sec-Fetch-Dest": "document"}


def build(root: Path, name: str, page: str = PAGE) -> None:
    """A build that is shown at once, as builds are."""
    folder = root / name / "a"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text(page)
    (root / name / "404.html").write_text(PAGE)
    (root / name / "feed.xml").write_text("<feed/>")
    link = root / "new"
    link.symlink_to(root / name)
    link.replace(root / "output")


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Service]:
    build(tmp_path, "one")
    with running_service(tmp_path, site_dir=tmp_path / "output", live_reload=True) as running:
        yield running


def get(service: Service, path: str, **headers: str) -> requests.Response:
    return requests.get(service.url + path, headers=headers, timeout=60)


def changed(
    service: Service, html: str, listening: threading.Event | None = None
) -> threading.Event:
    """Listens as the script would; set when the page is told to have changed."""
    file, version = (html.split(f'data-{name}="')[1].split('"')[0] for name in ("file", "version"))
    told = threading.Event()

    def listen() -> None:
        with requests.get(
            f"{service.url}/.live/changes",
            params={"file": file, "version": version},
            stream=True,
            timeout=60,
        ) as answer:
            if listening is not None:
                listening.set()
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            if any(line == b"data: changed" for line in answer.iter_lines()):
                told.set()

    threading.Thread(target=listen, daemon=True).start()
    return told


def test_only_a_browser_that_navigates_gets_the_script(live: Service, tmp_path: Path) -> None:
    assert get(live, "/a/").text == PAGE
    shown = get(live, "/a/", **NAVIGATES)
    assert shown.headers["Cache-Control"] == "no-store"
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    before, script = shown.text.split('<script src="/.live/reload.js"')
    assert before + "</body>" + script.split("</script></body>")[1] == PAGE
    assert (tmp_path / "one/a/index.html").read_text() == PAGE
    assert get(live, "/feed.xml", **NAVIGATES).text == "<feed/>"
    missing = get(live, "/nowhere/", **NAVIGATES)
    assert missing.status_code == 404
    assert "/.live/reload.js" in missing.text
    # A copy without the script, from an earlier run, must not be taken for this page.
    tag = get(live, "/a/").headers["ETag"]
    assert get(live, "/a/", **NAVIGATES, **{"If-None-Match": tag}).status_code == 200
    assert get(live, "/.live/reload.js").headers["Content-Type"].startswith("text/javascript")


@pytest.mark.parametrize("path", ["/a/", "/nowhere/", "/%22%3E%3Cb%3E/"])
def test_a_build_is_told(live: Service, tmp_path: Path, path: str) -> None:
    told = changed(live, get(live, path, **NAVIGATES).text)
    assert not told.wait(0.3)
    build(tmp_path, "two")
    assert told.wait(60)


def test_a_page_that_the_publisher_replaces_is_told_and_others_are_not(
    live: Service, tmp_path: Path
) -> None:
    told = changed(live, get(live, "/a/", **NAVIGATES).text)
    other = changed(live, get(live, "/nowhere/", **NAVIGATES).text)
    page = tmp_path / "one/a/index.html"
    fresh = page.with_name("new")
    fresh.write_text(PAGE)
    fresh.replace(page)
    assert told.wait(60)
    assert not other.is_set()


def test_what_changed_before_anybody_listened_is_told(live: Service, tmp_path: Path) -> None:
    html = get(live, "/a/", **NAVIGATES).text
    build(tmp_path, "two")
    assert changed(live, html).wait(60)


def test_no_name_leads_out_of_the_site(live: Service) -> None:
    for file in ("../../etc/passwd", "/etc/passwd", "a\0b", "x" * 5000):
        answer = requests.get(
            f"{live.url}/.live/changes", params={"file": file, "version": "x"}, timeout=60
        )
        assert answer.text.endswith("data: changed\n\n")


def test_without_the_setting_there_is_nothing_of_it(tmp_path: Path) -> None:
    build(tmp_path, "one")
    with running_service(tmp_path, site_dir=tmp_path / "output") as service:
        assert get(service, "/a/", **NAVIGATES).text == PAGE
        assert get(service, "/.live/reload.js").status_code == 404


def test_a_service_that_stops_does_not_wait_for_whoever_listens(tmp_path: Path) -> None:
    build(tmp_path, "one")
    with running_service(tmp_path, site_dir=tmp_path / "output", live_reload=True) as service:
        listening = threading.Event()
        changed(service, get(service, "/a/", **NAVIGATES).text, listening)
        assert listening.wait(60)
    # Leaving the block waits for the service's end, and fails without it.
