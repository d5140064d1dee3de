"""Tokens for forms that name a stored thing by its number and by its content.

In a restored backup, a number can belong to something else than on a page from before the restore.
"""

import hashlib
import json

_LENGTH = 16


def content_token(number: int, *content: object) -> str:
    """Return the number with a hash of `content`, which can be stored as JSON."""
    text = json.dumps(content, sort_keys=True, default=str)
    return f"{number}-{hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]}"


def number_in(token: str) -> int | None:
    """Return the number in a token; None if there is none."""
    number = token.partition("-")[0]
    return int(number) if number.isascii() and number.isdigit() and len(number) <= 15 else None
