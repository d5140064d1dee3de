"""Excerpts for search results: the text around the first hit, with the hits marked."""

import html
import re
import unicodedata
from typing import NamedTuple

from comments_service.domain.tokenizer import writes_no_spaces

# Characters on each side of the first hit.
AROUND = 120

_TAG = re.compile(r"<[^>]*>")

_WORD = re.compile(r"[^\W_]+")

# How a hit may match, strictest first: a whole word, the beginning of one, anywhere. Matching
# anywhere from the start would often find a part of another word earlier in a long text.
_BOUNDS = ((r"(?<![^\W_])", r"(?![^\W_])"), (r"(?<![^\W_])", ""), ("", ""))


class _Bases(dict[int, int]):
    """Translation table that removes accents one character for one, as the index does."""

    def __missing__(self, code: int) -> int:
        parts = unicodedata.normalize("NFD", chr(code))
        accents = parts[1:] and all(unicodedata.category(part) == "Mn" for part in parts[1:])
        # か and が are different letters, although Unicode decomposes one into the other.
        self[code] = ord(parts[0]) if accents and not writes_no_spaces(chr(code)) else code
        return self[code]


_BASES = _Bases()


class Piece(NamedTuple):
    """A part of an excerpt; `hit` is True for a match of the query."""

    text: str
    hit: bool


def excerpt(text: str, asked: str) -> list[Piece]:
    """Return the text around the first hit of the query `asked`.

    `text` is HTML; the pieces are plain text.
    """
    return around(" ".join(html.unescape(_TAG.sub(" ", text)).split()), asked)


def around(plain: str, asked: str) -> list[Piece]:
    """Return the part of a plain text around the first hit of the query `asked`."""
    folded = plain.translate(_BASES)
    hits = _hits(folded, asked.translate(_BASES))
    first = hits.search(folded)
    start = max(first.start() - AROUND, 0) if first else 0
    if start:
        # Start at the next word if one begins within 30 characters.
        start = plain.find(" ", start, start + 30) + 1 or start
    end = start + 2 * AROUND
    shown = plain[start:end]
    pieces = [Piece("… ", False)] if start else []
    at = 0
    for hit in hits.finditer(folded[start:end]):
        pieces += [
            Piece(shown[at : hit.start()], False),
            Piece(shown[hit.start() : hit.end()], True),
        ]
        at = hit.end()
    pieces.append(Piece(shown[at:] + (" …" if end < len(plain) else ""), False))
    return [piece for piece in pieces if piece.text]


def _hits(plain: str, asked: str) -> re.Pattern[str]:
    """Return the pattern for the query's words by the strictest of `_BOUNDS` that has a hit."""
    words = sorted(set(_WORD.findall(asked)), key=len, reverse=True)
    for before, after in _BOUNDS:
        patterns = [
            re.escape(word)
            if any(map(writes_no_spaces, word))
            else f"{before}{re.escape(word)}{after}"
            for word in words
        ]
        hits = re.compile("|".join(patterns) or r"(?!)", re.IGNORECASE)
        if hits.search(plain):
            break
    return hits
