"""Renders replies: a subset of Markdown to sanitized HTML.

markdown-it-py renders (in linear time on everything tried, unlike python-markdown). The result
passes bleach's allow list and then nh3, an independent sanitizer. If the two disagree about a
document, the reply is held.
"""

import re
from html import unescape
from typing import NamedTuple
from urllib.parse import urlsplit

import bleach
import nh3
from markdown_it import MarkdownIt

from comments_service.domain.autolinks import link_addresses
from comments_service.domain.list_numbers import keep_numbers

# Stored with every reply. Increase it with every change of what `render` returns;
# `rejoinder migrate` then renders the stored replies again.
VERSION = 3

TAGS = frozenset({"p", "br", "em", "strong", "a", "blockquote", "ul", "ol", "li", "pre", "code"})
ATTRIBUTES = {"a": ["href"], "ol": ["start"]}
SCHEMES = frozenset({"http", "https"})
REL = "ugc nofollow noopener"


# Characters that a reference such as `&#12;` can produce although the form refuses them: those
# not allowed in XML, and the carriage return, which is converted when files are read as text.
_NOT_IN_A_PAGE = re.compile(r"[^\t\n\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")


class Rendered(NamedTuple):
    """Safe HTML; `disputed` if the two sanitizers disagreed about it."""

    html: str
    disputed: bool


def _web_link(url: str) -> bool:
    try:
        return urlsplit(url).scheme in SCHEMES
    except ValueError:
        return False


def _parser(*, linkify: bool) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True, "linkify": linkify})
    # Not needed in a reply: headings belong to the article, and images are not allowed.
    parser.disable(["image", "heading", "lheading", "hr", "html_block", "html_inline"])
    parser.disable("reference")
    if linkify:
        parser.enable("linkify")
        link_addresses(parser)
    keep_numbers(parser)
    parser.validateLink = _web_link  # type: ignore[method-assign]
    return parser


_markdown = _parser(linkify=True)
# Finding web addresses is the most expensive part of parsing, and each one contains "//".
_markdown_without_addresses = _parser(linkify=False)
_bleach = bleach.Cleaner(tags=TAGS, attributes=ATTRIBUTES, protocols=SCHEMES, strip=False)
_nh3 = nh3.Cleaner(
    tags=set(TAGS),
    # "*": by default nh3 allows `title` and `lang` on all tags, and bleach would disagree.
    attributes={"*": set()} | {tag: set(names) for tag, names in ATTRIBUTES.items()},
    url_schemes=set(SCHEMES),
    link_rel=REL,
)


def render(text: str) -> Rendered:
    """Render a reader's text (at most 10,000 characters, not checked here) as safe HTML."""
    parser = _markdown if "//" in text else _markdown_without_addresses
    raw = _NOT_IN_A_PAGE.sub("", parser.render(text))
    cleaned = _bleach.clean(raw)
    html = _nh3.clean(cleaned)
    # If bleach changed nothing, nh3 has already cleaned the raw document.
    return Rendered(html, disputed=cleaned != raw and html != _nh3.clean(raw))


_TAG = re.compile("<[^>]*>")
_HREF = re.compile('<a href="([^"]*)"')


class Seen(NamedTuple):
    """What HTML shows: its text without tags, and the targets of its links."""

    text: str
    links: list[str]


def seen(html: str) -> Seen:
    """Return the visible text and the links of HTML that `render` returned.

    nh3 wrote that HTML: `<` and `>` occur in tags only, and attributes are in double quotes.
    """
    links = [unescape(href) for href in _HREF.findall(html)]
    return Seen(unescape(_TAG.sub("", html)), links)
