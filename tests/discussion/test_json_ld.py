"""Structured data tells a reply's text with its lines apart."""

import pytest

from plugins.discussion.render.views import lines_of, text_of


@pytest.mark.parametrize(
    ("markup", "lines"),
    [
        ("<p>One\nline.</p>", ["One line."]),
        ("<p>One.</p>\n<p>Two<br>\nthree &lt;b&gt;</p>", ["One.", "Two", "three <b>"]),
        (
            "<p>The right one is dry</p>\n<ul>\n<li>two questions</li>\n<li>prepared</li>\n</ul>",
            ["The right one is dry", "two questions", "prepared"],
        ),
        ("<ul><li>Outer<ul><li>inner</li></ul></li></ul>", ["Outer", "inner"]),
        ("<blockquote>\n<p>Said.</p>\n</blockquote>\n<p>Yes.</p>", ["Said.", "Yes."]),
        ("<p>So:</p><pre><code>a = 1\nb = 2\n</code></pre>", ["So:", "a = 1", "b = 2"]),
        ("<p>A <em>b</em><a href='/x'>c</a></p>", ["A bc"]),
        ("", []),
    ],
)
def test_every_block_has_a_line_of_its_own(markup: str, lines: list[str]) -> None:
    assert lines_of(markup).split("\n") == (lines or [""])


def test_in_one_line_it_stays_one() -> None:
    assert text_of("<p>One.</p>\n<ul>\n<li>Two</li>\n</ul>") == "One. Two"
