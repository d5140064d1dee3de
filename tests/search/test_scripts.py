"""Scripts without spaces between words, as the index and both searches see them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from plugins.search.scripts import ALONE, apart

ROOT = Path(__file__).parents[2]


def test_each_character_becomes_a_word() -> None:
    assert apart("<p>人脈は大切</p>").split() == ["<p>", "人", "脈", "は", "大", "切", "</p>"]


def test_nothing_else_is_touched() -> None:
    text = '<p title="x">Größe, café, العربية, 한국어 <em>here</em></p>'
    assert apart(text) is text
    assert 'alt="人脈"' in apart('<p><img alt="人脈">人</p>')


def ranges(pattern: str) -> list[tuple[int, int]]:
    """What a character class of Python or JavaScript holds, as numbers."""
    code = r"\\u\{?([0-9a-fA-F]+)\}?|\\U([0-9a-fA-F]{8})"
    found = re.findall(rf"(?:{code})-(?:{code})", pattern)
    return [(int(a or b, 16), int(c or d, 16)) for a, b, c, d in found]


def test_the_search_page_the_index_and_the_service_agree_on_them() -> None:
    from comments_service.domain.tokenizer import writes_no_spaces

    script = (ROOT / "theme/static/js/search.js").read_text("utf-8")
    found = re.search(r"const ALONE =\s*/(.*?)/gu;", script)
    assert found
    for first, last in ranges(found[1]):
        for code in (first, last):
            assert ALONE.match(chr(code)), hex(code)
            assert writes_no_spaces(chr(code)), hex(code)
        assert not ALONE.match(chr(last + 1)) or any(
            begin == last + 1 for begin, _ in ranges(found[1])
        )
    assert len(ranges(found[1])) == 13


@pytest.mark.parametrize("text", ["", "<p></p>", "plain"])
def test_what_has_none_stays_the_same_object(text: str) -> None:
    assert apart(text) is text
