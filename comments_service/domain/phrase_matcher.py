"""Lists of words that are looked for in replies: as text, in any script, never as patterns.

A text becomes a row of tokens, and so does each entry of a list; an entry is found where its
tokens stand in the text one behind the other. A token is a whole word where words have spaces
between them, one character in scripts that write none (so that an entry is found inside of a
sentence), and one sign for everything else. White space only divides.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

from comments_service.domain.tokenizer import writes_no_spaces

# What nobody sees, or may be left out of a word: taken out before anything is compared.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
# Vowel signs of Arabic and Hebrew, which most people leave out, and the stroke that only stretches
# an Arabic word. After composition: what makes a letter another letter is part of it by then.
_OPTIONAL = re.compile(
    "[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0640\u064b-\u065f\u0670]"
)
# Turkish has an i with and one without a dot, each in two sizes; case folding knows no language and
# tells some of the four apart.
_SOME_I = re.compile("ı\u0307*|i\u0307+")
_APOSTROPHE = re.compile("[’‘ʼ]")
_ASCII = re.compile(r"[a-z0-9]+|[^\sa-z0-9]")

_SIGN, _LETTER, _ALONE = range(3)
_SHORT = 40


def folded(text: str) -> str:
    """Return `text` as it is compared: without case, invisible characters and optional vowels."""
    if text.isascii():
        return text.lower()
    seen = _INVISIBLE.sub("", text)
    for _ in range(2):
        # Folding can give characters that compose, and composing some that fold.
        seen = unicodedata.normalize("NFKC", seen).casefold()
    seen = _SOME_I.sub("i", _OPTIONAL.sub("", seen))
    return unicodedata.normalize("NFKC", _APOSTROPHE.sub("'", seen))


def tokens(text: str) -> list[str]:
    """Return the tokens of `text` in order; takes time in proportion to its length."""
    plain = folded(text)
    if plain.isascii():
        return _ASCII.findall(plain)
    found: list[str] = []
    for chunk in plain.split():
        found += _of_chunk(chunk) if len(chunk) > _SHORT else _of_short_chunk(chunk)
    return found


def _of_chunk(chunk: str) -> list[str]:
    found: list[str] = []
    word = ""
    for char in chunk:
        kind = _kind(char)
        if kind == _LETTER:
            word += char
            continue
        if word:
            found.append(word)
            word = ""
        found.append(char)
    return [*found, word] if word else found


# Most words of a language come again and again.
_of_short_chunk = lru_cache(maxsize=16_384)(_of_chunk)


@lru_cache(maxsize=4096)
def _kind(char: str) -> int:
    # A mark belongs to the letter before it.
    if unicodedata.category(char)[0] not in "LMN":
        return _SIGN
    return _ALONE if writes_no_spaces(char) else _LETTER


class _Node:
    """One token of the entries that begin alike."""

    __slots__ = ("entry", "following")

    def __init__(self) -> None:
        self.following: dict[str, _Node] = {}
        self.entry: str | None = None


class WordList:
    """Words and phrases; finding them costs the same for ten of them and for ten thousand."""

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
        """Return the entries that stand in one of the texts (rows of tokens), each once."""
        here: dict[str, None] = {}
        first = self._root.following
        for row in texts:
            for start, token in enumerate(row):
                node = first.get(token)
                # Nearly every word: it begins no entry.
                if node is None:
                    continue
                end = start + 1
                while node is not None:
                    if node.entry is not None:
                        here[node.entry] = None
                    node = node.following.get(row[end]) if end < len(row) else None
                    end += 1
        return list(here)


@lru_cache(maxsize=16)
def word_list(entries: tuple[str, ...]) -> WordList:
    """Return the list of these entries, made once."""
    return WordList(entries)
