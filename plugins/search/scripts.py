"""Separates characters of scripts without spaces, for an engine that splits at spaces.

Each of their characters becomes a word of the index, as in the service's own
(comments_service/domain/tokenizer.py) and in the search page's script, which asks for a phrase.
"""

from __future__ import annotations

import re

ALONE = re.compile(
    "["
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Burmese, Khmer
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u30ff\u31f0-\u31ff"  # kana, radicals
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Han
    "\U0001b000-\U0001b16f\U00020000-\U0003ffff"
    "]"
)
_TAGS = re.compile(r"(<[^>]*>)")


def apart(html: str) -> str:
    """Return the HTML with spaces around each such character of its text."""
    if not ALONE.search(html):
        return html
    parts = _TAGS.split(html)
    parts[::2] = [ALONE.sub(r" \g<0> ", text) for text in parts[::2]]
    return "".join(parts)
