"""Long discussions: every reply has its place for ever."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.cli.build import build_site
from plugins.discussion.model.discussions import Page, read_discussion
from plugins.discussion.model.options import RenderSettings
from plugins.discussion.model.paging import divide
from plugins.discussion.render.renderers import render, replies_page
from tests.discussion.api_server import Wire
from tests.discussion.samples import (
    discussion,
    eventually,
    following,
    identifier,
    identities,
    make_site,
    removed,
    reply,
)
from tests.discussion.strategies import Step, histories

ROOT = Path(__file__).resolve().parents[2]


def built(site: Path) -> Path:
    build_site(site, Path("pelicanconf.py"), Path("output"))
    return site / "output"


def places(wire: Wire, size: int) -> dict[str, int]:
    return divide(read_discussion(wire.discussions["networking"]), size).places


@given(history=histories(["networking"]), size=st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_no_reply_ever_moves_to_another_page(history: list[Step], size: int) -> None:
    wire = Wire()
    first: dict[str, int] = {}
    for _, comments, _opened in history:
        # Whoever comes back with another parent is another reply.
        wire.put("networking", comments)
        now = places(wire, size)
        tops = {one["id"] for one in comments if one["parent"] is None}
        for one in tops:
            assert first.setdefault(one, now[one]) == now[one]
        for one in comments:
            if one["parent"] is not None:
                assert now[one["id"]] == now[one["parent"]]


def test_a_late_approval_and_a_removal_move_nobody() -> None:
    wire = Wire()
    wire.put("networking", [reply(n) for n in (2, 3, 4, 5)])
    before = places(wire, 2)
    wire.put("networking", [reply(n) for n in (1, 2, 4, 5)])
    after = places(wire, 2)
    assert after[identifier(1)] == 3
    assert all(after[one] == before[one] for one in after.keys() & before.keys())


def test_replies_without_slots_stay_on_the_first_page() -> None:
    read = read_discussion(discussion([reply(n) for n in range(1, 9)]))
    assert divide(read, 2).by_number == {1: read}


def test_pages_come_and_go_with_their_replies(wire: Wire, environ: Path) -> None:
    output = built(make_site(environ, settings="DISCUSSION_PAGE_SIZE = 2"))
    folder = output / "networking" / "replies"
    assert [(one["page_size"], one["replies_url"]) for one in wire.pages][2] == (
        2,
        "/networking/replies/{page}/",
    )
    with following(output, environ / "var" / "discussions.sqlite3", wire.url):
        wire.put("networking", [reply(1), reply(2), reply(3), reply(4, 3)])
        page = folder / "2" / "index.html"
        eventually(page.is_file)
        text = page.read_text()
        assert "Reply number 3." in text
        assert "Reply number 4." in text
        assert '<link rel="prev" href="/networking/">' in text
        assert '<link rel="canonical" href="/networking/replies/2/">' in text
        first = (output / "networking" / "index.html").read_text()
        assert "Reply number 3." not in first
        assert '<link rel="next" href="/networking/replies/2/">' in first
        wire.put("networking", [reply(1), reply(2), removed(3), reply(4, 3), *map(reply, (5, 6))])
        wire.put("networking", [reply(1), reply(2), removed(3), reply(4, 3), reply(7)])
        # The third page was never filled, or is empty by now: the second leads past it.
        eventually(lambda: '<link rel="next" href="/networking/replies/3/">' in page.read_text())
        wire.put("networking", [reply(1), reply(2)])
        eventually(lambda: not folder.exists())


def test_one_reply_changes_only_the_pages_that_show_it(wire: Wire, environ: Path) -> None:
    output = built(make_site(environ, settings="DISCUSSION_PAGE_SIZE = 3"))
    replies = [reply(n) for n in range(1, 31)]
    with following(output, environ / "var" / "discussions.sqlite3", wire.url) as publisher:
        wire.put("networking", replies)
        eventually((output / "networking/replies/10/index.html").is_file)
        eventually(lambda: publisher.waiting == 0)
        before = identities(output)
        wire.put("networking", [*replies, reply(40, 14)])
        eventually(lambda: "number 40." in (output / "networking/replies/5/index.html").read_text())
        eventually(lambda: publisher.waiting == 0)
        after = identities(output)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {
        "networking/index.html",
        "networking/replies/5/index.html",
        "index.html",
    }


def test_closing_and_pinning_come_to_the_later_pages(wire: Wire, environ: Path) -> None:
    output = built(make_site(environ, settings="DISCUSSION_PAGE_SIZE = 2"))
    replies = [reply(n) for n in range(1, 6)]
    first, second, third = (
        output / "networking" / name
        for name in ("index.html", "replies/2/index.html", "replies/3/index.html")
    )
    with following(output, environ / "var" / "discussions.sqlite3", wire.url) as publisher:
        wire.put("networking", replies)
        eventually(lambda: third.is_file() and publisher.waiting == 0)
        assert "#respond" in third.read_text()
        before = identities(output)
        wire.put("networking", [*replies[:4], replies[4] | {"pinned": True}])
        eventually(lambda: "<i>Pinned</i>" in third.read_text())
        eventually(lambda: 'id="pinned"' in first.read_text())
        assert f"/networking/replies/3/#comment-{identifier(5)}" in first.read_text()
        eventually(lambda: publisher.waiting == 0)
        after = identities(output)
        assert {name for name in after if after[name] != before.get(name)} == {
            "networking/index.html",
            "networking/replies/3/index.html",
        }
        wire.put("networking", replies, False)
        for page in (first, second, third):
            eventually(lambda page=page: "/reply/" not in page.read_text())  # type: ignore[misc]
        assert "#respond" not in third.read_text() + first.read_text()
        wire.put("networking", replies, None)
        eventually(lambda: "#respond" in third.read_text())


@pytest.mark.parametrize("follow", [True, False])
@pytest.mark.parametrize("opened", [True, False])
def test_the_themes_later_pages_have_the_articles_form_while_it_is_open(
    opened: bool, follow: bool
) -> None:
    article = Page("n", "/n/", "N", "", opened, page_size=2, replies_url="/n/{page}/")
    options = RenderSettings("/comments", page_size=2, follow=follow)
    templates = ROOT / "theme" / "templates" / "discussion"
    read = read_discussion(discussion([reply(n, position=n) for n in range(1, 6)], "n"))
    form = re.compile(r'<section id="respond".*?</section>', re.DOTALL)
    first = form.findall(render(read, article, options, templates))
    for number in (2, 3):
        html = replies_page(divide(read, 2), number, article, options, templates, "rejoinder:body:")
        assert form.findall(html) == first
        assert len(first) == opened
        assert ("Mail me new replies" in html) == (opened and follow)
        assert ("closed" in html) != opened
        ids = re.findall(r' id="([^"]+)"', html)
        assert len(ids) == len(set(ids))


def test_the_themes_frame_of_later_pages_loads_the_script(wire: Wire, environ: Path) -> None:
    wire.put("networking", [reply(n) for n in range(1, 4)])
    output = built(make_site(environ, settings="DISCUSSION_PAGE_SIZE = 2", theme=ROOT))
    html = (output / "networking/replies/2/index.html").read_text("utf-8")
    head = html.partition("</head>")[0]
    assert '<script src="/theme/js/replies.js" defer></script>' in head
    assert '<section id="respond"' in html
