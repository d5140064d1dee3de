"""A title is plain text and reads the same wherever it is shown."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path

import pytest
from lxml import etree, html

from plugins.cli.build import build_site
from tests.discussion.api_server import Wire
from tests.discussion.samples import reply

ROOT = Path(__file__).parents[2]
TITLE = "I <3 meetings, and 5 > 4 people come & <b>so</b> on"
TAG = "A <3 B > C"
SETTINGS = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
# Another test's settings may have these names in this process.
for name in ("pelicanconf", "publishconf"):
    sys.modules.pop(name, None)
from publishconf import *
for name in ("pelicanconf", "publishconf"):
    sys.modules.pop(name, None)
PATH = "content"
QUICK_CACHE = None
QUICK_PROCESSES = 2
DISCUSSION_SNAPSHOT = None
SITENAME = "Notes > 1 & <2 of us>"
"""


@pytest.fixture
def site(environ: Path, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REJOINDER_SITE_URL", "https://r.example")
    (environ / "content/pages").mkdir(parents=True)
    (environ / "content/images").mkdir()
    (environ / "content/plan.md").write_text(
        f"Title: {TITLE}\nDate: 2026-11-20\nCategory: Careers\nTags: {TAG}\n"
        "Question: Is 3 <4 or 4> 3?\nAuthor: Ann\n\nWords.\n"
    )
    (environ / "content/pages/about.md").write_text(f"Title: {TITLE}\nSlug: about\n\nWords.\n")
    (environ / "settings.py").write_text(SETTINGS)
    return environ


def test_a_title_reads_the_same_everywhere(site: Path, wire: Wire) -> None:
    slug = "i-3-meetings-and-5-4-people-come-bsob-on"
    wire.put(slug, [reply(1)])
    output = build_site(site, Path("settings.py"), Path("output")).root
    page = html.fromstring((output / slug / "index.html").read_bytes())
    assert page.findtext(".//title").startswith(TITLE)
    assert page.findtext(".//h1") == TITLE
    told = {
        one.get("property"): one.get("content")
        for name in (slug, "about")
        for one in html.fromstring((output / name / "index.html").read_bytes()).iter("meta")
    }
    assert told["og:title"] == TITLE
    assert told["og:site_name"] == "Notes > 1 & <2 of us>"
    data = json.loads(page.find("head").findtext("script"))
    assert data["headline"] == TITLE
    feeds = output / "feeds"
    for name in ("all.atom.xml", "all.rss.xml"):
        feed = etree.parse(feeds / name)
        assert texts(feed, "title") == ["Notes > 1 & <2 of us>", TITLE]
    assert texts(etree.parse(feeds / "tag/a-c.atom.xml"), "title")[0].endswith(f" - {TAG}")
    replies = etree.parse(output / slug / "replies.atom")
    assert texts(replies, "title")[0] == f"Replies to “{TITLE}”"
    (registered,) = [one for one in wire.pages if one["key"] == slug]
    assert registered["title"] == TITLE
    assert registered["question"] == "Is 3 <4 or 4> 3?"
    assert escape(TITLE) in (output / "index.html").read_text()


def test_the_projects_own_templates_are_pure(site: Path, capfd: pytest.CaptureFixture[str]) -> None:
    build_site(site, Path("settings.py"), Path("output"))
    assert "QUICK_PURE" not in capfd.readouterr().err


def texts(feed: etree._ElementTree, name: str) -> list[str]:
    return [str(one.text) for one in feed.iterfind(f".//{{*}}{name}")]
