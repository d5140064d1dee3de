"""Counts the words and lists the headings of a text.

A pure function of the HTML, so that its answer can be kept with the text.
"""

from __future__ import annotations

import json
import re
from html import unescape
from typing import NamedTuple

# Words a minute, and characters of scripts that write without spaces (what studies of silent
# reading report for grown-ups, rounded down: these texts are read for use).
WORDS, CHARACTERS = 220, 500

_UNSEEN = re.compile(r"<!--.*?-->|<(script|style|template)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")
_HEADING = re.compile(r"<h2\b([^>]*)>(.*?)</h2>", re.DOTALL | re.IGNORECASE)
_ID = re.compile(r"""\bid\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_MARK = re.compile(r"<sup\b.*?</sup>", re.DOTALL | re.IGNORECASE)
# Kana and Chinese characters, with the extensions; Korean separates words.
_ONE = re.compile(
    "[\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_WORD = re.compile(r"\w+(?:['’.,-]\w+)*")


class Measure(NamedTuple):
    """A text's measure: words, characters outside words, and headings.

    `listed` is the headings' ids and titles as JSON, which few have to take apart.
    """

    words: int
    characters: int
    headings: int
    listed: str

    @property
    def minutes(self) -> int:
        """Return the minutes to read it, at least one."""
        return max(1, round(self.words / WORDS + self.characters / CHARACTERS))

    @property
    def length(self) -> int:
        """Return the number of words and characters together."""
        return self.words + self.characters


def measure(html: str) -> Measure:
    """Measure a text."""
    html = _UNSEEN.sub(" ", html)
    text = unescape(_TAG.sub(" ", html))
    rest, characters = _ONE.subn(" ", text)
    headings = [
        [unescape(found[1] or found[2]), _plain(inner)]
        for attributes, inner in _HEADING.findall(html)
        if (found := _ID.search(attributes))
    ]
    words = sum(1 for _ in _WORD.finditer(rest))
    return Measure(words, characters, len(headings), json.dumps(headings, ensure_ascii=False))


def pack(one: Measure) -> str:
    """Serialise as one line of metadata."""
    return f"{one.words} {one.characters} {one.headings} {one.listed}"


def unpack(line: str) -> Measure:
    """Parse the result of `pack`."""
    words, characters, headings, listed = line.split(" ", 3)
    return Measure(int(words), int(characters), int(headings), listed)


def _plain(inner: str) -> str:
    """Return a heading's text: without tags, and without the number of a footnote."""
    return " ".join(unescape(_TAG.sub("", _MARK.sub("", inner))).split())
