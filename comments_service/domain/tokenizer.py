"""Tokenizer of the full-text search: splits text of any script, and builds FTS5 queries."""

import re
import unicodedata

# Scripts that put no spaces between words. Each of their characters is one token of the index, and
# a word of a query becomes a phrase of such tokens, so that any number of characters is found.
_ALONE = re.compile(
    "["
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Burmese, Khmer
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u30ff\u31f0-\u31ff"  # kana, radicals
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Han
    "\U0001b000-\U0001b16f\U00020000-\U0003ffff"
    "]"
)
_WORD = re.compile(r"[^\W_]+")


def searchable(text: str) -> str:
    """Return `text` folded (NFKC and case) with spaces between the tokens of the index."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _ALONE.sub(r" \g<0> ", folded)


def writes_no_spaces(char: str) -> bool:
    """Return whether the character is of a script that puts no spaces between words."""
    return _ALONE.match(char) is not None


def phrases(text: str) -> list[str]:
    """Return each word of a text as a phrase of index tokens; punctuation alone is left out."""
    candidates = [" ".join(_WORD.findall(searchable(word))) for word in text.split()]
    return [phrase for phrase in candidates if phrase]


def search_for(query: str, *, beginning: bool = False) -> str | None:
    """Return the FTS5 expression that matches all words of `query`; None if it has no words.

    With `beginning` the last word also matches as a prefix. Words are quoted, so nothing in the
    query acts as an FTS5 operator.
    """
    quoted = [f'"{phrase}"' for phrase in phrases(query)]
    if not quoted:
        return None
    return " ".join(quoted) + ("*" if beginning else "")
