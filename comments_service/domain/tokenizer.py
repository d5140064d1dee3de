"""Text as the search index sees it: one word at a time, in any script."""

import re
import unicodedata

# Scripts that put no spaces between words. Each of their characters is a word of the index, and a
# word of a search is a phrase of them: that finds two characters as well as twenty.
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
    """Return `text` folded (NFKC, without case) and with spaces between the words of the index."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _ALONE.sub(r" \g<0> ", folded)


def writes_no_spaces(char: str) -> bool:
    """Return whether the character is of a script that puts no spaces between words."""
    return _ALONE.match(char) is not None


def phrases(text: str) -> list[str]:
    """Return each word of a text as a phrase of words of the index; signs alone are none."""
    found = [" ".join(_WORD.findall(searchable(word))) for word in text.split()]
    return [phrase for phrase in found if phrase]


def search_for(query: str, *, beginning: bool = False) -> str | None:
    """Return the FTS5 expression that finds all words of a search; None if it has no word.

    With `beginning` the last word may be the beginning of one. Nothing that the query holds is an
    operator.
    """
    quoted = [f'"{phrase}"' for phrase in phrases(query)]
    if not quoted:
        return None
    return " ".join(quoted) + ("*" if beginning else "")
