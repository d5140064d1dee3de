"""Extracts the text of an article from its page, and computes its digest."""

from __future__ import annotations

import re
from hashlib import blake2b
from html import unescape

from ..discussion.model.discussions import Page
from .records import MARK

_MARKED = re.compile(rf"<([a-zA-Z][\w-]*)(?=[\s/>])[^>]*\s{MARK}(?=[\s=/>])[^>]*>")
# Elements that are never closed extend to the end.
_UNSEEN = re.compile(
    r"<!--.*?(?:-->|\Z)"
    r"|<(script|style|template|svg)(?=[\s/>])[^>]*>.*?(?:</\1\s*>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
# Tags inside a word do not divide it.
_INLINE = re.compile(
    r"</?(?:a|abbr|b|bdi|bdo|cite|code|del|dfn|em|i|ins|kbd|mark|q|s|samp|small|span|strong|sub|sup"
    r"|time|u|var|wbr)(?=[\s/>])[^>]*>",
    re.IGNORECASE,
)
_TAG = re.compile(r"<[^>]*>")


def marked(html: str) -> str:
    """Return the elements of a page that hold the article's own text, concatenated."""
    found, at = [], 0
    while mark := _MARKED.search(html, at):
        at = _end(html, mark)
        found.append(html[mark.start() : at])
    return "".join(found)


def text_of(html: str) -> str:
    """Return the words of some HTML, separated by single spaces."""
    text = _TAG.sub(" ", _INLINE.sub("", _UNSEEN.sub(" ", html)))
    return " ".join(unescape(text).replace("\0", " ").split())


def digest_of(page: Page, text: str) -> str:
    """Digest text, title and question: the service stores all three together."""
    whole = "\0".join((page.title, page.question, text))
    return blake2b(whole.encode(), digest_size=16).hexdigest()


def _end(html: str, mark: re.Match[str]) -> int:
    """Return where the element of this tag ends; the page's end if it is never closed."""
    depth = 0
    for tag in re.compile(rf"<(/?){mark[1]}(?=[\s/>])").finditer(html, mark.start()):
        depth += -1 if tag[1] else 1
        if not depth:
            return tag.start()
    return len(html)
