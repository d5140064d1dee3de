"""Matches lists of words and phrases against texts in any script.

A text becomes a row of tokens, and so does each entry of a list. An entry matches where its tokens
follow each other in the text. A token is a whole word in scripts that put spaces between words, one
character in scripts that do not (so that an entry is found inside a sentence), and one character of
anything else. White space only separates tokens. Entries are plain text, never patterns.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from comments_service.domain.tokenizer import writes_no_spaces

# Invisible characters, removed before texts are compared.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
# Vowel signs of Arabic and Hebrew, which are mostly left out in writing, and the tatweel, which
# only stretches an Arabic word. Removed after composition, so that marks that make another letter
# are part of it already and stay.
_OPTIONAL = re.compile(
    "[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0640\u064b-\u065f\u0670]"
)
# Turkish has an i with a dot and one without. Case folding does not depend on the language and
# maps their four forms to different letters; here they are all equal.
_SOME_I = re.compile("ı\u0307*|i\u0307+")
_APOSTROPHE = re.compile("[’‘ʼ]")
_ASCII = re.compile(r"[a-z0-9]+|[^\sa-z0-9]")

_SIGN, _LETTER, _ALONE = range(3)
_SHORT = 40


def folded(text: str) -> str:
    """Return `text` for comparison: without case, invisible characters and optional vowels."""
    if text.isascii():
        return text.lower()
    seen = _INVISIBLE.sub("", text)
    for _ in range(2):
        # Twice: folding can produce characters that compose, and composition ones that fold.
        seen = unicodedata.normalize("NFKC", seen).casefold()
    seen = _SOME_I.sub("i", _OPTIONAL.sub("", seen))
    return unicodedata.normalize("NFKC", _APOSTROPHE.sub("'", seen))


def tokens(text: str) -> list[str]:
    """Return the tokens of `text` in order; the time is linear in its length."""
    plain = folded(text)
    if plain.isascii():
        return _ASCII.findall(plain)
    row: list[str] = []
    for chunk in plain.split():
        row += _of_chunk(chunk) if len(chunk) > _SHORT else _of_short_chunk(chunk)
    return row


def _of_chunk(chunk: str) -> list[str]:
    row: list[str] = []
    word = ""
    for char in chunk:
        kind = _kind(char)
        if kind == _LETTER:
            word += char
            continue
        if word:
            row.append(word)
            word = ""
        row.append(char)
    return [*row, word] if word else row


# Cached, because texts repeat most of their words.
_of_short_chunk = lru_cache(maxsize=16_384)(_of_chunk)


@lru_cache(maxsize=4096)
def _kind(char: str) -> int:
    # A combining mark (M) belongs to the letter before it.
    if unicodedata.category(char)[0] not in "LMN":
        return _SIGN
    return _ALONE if writes_no_spaces(char) else _LETTER


class _Node:
    """Node of the trie of entries; `entry` is the entry that ends here."""

    __slots__ = ("entry", "following")

    def __init__(self) -> None:
        self.following: dict[str, _Node] = {}
        self.entry: str | None = None


class WordList:
    """A list of words and phrases as a trie: the cost of a search does not grow with the list."""

    def __init__(self, entries: Iterable[str]) -> None:
        self._root = _Node()
        for entry in entries:
            node = self._root
            for token in tokens(entry):
                node = node.following.setdefault(token, _Node())
            if node is not self._root and node.entry is None:
                node.entry = entry

    def __bool__(self) -> bool:
        return bool(self._root.following)

    def found(self, texts: Iterable[Sequence[str]]) -> list[str]:
        """Return the entries that occur in any of the texts (rows of tokens), each once."""
        matches: dict[str, None] = {}
        first = self._root.following
        for row in texts:
            for start, token in enumerate(row):
                node = first.get(token)
                # Fast path: most words begin no entry.
                if node is None:
                    continue
                end = start + 1
                while node is not None:
                    if node.entry is not None:
                        matches[node.entry] = None
                    node = node.following.get(row[end]) if end < len(row) else None
                    end += 1
        return list(matches)


@lru_cache(maxsize=16)
def word_list(entries: tuple[str, ...]) -> WordList:
    """Return a `WordList` of the entries; cached."""
    return WordList(entries)
