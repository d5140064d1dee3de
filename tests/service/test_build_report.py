"""A site that is not built, or not as its sources are, says so instead of failing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import requests

from tests.running import running_service
from tests.service.pages import Page, signed_in
from tests.service.test_live_reload import NAVIGATES, PAGE, build, changed

REPORT = "content/plan.md:3: Date “<never>” is not a date"


def get(url: str, **headers: str) -> requests.Response:
    return requests.get(url, headers=headers, timeout=5)


@pytest.mark.parametrize("live", [False, True])
def test_before_the_first_build_every_address_waits(tmp_path: Path, live: bool) -> None:
    with running_service(tmp_path, site_dir=tmp_path / "output", live_reload=live) as service:
        for path in ("/", "/a/", "/feed.xml", "/.discussion/pages.sqlite3"):
            answer = get(service.url + path, **NAVIGATES)
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) > 0
            assert re.search(r'<meta http-equiv="refresh" content="\d+">', answer.text)
            assert answer.headers["Cache-Control"] == "no-store"
        assert get(f"{service.url}/moderate/sign-in").status_code == 200
        build(tmp_path, "one")
        assert get(f"{service.url}/a/").text == PAGE


def test_a_site_that_was_never_built_says_why(tmp_path: Path) -> None:
    (tmp_path / "report.txt").write_text(REPORT)
    with running_service(
        tmp_path, site_dir=tmp_path / "output", site_report=tmp_path / "report.txt"
    ) as service:
        answer = get(f"{service.url}/a/")
        assert answer.status_code == 503
        assert "content/plan.md:3: Date “&lt;never&gt;” is not a date" in answer.text


def test_open_pages_show_the_report_until_it_is_gone(tmp_path: Path) -> None:
    build(tmp_path, "one")
    report = tmp_path / "report.txt"
    with running_service(
        tmp_path, site_dir=tmp_path / "output", site_report=report, live_reload=True
    ) as service:
        before = get(f"{service.url}/a/", **NAVIGATES).text
        told = changed(service, before)
        report.write_text(REPORT)
        assert told.wait(5)
        shown = get(f"{service.url}/a/", **NAVIGATES).text
        assert "“&lt;never&gt;” is not a date" in shown
        # Other requests get the bytes of the file.
        assert get(f"{service.url}/a/").text == PAGE
        told = changed(service, shown)
        report.unlink()
        assert told.wait(5)
        assert "never" not in get(f"{service.url}/a/", **NAVIGATES).text


def alarms(html: str) -> list[str]:
    return [one.text for one in Page(html).elements if one.attributes.get("class") == "alarm"]


def test_the_queue_shows_the_report_until_it_is_gone(tmp_path: Path) -> None:
    report = tmp_path / "report.txt"
    # A web server serves the site here: only editors see the report.
    with running_service(tmp_path, site_report=report) as service:
        editor = signed_in(service)
        assert alarms(editor.get().text) == []
        report.write_text(f"The build failed:\n{REPORT}\n")
        (alarm,) = alarms(editor.get().text)
        assert REPORT in alarm
        assert "last build of the site" in alarm
        assert REPORT not in get(f"{service.url}/moderate/sign-in").text
        report.unlink()
        assert alarms(editor.get().text) == []


def test_the_queue_shows_the_beginning_of_a_long_report(tmp_path: Path) -> None:
    report = tmp_path / "report.txt"
    report.write_text("".join(f"content/{n}.md:1: No title\n" for n in range(1000)))
    with running_service(tmp_path, site_report=report) as service:
        (alarm,) = alarms(signed_in(service).get().text)
    assert "content/0.md:1: No title" in alarm
    assert "content/999.md" not in alarm
    assert "… and 980 more lines" in alarm
