"""What the built site tells feed readers, search engines and whoever shows a link to it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import feedparser
import pytest
from lxml import html
from PIL import Image

from plugins import robots
from plugins.discussion.render.feeds import page_id
from tests.discussion.api_server import TOKEN, serve
from tests.discussion.samples import reply
from tests.reading.feeds import problems

ROOT = Path(__file__).parents[2]
SITE = "https://rejoinder.example"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's own articles as the public site has them, with replies to one; built twice."""
    root = tmp_path_factory.mktemp("public")
    for name in ("content", "theme", "pelicanconf.py", "publishconf.py"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, root / name)
    with serve() as wire:
        wire.put("networking", [reply(1), reply(2, 1)])
        environ = {
            **os.environ,
            "REJOINDER_SITE_URL": SITE,
            "REJOINDER_SERVICE_URL": wire.url,
            "REJOINDER_API_TOKEN": TOKEN,
            "REJOINDER_VAR": "var",
        }
        command = [sys.executable, "-m", "rejoinder", "build", "--settings", "publishconf.py"]
        for _ in range(2):
            done = subprocess.run(
                command, cwd=root, env=environ, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
    return root / "output"


def head(site: Path, name: str) -> Any:
    return html.fromstring((site / name / "index.html").read_bytes()).find("head")


def told(site: Path, name: str) -> dict[str, str]:
    return {
        one.get("property") or one.get("name"): one.get("content")
        for one in head(site, name).iter("meta")
        if one.get("content")
    }


def structured(site: Path, name: str) -> Any:
    return json.loads(head(site, name).findtext("script"))


def test_every_feed_is_valid(site: Path) -> None:
    feeds = [*(site / "feeds").rglob("*.xml"), *site.rglob("*.atom")]
    assert len(feeds) > 10
    assert {str(one.relative_to(site)): problems(one.read_bytes()) for one in feeds} == {
        str(one.relative_to(site)): [] for one in feeds
    }


def test_the_judge_finds_what_is_wrong(site: Path) -> None:
    rss = (site / "feeds" / "all.rss.xml").read_bytes()
    atom = (site / "feeds" / "all.atom.xml").read_bytes()
    assert problems(rss.replace(b' isPermaLink="false"', b""))
    assert problems(rss.replace(b"<pubDate>Thu,", b"<pubDate>Thursday,"))
    assert problems(atom.replace(b"<name>", b"<email>a@b.c</email><name>", 1))
    assert problems(re.sub(rb"<updated>[^<]*", b"<updated>today", atom))
    assert problems(re.sub(rb"urn:uuid:[-0-9a-f]{36}", b"urn:uuid:the-same", atom))


def test_atom_and_rss_tell_the_same_whole_articles_under_the_same_ids(site: Path) -> None:
    atom, rss = (feedparser.parse(site / "feeds" / f"all.{one}.xml") for one in ("atom", "rss"))
    assert [one.id for one in atom.entries] == [one.id for one in rss.entries]
    assert page_id("networking") in [one.id for one in rss.entries]
    for one, other in zip(atom.entries, rss.entries, strict=True):
        assert one.content[0].value == other.summary
        assert len(other.summary) > 3000


def test_pages_lead_to_the_feeds(site: Path) -> None:
    def feeds(name: str) -> set[tuple[str, str]]:
        links = head(site, name).findall("link[@rel='alternate']")
        return {(one.get("type"), one.get("href").removeprefix(SITE)) for one in links}

    everywhere = {
        ("application/atom+xml", "/feeds/all.atom.xml"),
        ("application/rss+xml", "/feeds/all.rss.xml"),
    }
    assert feeds("about") == everywhere
    replies = ("application/atom+xml", "/networking/replies.atom")
    assert feeds("networking") == everywhere | {replies}
    careers = ("application/atom+xml", "/feeds/category/careers.atom.xml")
    assert feeds("category/careers") == everywhere | {careers}
    for name in ("networking", "category/careers", "tag/trust", "author/edie-farrow"):
        for _, path in feeds(name):
            assert (site / path.lstrip("/")).is_file()


def test_an_article_says_what_is_shown_of_it_elsewhere(site: Path) -> None:
    shown = told(site, "networking")
    assert shown["og:type"] == "article"
    assert shown["og:title"] == "How to network when you would rather be at home"
    assert shown["og:url"] == f"{SITE}/networking/"
    assert shown["og:site_name"] == "Rejoinder"
    assert shown["og:description"] == shown["description"]
    assert shown["article:published_time"] == "2026-11-19T08:30:00+00:00"
    assert shown["twitter:card"] == "summary_large_image"
    card = site / shown["og:image"].removeprefix(f"{SITE}/")
    with Image.open(card) as picture:
        assert picture.size == (int(shown["og:image:width"]), int(shown["og:image:height"]))


def test_every_page_has_one_card_one_canonical_address_and_a_colour(site: Path) -> None:
    pages = [path for path in site.rglob("index.html") if "replies" not in path.parts]
    assert len(pages) > 20
    for path in pages:
        top = html.fromstring(path.read_bytes()).find("head")
        (canonical,) = top.findall("link[@rel='canonical']")
        if len(top.findall("meta[@property='og:image']")) != 1:
            # A redirect is no page to show.
            assert top.find("meta[@http-equiv='refresh']") is not None, path
            continue
        assert top.find("meta[@property='og:url']").get("content") == canonical.get("href")
        assert len(top.findall("meta[@name='theme-color']")) == 2


def test_structured_data_has_what_search_engines_ask_for(site: Path) -> None:
    data = structured(site, "networking")
    assert data["@type"] == "BlogPosting"
    assert data["inLanguage"] == "en"
    assert data["mainEntityOfPage"] == data["url"] == f"{SITE}/networking/"
    assert data["image"] == told(site, "networking")["og:image"]
    assert 900 < data["wordCount"] < 1200
    assert data["publisher"] == {
        "@type": "Organization",
        "name": "Rejoinder",
        "url": f"{SITE}/",
    }
    assert data["author"] == [
        {"@type": "Person", "name": "Mara Lindqvist", "url": f"{SITE}/author/mara-lindqvist/"}
    ]
    assert data["commentCount"] == len(data["comment"]) == 2
    assert "@" not in json.dumps(data).replace('"@', '"')


def test_robots_are_kept_from_queue_and_service_and_led_to_the_sitemap(site: Path) -> None:
    lines = (site / "robots.txt").read_text().splitlines()
    assert lines == [
        "User-agent: *",
        "Disallow: /comments/",
        "Disallow: /moderate",
        "",
        f"Sitemap: {SITE}/sitemap.xml",
    ]
    assert (site / "sitemap.xml").is_file()


def test_robots_of_a_site_below_a_path_name_the_path() -> None:
    text = robots.text({"SITEURL": "https://r.example/blog"})
    assert "Disallow: /blog/comments/\n" in text
    assert "Disallow: /blog/moderate\n" in text
    assert text.endswith("Sitemap: https://r.example/blog/sitemap.xml\n")


def test_articles_and_their_cards_are_taken_over_from_the_build_before(site: Path) -> None:
    builds = sorted((site.parent / "var" / "builds").iterdir(), key=lambda one: one.name)
    first, second = [one for one in builds if one.name.endswith("-output")]
    articles = [path.stem for path in (site.parent / "content").glob("*.md")]
    files = [Path(name, "index.html") for name in articles]
    files += [path.relative_to(first) for path in (first / "cards").iterdir()]
    files += [path.relative_to(first) for path in (first / "author").rglob("index.html")]
    made_anew = [
        str(one) for one in files if (first / one).stat().st_ino != (second / one).stat().st_ino
    ]
    assert len(files) > 20
    assert made_anew == []
