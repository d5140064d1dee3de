"""How long a piece is, and what is in it."""

from __future__ import annotations

import pytest
from markdown import Markdown

from plugins.reading.extension import NAME
from plugins.reading.measure import measure, pack, unpack
from plugins.reading.views import Contents, Heading


def test_words_are_counted_without_tags_comments_and_scripts() -> None:
    html = "<p>One <em>two</em><!-- no no --> it’s<script>no()</script> &amp; 3.5</p>"
    assert measure(html)[:2] == (4, 0)


def test_characters_of_scripts_without_spaces_are_counted_one_by_one() -> None:
    assert measure("<p>会議は早く終わった。 OK</p>")[:2] == (1, 9)


@pytest.mark.parametrize(("words", "minutes"), [(0, 1), (100, 1), (440, 2), (990, 4)])
def test_reading_takes_at_least_a_minute(words: int, minutes: int) -> None:
    assert measure("word " * words).minutes == minutes


def test_japanese_takes_its_own_time() -> None:
    assert measure("会" * 1500).minutes == 3


def test_headings_are_those_of_the_second_level_with_an_id() -> None:
    html = (
        '<h2 id="section-a">1. Get <em>out</em> &amp; about<sup id="r"><a href="#f">1</a></sup>'
        "</h2><h2>No id</h2><h3 id='b'>Deeper</h3><h2 class='x' id='c'>“Last”</h2>"
    )
    found = measure(html)
    assert found.headings == 2
    contents = Contents(found.listed)
    assert list(contents) == [Heading("section-a", "1. Get out & about"), Heading("c", "“Last”")]
    assert contents[0].title == "1. Get out & about"
    assert len(contents) == 2


def test_a_measure_survives_being_a_line_of_metadata() -> None:
    found = measure('<h2 id="a">A “line” of words</h2>' + "word " * 30)
    assert "\n" not in pack(found)
    assert unpack(pack(found)) == found


def test_markdown_measures_what_it_made() -> None:
    md = Markdown(extensions=["meta", "toc", "plugins.reading.extension"])
    md.convert("Title: T\n\n## Head\n\nThree *more* words.\n")
    assert unpack(md.Meta[NAME][0])[:3] == (4, 0, 1)  # type: ignore[attr-defined]


def test_contents_without_headings_are_false() -> None:
    assert not Contents("[]")
