"""Excerpts of found texts: the words around the first hit, with each hit marked."""

import html
import re
import unicodedata
from typing import NamedTuple

from comments_service.domain.tokenizer import writes_no_spaces

AROUND = 120

_TAG = re.compile(r"<[^>]*>")

_WORD = re.compile(r"[^\W_]+")

# Where a hit may stand: as a word, as the beginning of one, anywhere. In a long text another word
# that only holds the letters comes too early.
_BOUNDS = ((r"(?<![^\W_])", r"(?![^\W_])"), (r"(?<![^\W_])", ""), ("", ""))


class _Bases(dict[int, int]):
    """Letters without their accents, one for one, as the index has them."""

    def __missing__(self, code: int) -> int:
        parts = unicodedata.normalize("NFD", chr(code))
        accents = parts[1:] and all(unicodedata.category(part) == "Mn" for part in parts[1:])
        # か and が are letters of their own.
        self[code] = ord(parts[0]) if accents and not writes_no_spaces(chr(code)) else code
        return self[code]


_BASES = _Bases()


class Piece(NamedTuple):
    """A stretch of an excerpt; `hit` when it is what was looked for."""

    text: str
    hit: bool


def excerpt(text: str, asked: str) -> list[Piece]:
    """Return the words around the first hit, in pieces; `text` is HTML, the pieces are not."""
    return around(" ".join(html.unescape(_TAG.sub(" ", text)).split()), asked)


def around(plain: str, asked: str) -> list[Piece]:
    """Return the words of a plain text around the first hit, in pieces."""
    folded = plain.translate(_BASES)
    hits = _hits(folded, asked.translate(_BASES))
    first = hits.search(folded)
    start = max(first.start() - AROUND, 0) if first else 0
    if start:
        # At the beginning of a word, where there is one soon.
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
    """Return what finds the words in this text, as strictly as they stand in it at all."""
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
