from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.discussion.model.discussions import Page, read_discussion, write_discussion
from plugins.discussion.model.markers import closing, find, mark_of, opening
from plugins.discussion.model.options import Limits, RenderSettings
from plugins.discussion.render.renderers import invite, render
from plugins.shared.errors import RenderError, SettingsError, WireError
from tests import cpu
from tests.discussion.samples import (
    PAGE,
    SETTINGS,
    TEMPLATES,
    discussion,
    identifier,
    removed,
    reply,
)
from tests.discussion.strategies import comments

REAL = Path(__file__).resolve().parents[2] / "theme" / "templates" / "discussion"


def shown(made: list[dict[str, Any]], page: Page = PAGE, templates: Path = TEMPLATES) -> str:
    return render(read_discussion(discussion(made, page.key)), page, SETTINGS, templates)


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.comments: list[str] = []
        self.names: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.names += [name for name, _ in attrs]

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


@pytest.mark.parametrize("templates", [TEMPLATES, REAL], ids=["small", "theme"])
@given(made=comments())
@settings(deadline=None)
def test_every_discussion_stands_between_exactly_one_pair_of_markers(
    made: list[dict[str, Any]], templates: Path
) -> None:
    html = shown(made, templates=templates)
    assert html.startswith("<!--region discussion networking 7-->")
    assert html.endswith("<!--/region discussion networking-->")
    span = find(html.encode(), "discussion", "networking")
    assert (span.start, span.end, span.revision) == (0, len(html.encode()), 7)


@pytest.mark.parametrize("templates", [TEMPLATES, REAL], ids=["small", "theme"])
@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "' onmouseover='alert(1)",
        "{{ 7*7 }}{% for x in y %}",
        "<!--/region discussion networking-->",
        "--><b>",
    ],
)
def test_a_name_is_text_whatever_it_holds(name: str, templates: Path) -> None:
    plain, hostile = Elements(), Elements()
    plain.feed(shown([reply(1, author={"name": "Ann", "url": None})], templates=templates))
    html = shown([reply(1, author={"name": name, "url": None})], templates=templates)
    hostile.feed(html)
    assert hostile.tags == plain.tags
    assert hostile.names == plain.names
    assert "49" not in html
    assert len(hostile.comments) == 2


def test_a_hostile_title_or_question_is_text() -> None:
    page = Page("networking", "/networking/", "<script>", "<script>&amp;", True)
    html = shown([], page)
    assert "<script>" not in html
    assert "&lt;script&gt;&amp;amp;" in html


def test_an_attribute_cannot_forge_a_marker() -> None:
    title = "<!--/region discussion networking--><!--region discussion networking 9-->"
    html = shown([reply(1, html=f'<p><a href="https://x.example/" title="{title}">x</a></p>')])
    assert html.count("<!--") == 2
    parser = Elements()
    parser.feed(html)
    assert len(parser.comments) == 2


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=200))
def test_no_key_can_leave_its_marker(key: str) -> None:
    mark = mark_of(key)
    assert mark.isascii()
    assert not set(mark) & set("<> \t\n\r\"'&")
    assert "--" not in mark
    assert not mark.endswith("-")


@given(st.lists(st.text("ab-%2D .", min_size=1, max_size=8), min_size=2, unique=True))
def test_different_keys_have_different_markers(keys: list[str]) -> None:
    assert len({opening("discussion", key) for key in keys}) == len(keys)
    assert len({closing("discussion", key) for key in keys}) == len(keys)


def test_replies_are_shown_as_the_templates_are_promised() -> None:
    html = shown(
        [
            reply(1, author={"name": "Ann", "url": "https://ann.example/"}, editor=True),
            reply(2, 1, edited="2026-11-02T08:05:09.5Z"),
            removed(3),
            reply(4, 3),
        ]
    )
    assert '<a href="https://ann.example/">Ann</a>' in html
    assert "<i>Editor</i>" in html
    assert '<time class="edited" datetime="2026-11-02T08:05:09Z">2 November 2026, 08:05 UTC' in html
    assert "3 replies to Networking" in html
    assert f'href="/comments/networking/reply/{identifier(1)}"' in html
    assert f"/reply/{identifier(3)}" not in html
    assert "<p>Reply number 4.</p>" in html


def test_a_closed_page_offers_no_reply() -> None:
    html = shown([reply(1)], Page("networking", "/networking/", "N", "", False))
    assert "/reply/" not in html
    assert "<form" not in html


def decided(made: list[dict[str, Any]], opened: bool | None, templates: Path, page: Page) -> str:
    read = read_discussion(discussion(made, page.key) | {"open": opened})
    return render(read, page, SETTINGS, templates)


@pytest.mark.parametrize("templates", [TEMPLATES, REAL], ids=["small", "theme"])
@pytest.mark.parametrize("article", [True, False])
@pytest.mark.parametrize("opened", [True, False, None])
def test_editors_decide_whether_there_is_a_form(
    templates: Path, article: bool, opened: bool | None
) -> None:
    page = Page("networking", "/networking/", "N", "", article)
    html = decided([reply(1)], opened, templates, page)
    shown_open = article if opened is None else opened
    assert ("<form" in html) == shown_open
    assert ("/reply/" in html) == shown_open
    assert ("closed" in html.lower()) != shown_open
    text = invite(read_discussion(discussion([]) | {"open": opened}), page, SETTINGS, templates)
    assert ("#respond" in text) == shown_open


@pytest.mark.parametrize("templates", [TEMPLATES, REAL], ids=["small", "theme"])
def test_a_locked_thread_takes_no_answers_and_says_so_once(templates: Path) -> None:
    made = [
        reply(1),
        reply(2, 1, locked=True),
        *[reply(n, n - 1) for n in range(3, 9)],
        reply(9, 5, locked=True),
        reply(10),
    ]
    html = shown(made, templates=templates)
    assert html.count("This thread takes no more answers.") == 1
    assert re.findall(r"/reply/([0-9a-z]+)", html) == [identifier(1), identifier(10)]


@pytest.mark.parametrize("templates", [TEMPLATES, REAL], ids=["small", "theme"])
def test_a_removed_reply_keeps_its_thread_locked(templates: Path) -> None:
    html = shown([removed(1) | {"locked": True}, reply(2, 1)], templates=templates)
    assert "This thread takes no more answers." in html
    assert "/reply/" not in html


@pytest.mark.parametrize("templates", [TEMPLATES, REAL], ids=["small", "theme"])
def test_pinned_replies_are_marked_and_listed_and_stay_where_they_are(templates: Path) -> None:
    plain = [reply(n, position=n) for n in range(1, 8)]
    pinned = [one | {"pinned": n in {1, 5}} for n, one in enumerate(plain)]
    page = Page("networking", "/networking/", "N", page_size=2, replies_url="/n/{page}/")
    before, after = (decided(made, None, templates, page) for made in (plain, pinned))
    links = re.findall(r'href="([^"]*)#comment-([0-9a-z]+)"><?b?d?i?>?Reader', after)
    assert links == [("", identifier(2)), ("/n/3/", identifier(6))]
    assert after.count("Pinned<") == 1
    assert "Pinned" not in before
    ids = re.compile(r'id="comment-([0-9a-z]+)"')
    assert ids.findall(after) == ids.findall(before)


def test_the_list_of_pinned_replies_shows_how_they_begin() -> None:
    long = "<p>Bring <b>one</b> &amp; only one question.</p><p>" + "word " * 50 + "</p>"
    html = shown([reply(1, html=long, pinned=True), reply(2, html="<p>" + "x" * 300, pinned=True)])
    listed = html.partition("</ul>")[0]
    assert "Reader 1: Bring one &amp; only one question. word" in listed
    assert listed.count(" …</a>") == 2
    assert "x" * 101 not in listed


def test_a_reply_of_before_pins_and_locks_is_neither() -> None:
    read = read_discussion({"key": "a", "revision": 1, "comments": [reply(1)]})
    assert (read.open, read.comments[0].pinned, read.comments[0].locked) == (None, False, False)
    assert read_discussion(json.loads(write_discussion(read))) == read


def test_the_editors_replies_have_their_badge() -> None:
    html = shown([reply(1, editor=True), reply(2)], templates=REAL)
    assert html.count('<span class="badge">Editor</span>') == 1


def avatars(made: list[dict[str, Any]]) -> list[str]:
    return re.findall(r'<i class="([^"]*)" aria-hidden="true"></i>', shown(made, templates=REAL))


def test_every_number_has_an_avatar_of_its_own() -> None:
    made = avatars([reply(n + 1, avatar=n) for n in range(256)])
    assert len(set(made)) == 256
    assert made[0] == "av p0 c0 r0"
    assert made[255] == "av p7 c7 r3"


def test_an_avatar_depends_on_its_number_alone() -> None:
    one = reply(1, avatar=173, author={"name": "Ann", "url": "https://ann.example/"})
    other = reply(9, avatar=173, author={"name": "Ben", "url": None}, editor=True)
    assert avatars([one]) == avatars([other])


def test_a_reply_of_before_avatars_has_the_plain_one_and_a_placeholder_none() -> None:
    assert avatars([reply(1), removed(2), reply(3, 2, avatar=None)]) == ["av", "av"]


@pytest.mark.parametrize("number", [-1, 256, 1.5, "7", True])
def test_a_number_that_is_no_avatar_is_refused(number: object) -> None:
    with pytest.raises(WireError, match="avatar"):
        read_discussion(discussion([reply(1, avatar=number)]))


def test_where_nesting_stops_the_answered_reply_is_named() -> None:
    html = shown([reply(n, n - 1 if n > 1 else None) for n in range(1, 7)])
    assert f'<a href="#comment-{identifier(5)}">to Reader 5</a>' in html
    assert html.count(">to Reader") == 2


def test_a_removed_reply_is_not_named_where_nesting_stops() -> None:
    chain = [reply(n, n - 1 if n > 1 else None) for n in range(1, 7)]
    chain[4] = removed(5, 4)
    assert f'href="#comment-{identifier(5)}"' not in shown(chain)


def test_addresses_are_quoted_in_the_form_too() -> None:
    page = Page("ü&?", "/x/", "X", "", True)
    assert 'action="/comments/%C3%BC%26%3F"' in shown([], page)


def test_a_template_that_prints_a_marker_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "discussion.html").write_text("<!--region discussion networking 1-->")
    with pytest.raises(RenderError, match="prints a discussion marker"):
        shown([], templates=tmp_path)


@pytest.mark.parametrize(
    "source", ["{{ nowhere }}", "{% if %}", "{{ page.nowhere }}", "{{ 1 + '' }}"]
)
def test_a_broken_template_is_an_error_that_names_it(tmp_path: Path, source: str) -> None:
    (tmp_path / "discussion.html").write_text(source)
    with pytest.raises(RenderError) as caught:
        shown([], templates=tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_render_settings_survive_json() -> None:
    made = RenderSettings("https://x.example/comments", "pt-br", 3, Limits(comment=5))
    assert RenderSettings.from_json(json.loads(json.dumps(made.as_json()))) == made


@pytest.mark.parametrize(
    ("change", "setting"),
    [
        ({"language": "zz"}, "DEFAULT_LANG"),
        ({"max_depth": 0}, "DISCUSSION_MAX_DEPTH"),
        ({"max_depth": 1000}, "DISCUSSION_MAX_DEPTH"),
        ({"limits": {"shoe": 43}}, "DISCUSSION_LIMITS"),
        ({"limits": {"comment": 0}}, "DISCUSSION_LIMITS"),
        ({"comments_url": None}, "DISCUSSION_COMMENTS_URL"),
    ],
)
def test_a_wrong_setting_is_named(change: dict[str, Any], setting: str) -> None:
    with pytest.raises(SettingsError, match=setting):
        RenderSettings.from_json({**SETTINGS.as_json(), **change})


def test_dates_follow_the_language_of_the_site() -> None:
    french = RenderSettings("/comments", "fr")
    html = render(read_discussion(discussion([reply(1)])), PAGE, french, TEMPLATES)
    assert "1 novembre 2026, 00:01 UTC" in html


def test_neither_zone_nor_locale_of_the_machine_shows() -> None:
    code = (
        "from tests.discussion.test_render import shown, reply;"
        "import sys; sys.stdout.buffer.write(shown([reply(1), reply(2, 1)]).encode())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "TZ": zone, "LC_ALL": locale, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        for zone, locale, seed in [("UTC", "C", "1"), ("Asia/Tokyo", "de_DE.UTF-8", "2")]
    }
    assert len(outputs) == 1


def test_twice_as_many_replies_take_twice_as_long_to_render() -> None:
    made = {
        size: read_discussion(discussion([reply(n, n // 2 or None) for n in range(1, size + 1)]))
        for size in (1_000, 2_000)
    }
    assert cpu.growth(lambda size: render(made[size], PAGE, SETTINGS, TEMPLATES), 1_000) < 3


def test_ten_thousand_replies_in_one_chain_render() -> None:
    made = [reply(n, n - 1 if n > 1 else None) for n in range(1, 10_001)]
    assert shown(made).count("<li ") == 10_000
