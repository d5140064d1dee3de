"""Characters that nobody sees, and full-width letters, in what readers paste into short fields.

An address that is copied from a chat or a document often carries a zero-width space, a byte order
mark or a no-break space. Japanese and Chinese keyboards write full-width letters.
"""

import re
import unicodedata

# Letters and symbols by category that have no ink.
BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u2800")
# In names and web addresses: the zero-width joiners stay, Persian and Hindi spell words with them.
_ZERO_WIDTH = frozenset("\u00ad\u200b\u2060\ufeff")
# In an email address: marks without ink, beside the categories Cf (format) and Zs (space).
_BLANK_MARKS = frozenset("\u034f\u180b\u180c\u180d\u180f") | BLANK_LETTERS
_BLANK_MARKS |= {chr(code) for code in range(0xFE00, 0xFE10)}
# U+FF01 to U+FF5E are ASCII, wider; so are the full stops of East Asia where a dot is meant.
_TO_ASCII = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3002: ".", 0xFF61: "."}
# What of a web address comes before its path.
_UP_TO_HOST = re.compile(r"(?:[^/／?？#＃]+[:：][/／]{2})?[^/／?？#＃]*")


def in_email(value: str) -> str:
    """Return an email address without invisible characters, full-width ones as ASCII."""
    return "".join(char for char in value if not _unseen_in_email(char)).translate(_TO_ASCII)


def in_name(value: str) -> str:
    """Return a name without zero-width characters, its unusual spaces as plain ones."""
    return _without_zero_width(value, space=" ")


def in_website(value: str) -> str:
    """Return a web address without invisible characters, full-width ones up to its host as ASCII.

    A path may have full-width letters.
    """
    seen = _without_zero_width(value, space="")
    return _UP_TO_HOST.sub(lambda found: found[0].translate(_TO_ASCII), seen, count=1)


def differ(typed: str, read: str) -> bool:
    """Return whether invisible characters were taken out; full-width letters do not count."""
    return typed.translate(_TO_ASCII) != read.translate(_TO_ASCII)


def _unseen_in_email(char: str) -> bool:
    if char.isascii():
        return False
    return unicodedata.category(char) in {"Cf", "Zs"} or char in _BLANK_MARKS


def _without_zero_width(value: str, *, space: str) -> str:
    if value.isascii():
        return value
    return "".join(
        space if unicodedata.category(char) == "Zs" and char != " " else char
        for char in value
        if char not in _ZERO_WIDTH
    )
