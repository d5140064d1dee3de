"""Moved articles leave something at their old addresses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.authoring.site import QUICK, built, desk, files, one, refused
from tests.discussion.api_server import Wire
from tests.discussion.samples import article

pytestmark = pytest.mark.usefixtures("wire")
PUBLIC = 'SITEURL = "https://r.example"\n'


def moved(*old: str) -> dict[str, str]:
    return one(**{"Moved-from": ", ".join(old)})


def test_an_old_address_leads_to_the_new_one(environ: Path) -> None:
    root = built(desk(environ, moved("old/path/", "/2019/it.html", "bare"), PUBLIC))
    page = (root / "old/path/index.html").read_text()
    assert '<link rel="canonical" href="https://r.example/a/">' in page
    assert '<meta http-equiv="refresh" content="0; url=https://r.example/a/">' in page
    assert '<meta name="robots" content="noindex">' in page
    assert '<a href="https://r.example/a/">A</a>' in page
    assert (root / "_redirects").read_text() == (
        "/2019/it.html /a/ 301\n/bare/ /a/ 301\n/old/path/ /a/ 301\n"
    )
    assert {"2019/it.html", "bare/index.html"} <= files(root)
    assert "old" not in (root / "sitemaps/1.xml").read_text()


def test_a_site_below_a_path_keeps_it(environ: Path) -> None:
    root = built(desk(environ, moved("old/"), 'SITEURL = "https://r.example/blog"\n'))
    assert (root / "old/index.html").is_file()
    assert (root / "_redirects").read_text() == "/blog/old/ /blog/a/ 301\n"


def test_titles_and_addresses_are_escaped(environ: Path) -> None:
    articles = {"a.md": article("<b>A</b> & “B”", "a", **{"Moved-from": "größe/"})}
    root = built(desk(environ, articles))
    page = (root / "größe/index.html").read_text()
    assert "&lt;b&gt;A&lt;/b&gt; &amp; “B”" in page
    assert (root / "_redirects").read_text() == "/gr%C3%B6%C3%9Fe/ /a/ 301\n"


@pytest.mark.parametrize(
    ("old", "what"),
    [
        ("b/", "is the address of content/b.md"),
        ("a/", "is the address of content/a.md"),
        ("index.html", "is the address of another page of this site"),
        ("../up/", "is no path of this site"),
        ("https://elsewhere.example/x/", "is no path of this site"),
        ("x/?y=1", "is no path of this site"),
        ("/", "is no path of this site"),
        ("two words/", "is no path of this site"),
        ("comments/x/", "begins with a reserved name"),
        ("drafts/x/", "begins with a reserved name"),
    ],
)
def test_what_would_hide_something_is_refused(environ: Path, old: str, what: str) -> None:
    root = desk(environ, {**moved(old), "b.md": article("B", "b")})
    said = refused(root)
    assert len(said) == 1
    assert said[0].startswith(f'content/a.md:4: Moved-from "{old}" {what}')


def test_two_articles_cannot_have_moved_from_one_address(environ: Path) -> None:
    articles = {**moved("old/"), "b.md": article("B", "b", **{"Moved-from": "/old/"})}
    assert len(refused(desk(environ, articles))) == 1


def test_links_to_an_old_address_hold_and_drafts_leave_none(environ: Path) -> None:
    articles = {
        **moved("old/"),
        "b.md": article("B", "b", "[x](/old/)"),
        "d.md": article("D", "d", Status="draft", **{"Moved-from": "older/"}),
    }
    assert "older/index.html" not in files(built(desk(environ, articles)))


def test_warm_builds_and_twins_are_the_same(environ: Path, wire: Wire) -> None:
    root = desk(environ, moved("old/"), 'DISCUSSION_PRECOMPRESS = ("gz",)\n', QUICK)
    first = built(root)
    before = {name: (first / name).read_bytes() for name in files(first)}
    assert "old/index.html.gz" in before
    second = built(root)
    assert {name: (second / name).read_bytes() for name in files(second)} == before
    (root / "content/a.md").write_text(one()["a.md"])
    assert not files(built(root)) & {"old/index.html", "old/index.html.gz", "_redirects"}
