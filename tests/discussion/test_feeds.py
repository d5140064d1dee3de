"""Feeds and sitemap, line by line of RFC 4287, RFC 4685 and the sitemap protocol."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import brotli
import pytest

from plugins.cli.build import build_site
from plugins.discussion.client.http import Client
from plugins.discussion.client.snapshot import Snapshot
from plugins.discussion.model import options
from plugins.discussion.model.discussions import Discussion, Page, read_discussion
from plugins.discussion.model.manifest import DEFAULTS
from plugins.discussion.model.options import RenderSettings
from plugins.discussion.publish.publisher import Publisher
from plugins.discussion.render.feeds import article_feed, page_id, reply_id
from plugins.shared.errors import SettingsError
from tests.discussion.api_server import Wire
from tests.discussion.samples import (
    article,
    discussion,
    identifier,
    make_site,
    removed,
    reply,
    tree,
)

ATOM = "{http://www.w3.org/2005/Atom}"
THR = "{http://purl.org/syndication/thread/1.0}"
MAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
PAGE = Page("networking", "https://r.example/networking/", "Networking & more", "How?")
SETTINGS = RenderSettings("https://r.example/comments", site_url="https://r.example")
PUBLIC = 'SITEURL = "https://r.example"\nFEED_ALL_ATOM = "feeds/all.atom.xml"\n'


def feed(comments: list[dict[str, Any]], page: Page = PAGE, revision: int = 7) -> str:
    read = read_discussion(discussion(comments, page.key, revision))
    return article_feed(read, page, SETTINGS, DEFAULTS) or ""


def parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text.encode())


def entries(text: str) -> dict[str, ElementTree.Element]:
    """The entries of a feed by their ids."""
    return {one.findtext(f"{ATOM}id", ""): one for one in parsed(text).iter(f"{ATOM}entry")}


def build(root: Path) -> Path:
    return build_site(root, Path("pelicanconf.py"), Path("output")).root


def test_a_feed_says_which_replies_are_the_editors_and_nothing_of_pins() -> None:
    plain = [reply(1, editor=True), reply(2)]
    titles = [one.findtext(f"{ATOM}title") for one in entries(feed(plain)).values()]
    assert titles == [
        "Reply by Reader 2 to “Networking & more”",
        "Reply by Reader 1 (editor) to “Networking & more”",
    ]
    assert feed([one | {"pinned": True, "locked": True} for one in plain]) == feed(plain)


def test_a_feed_has_what_the_format_demands() -> None:
    root = parsed(
        feed([reply(1), reply(2, 1, author={"name": "Ann", "url": "https://a.example/"})])
    )
    assert root.tag == f"{ATOM}feed"
    links = {one.get("rel"): one.attrib for one in root.findall(f"{ATOM}link")}
    assert links["self"]["href"] == "https://r.example/networking/replies.atom"
    assert links["self"]["type"] == "application/atom+xml"
    assert links["alternate"]["href"] == PAGE.url
    for one in (root, *root.iter(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            assert len(one.findall(f"{ATOM}{name}")) == 1
        assert datetime.fromisoformat(one.findtext(f"{ATOM}updated", "")).tzinfo is not None
    for one in root.iter(f"{ATOM}entry"):
        assert one.find(f"{ATOM}author/{ATOM}name") is not None
    assert [one.findtext(f"{ATOM}author/{ATOM}uri") for one in root.iter(f"{ATOM}entry")] == [
        "https://a.example/",
        None,
    ]


def test_ids_are_permanent_and_unique() -> None:
    elsewhere = Page("networking", "https://other.example/new-slug/", "New", "How?")
    comments = [reply(1), reply(2, 1)]
    assert entries(feed(comments)).keys() == entries(feed(comments, elsewhere)).keys()
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", reply_id(identifier(1)))
    ids = {reply_id(identifier(n)) for n in range(50)} | {page_id("a"), page_id("b")}
    assert len(ids) == 52


def test_updated_moves_with_a_real_change_only() -> None:
    before = parsed(feed([reply(1), reply(2)])).findtext(f"{ATOM}updated")
    assert before == "2026-11-01T00:02:00Z"
    again = feed([reply(1), reply(2)], revision=99)
    assert parsed(again).findtext(f"{ATOM}updated") == before
    edited = feed([reply(1, edited="2026-11-03T00:00:00.5Z"), reply(2)])
    assert parsed(edited).findtext(f"{ATOM}updated") == "2026-11-03T00:00:00.500000Z"
    entry = entries(edited)[reply_id(identifier(1))]
    assert entry.findtext(f"{ATOM}published") == "2026-11-01T00:01:00Z"


def test_content_is_escaped_once_and_relative_links_have_a_base() -> None:
    html = '<p>1 &lt; 2 &amp; <a href="/x">y</a></p>\n'
    (entry,) = entries(feed([reply(1, html=html)])).values()
    content = entry.find(f"{ATOM}content")
    assert content is not None
    assert content.text == html
    assert content.get("type") == "html"
    assert content.get("{http://www.w3.org/XML/1998/namespace}base") == PAGE.url


def test_no_address_and_no_illegal_character_can_be_in_a_feed() -> None:
    text = feed([reply(1, author={"name": "A\x00\x0b\ufffe<b>", "url": None}, html="<p>\x1f</p>")])
    assert "<name>A&lt;b&gt;</name>" in text
    assert "email" not in text
    parsed(text)


def test_every_entry_names_what_it_answers() -> None:
    shown = entries(feed([reply(1), reply(2, 1), removed(3), reply(4, 3)]))
    answers = {}
    for one, entry in shown.items():
        told = entry.find(f"{THR}in-reply-to")
        assert told is not None
        assert told.get("type") == "text/html"
        answers[one] = (told.get("ref"), told.get("href"))
    one, two, three, four = (identifier(n) for n in range(1, 5))
    assert answers == {
        reply_id(one): (page_id("networking"), PAGE.url),
        reply_id(two): (reply_id(one), f"{PAGE.url}#comment-{one}"),
        reply_id(four): (reply_id(three), f"{PAGE.url}#comment-{three}"),
    }


def test_links_lead_to_the_page_on_which_a_reply_stands() -> None:
    page = Page("k", PAGE.url, "T", page_size=1, replies_url=f"{PAGE.url}replies/{{page}}/")
    text = feed([reply(1, position=1), reply(2, position=2), reply(3, 2, position=None)], page)
    link = entries(text)[reply_id(identifier(3))].find(f"{ATOM}link")
    assert link is not None
    assert link.get("href") == f"{PAGE.url}replies/2/#comment-{identifier(3)}"


def test_a_feed_exists_while_there_are_replies(wire: Wire, environ: Path) -> None:
    site = make_site(environ, settings=PUBLIC)
    wire.put("networking", [reply(1)])
    output = build(site)
    assert (output / "networking" / "replies.atom").is_file()
    assert not (output / "meetings" / "replies.atom").exists()
    assert (
        'href="https://r.example/networking/replies.atom"'
        in (output / "networking" / "index.html").read_text()
    )
    wire.put("networking", [])
    output = build(site)
    assert not list(output.rglob("*.atom"))
    assert "replies.atom" not in (output / "networking" / "index.html").read_text()


def test_without_an_absolute_address_there_are_no_feeds(wire: Wire, environ: Path) -> None:
    wire.put("networking", [reply(1)])
    output = build(make_site(environ))
    assert not list(output.rglob("*.atom"))
    assert not (output / "sitemap.xml").exists()
    assert "replies.atom" not in (output / "networking" / "index.html").read_text()


def test_the_articles_feed_tells_of_the_replies(wire: Wire, environ: Path) -> None:
    wire.put("networking", [reply(1), removed(2), reply(3, 2)])
    output = build(make_site(environ, settings=PUBLIC))
    told = entries((output / "feeds" / "all.atom.xml").read_text())
    assert set(told) == {page_id(key) for key in ("networking", "meetings", "feedback")}
    (link,) = [
        one
        for entry in told.values()
        for one in entry.findall(f"{ATOM}link")
        if one.get("rel") == "replies"
    ]
    assert link in list(told[page_id("networking")])
    assert link.attrib == {
        "rel": "replies",
        "type": "application/atom+xml",
        "href": "https://r.example/networking/replies.atom",
        f"{THR}count": "2",
        f"{THR}updated": "2026-11-01T00:03:00Z",
    }


def test_the_sites_feed_has_the_newest_replies_of_listed_articles(
    wire: Wire, environ: Path
) -> None:
    articles = {f"{key}.md": article(key, key) for key in "abc"}
    articles["hidden.md"] = article("hidden", "hidden", Status="hidden", Category="c")
    site = make_site(environ, articles, PUBLIC)
    wire.put("hidden", [reply(500)])
    for number, key in enumerate("abc"):
        wire.put(key, [reply(100 * number + n) for n in range(1, 31)])
    output = build(site)
    text = (output / "feeds" / "replies.atom").read_text()
    newest = [reply_id(identifier(n)) for n in [*range(230, 200, -1), *range(130, 110, -1)]]
    assert list(entries(text)) == newest
    assert (output / "hidden" / "replies.atom").is_file()
    index = (output / "index.html").read_text()
    assert re.findall(r'#comment-(\w+)"', index) == [identifier(n) for n in range(230, 225, -1)]


@pytest.mark.parametrize("page_size", ["0", "1"])
def test_a_discussion_that_changes_between_two_looks_is_shown_as_one_of_both(
    wire: Wire, environ: Path, monkeypatch: pytest.MonkeyPatch, page_size: str
) -> None:
    """A publisher beside a build replaces what the build is about to look at again."""
    first = [reply(1), reply(2, parent=1)]
    wire.put("networking", first)
    looked: list[int] = []
    original = Snapshot.get

    def get(self: Snapshot, key: str) -> Discussion:
        if key != "networking":
            return original(self, key)
        looked.append(1)
        now = first if len(looked) % 2 else [reply(3)]
        return read_discussion(discussion(now, key, revision=len(looked)))

    monkeypatch.setattr(Snapshot, "get", get)
    settings = f"{PUBLIC}DISCUSSION_PAGE_SIZE = {page_size}\nQUICK_PROCESSES = 1\n"
    output = build(make_site(environ, settings=settings))
    shown = set(entries((output / "feeds" / "replies.atom").read_text()))
    both = [{reply_id(one["id"]) for one in each} for each in (first, [reply(3)])]
    assert shown in both
    assert len(looked) > 1, "nothing looked twice: this test shows nothing"


def test_the_sitemap_has_the_dates_of_replies_and_no_drafts(wire: Wire, environ: Path) -> None:
    articles = {
        "a.md": article("a", "a", Modified="2026-11-02"),
        "b.md": article("b", "b"),
        "draft.md": article("draft", "draft", Status="draft", Category="c"),
        "hidden.md": article("hidden", "hidden", Status="hidden", Category="c"),
    }
    wire.put("b", [reply(1, edited="2026-11-20T00:00:00Z")])
    wire.put("hidden", [reply(2)])
    output = build(make_site(environ, articles, PUBLIC))
    index = parsed((output / "sitemap.xml").read_text())
    assert [one.text for one in index.iter(f"{MAP}loc")] == ["https://r.example/sitemaps/1.xml"]
    shard = parsed((output / "sitemaps" / "1.xml").read_text())
    assert {
        one.findtext(f"{MAP}loc"): one.findtext(f"{MAP}lastmod") for one in shard.iter(f"{MAP}url")
    } == {
        "https://r.example/": None,
        "https://r.example/a/": "2026-11-02T00:00:00+00:00",
        "https://r.example/b/": "2026-11-20T00:00:00Z",
    }


@pytest.mark.parametrize(("kind", "expand"), [("gz", gzip.decompress), ("br", brotli.decompress)])
def test_twins_are_in_step_with_their_files(
    wire: Wire,
    environ: Path,
    snapshot: Snapshot,
    client: Client,
    kind: str,
    expand: Callable[[bytes], bytes],
) -> None:
    wire.put("networking", [reply(1)])
    output = build(make_site(environ, settings=f"{PUBLIC}DISCUSSION_PRECOMPRESS = ('{kind}',)"))
    names = ("networking/index.html", "networking/replies.atom", "theme/site.css", "index.html")
    for name in names:
        squeezed = (output / f"{name}.{kind}").read_bytes()
        assert expand(squeezed) == (output / name).read_bytes()
        if kind == "gz":
            assert squeezed[4:8] == bytes(4), "the time would make every build differ"
    # A publisher was killed between a file and its twin, or in the middle of an old-fashioned one.
    (output / f"index.html.{kind}").write_bytes((output / f"index.html.{kind}").read_bytes()[:-4])
    (output / "networking" / f"replies.atom.{kind}").unlink()
    before = tree(output)
    assert Publisher(environ / "output", snapshot, client).once() == 2
    after = tree(output)
    assert expand(after[f"index.html.{kind}"]) == after["index.html"]
    assert after.keys() - before.keys() == {f"networking/replies.atom.{kind}"}
    wire.put("networking", [])
    Publisher(environ / "output", snapshot, client).once()
    assert not list(output.rglob("replies.atom*"))


@pytest.mark.parametrize("kinds", ["'gz'", "('zip',)", "('gz', 'br')"])
def test_twins_that_cannot_be_made_are_a_setting_to_mend(
    wire: Wire, environ: Path, kinds: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match="DISCUSSION_PRECOMPRESS"):
        build(make_site(environ, settings=f"DISCUSSION_PRECOMPRESS = ({kinds})"))
