"""Finds the web addresses in a reply's text, and where each of them ends.

linkify-it treats ASCII punctuation well but takes any other for a part of the path, so that
"https://example.com/a。" swallows the full stop, and what follows it in scripts without spaces.
"""

import re
import unicodedata

from linkify_it import LinkifyIt
from linkify_it.ucre import SRC_ZCC, SRC_ZPCC, TEXT_SEPARATORS

# Brackets, quotation marks, and other punctuation (Unicode's general categories).
_ENDING_CATEGORIES = frozenset({"Ps", "Pe", "Pi", "Pf", "Po"})
# Punctuation inside words of some scripts: the middle dots of Catalan and Japanese, the Hebrew
# geresh and gershayim, the Armenian apostrophe, the Tibetan tsheg, the hyphenation point.
_INSIDE_WORDS = frozenset("·・･\u05f3\u05f4\u055a\u0f0b\u2027")
# An apostrophe belongs to the address where a letter follows.
_APOSTROPHE = "’"
# Zero-width space, word joiner, byte order mark, and the controls of direction. The zero-width
# joiners stay: Persian and Hindi spell words with them.
_INVISIBLE = "\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"


def _ends_address(char: str) -> bool:
    if char in _INSIDE_WORDS or char == _APOSTROPHE:
        return False
    category = unicodedata.category(char)
    if category in _ENDING_CATEGORIES:
        return True
    # Full-width signs such as ～ and ＝ are symbols or dashes to Unicode.
    wide = "\u3000" <= char <= "\u303f" or "\uff00" <= char <= "\uffef"
    return wide and category[0] in "PSZ"


# Punctuation outside the Basic Multilingual Plane is of scripts that nobody writes any more.
_ENDING = "".join(map(re.escape, filter(_ends_address, map(chr, range(0x80, 0x10000)))))
_STOP = f"[{_ENDING}{_INVISIBLE}]|{_APOSTROPHE}(?!\\w)"


class Autolinks(LinkifyIt):  # type: ignore[misc]
    """linkify-it, with addresses that end before punctuation of every script."""

    def _on_compile(self) -> None:
        for name, pattern in self.re.items():
            pattern = pattern.replace(TEXT_SEPARATORS, f"(?:{TEXT_SEPARATORS}|{_STOP})")
            self.re[name] = pattern.replace(SRC_ZPCC, f"{SRC_ZPCC}|{_STOP}")
        # Also behind an ASCII dot or comma, and inside brackets.
        self.re["src_path"] = self.re["src_path"].replace(SRC_ZCC, f"{SRC_ZCC}|{_STOP}")
