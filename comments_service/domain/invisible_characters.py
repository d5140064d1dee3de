"""Removes invisible characters and full-width letters from names, email and web addresses.

An address copied from a chat or a document often contains a zero-width space, a byte order mark or
a no-break space. Japanese and Chinese keyboards write full-width letters.
"""

import re
import unicodedata

# Letters and symbols, by Unicode category, that are displayed as blank.
BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u2800")
# Removed from names and web addresses. The zero-width joiners are not in it, because Persian and
# Hindi spell words with them.
_ZERO_WIDTH = frozenset("\u00ad\u200b\u2060\ufeff")
# Removed from email addresses, in addition to the categories Cf (format) and Zs (space).
_BLANK_MARKS = frozenset("\u034f\u180b\u180c\u180d\u180f") | BLANK_LETTERS
_BLANK_MARKS |= {chr(code) for code in range(0xFE00, 0xFE10)}
# U+FF01 to U+FF5E are full-width ASCII; the East Asian full stops are typed instead of a dot.
_TO_ASCII = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3002: ".", 0xFF61: "."}
# The part of a web address before its path.
_UP_TO_HOST = re.compile(r"(?:[^/／?？#＃]+[:：][/／]{2})?[^/／?？#＃]*")


def in_email(value: str) -> str:
    """Return an email address without invisible characters; full-width ones become ASCII."""
    return "".join(char for char in value if not _unseen_in_email(char)).translate(_TO_ASCII)


def in_name(value: str) -> str:
    """Return a name without zero-width characters; other spaces become plain ones."""
    return _without_zero_width(value, space=" ")


def in_website(value: str) -> str:
    """Return a web address without invisible characters.

    Full-width characters of scheme and host become ASCII; the path may contain them.
    """
    seen = _without_zero_width(value, space="")
    return _UP_TO_HOST.sub(lambda match: match[0].translate(_TO_ASCII), seen, count=1)


def differ(typed: str, read: str) -> bool:
    """Return whether invisible characters were removed; full-width letters do not count."""
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
