"""The article's own words are found in a page, all of them and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plugins.search.article_words import digest_of, marked, text_of
from tests import cpu
from tests.discussion.samples import PAGE

HTML = """<body><p>Menu</p><div class="prose" data-pagefind-body>
<p>One <em>vol</em>-au-<b>v</b>ent &amp; tea.</p><div><div>Deep</div></div><p>Last.</p></div>
<p>Below</p></body>"""


@pytest.mark.parametrize(
    ("html", "words"),
    [
        (HTML, "One vol-au-vent & tea. Deep Last."),
        ("<article data-pagefind-body='x'>A</article><i>no</i><p data-pagefind-body>B</p>", "A B"),
        ("<div class=a data-pagefind-body><divider>x</divider></div>no", "x"),
        ("<div data-pagefind-body>never closed", "never closed"),
        ("<div data-pagefind-bodyguard>no</div>", ""),
        (
            "<div data-pagefind-body>a<script>no</script><!-- <p>no --><style>no</style>b</div>",
            "a b",
        ),
        ("<div data-pagefind-body>人脈は<wbr>大切</div>", "人脈は大切"),
        ("<div data-pagefind-body>a&nbsp;b<br>c\0d</div>", "a b c d"),
        ("<p>nothing</p>", ""),
    ],
)
def test_the_words_are_those_of_the_marked_elements(html: str, words: str) -> None:
    assert text_of(marked(html)) == words


@pytest.mark.parametrize("html", ["<div ", "<!--", "<script>"])
def test_odd_html_does_not_hold_it_up(html: str) -> None:
    def read(size: int) -> str:
        return text_of(marked(f"<div data-pagefind-body>{html * size}</div>"))

    assert cpu.growth(read, 20_000) < 3


def test_another_title_or_question_is_another_state() -> None:
    names = {
        digest_of(PAGE, "Words."),
        digest_of(PAGE, "Other words."),
        digest_of(replace(PAGE, title="Another"), "Words."),
        digest_of(replace(PAGE, question="Why?"), "Words."),
    }
    assert len(names) == 4
