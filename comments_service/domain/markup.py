"""The only gate for readers' text: a small Markdown in, HTML that is safe to print out.

markdown-it-py renders (linear on everything tried, where python-markdown is not), bleach's allow
list says what a reply may contain, and nh3, an independent parser, has the last word. Where the
two sanitizers see different documents, the reply is held and says so.
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

# Kept with every reply: html of another version was derived by other rules. Increase it with
# every change of what `render` returns; `rejoinder migrate` then renders what is stored again.
VERSION = 3

TAGS = frozenset({"p", "br", "em", "strong", "a", "blockquote", "ul", "ol", "li", "pre", "code"})
ATTRIBUTES = {"a": ["href"], "ol": ["start"]}
SCHEMES = frozenset({"http", "https"})
REL = "ugc nofollow noopener"


# A reference such as `&#12;` can bring back what the text itself may not hold: everything that
# XML has no place for, and the carriage return, which readers of files turn into another byte.
_NOT_IN_A_PAGE = re.compile(r"[^\t\n\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")


class Rendered(NamedTuple):
    """HTML to print as it is; `disputed` when the two sanitizers disagreed about it."""

    html: str
    disputed: bool


def _web_link(url: str) -> bool:
    try:
        return urlsplit(url).scheme in SCHEMES
    except ValueError:
        return False


def _parser(*, linkify: bool) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True, "linkify": linkify})
    # What a reply does not need: it stands below somebody else's headings, and hosts no pictures.
    parser.disable(["image", "heading", "lheading", "hr", "html_block", "html_inline"])
    parser.disable("reference")
    if linkify:
        parser.enable("linkify")
        link_addresses(parser)
    keep_numbers(parser)
    parser.validateLink = _web_link  # type: ignore[method-assign]
    return parser


_markdown = _parser(linkify=True)
# Looking for addresses is the dearest part of parsing, and every web address has two slashes.
_markdown_without_addresses = _parser(linkify=False)
_bleach = bleach.Cleaner(tags=TAGS, attributes=ATTRIBUTES, protocols=SCHEMES, strip=False)
_nh3 = nh3.Cleaner(
    tags=set(TAGS),
    # "*": left to itself, nh3 allows `title` and `lang` everywhere, and the two would disagree.
    attributes={"*": set()} | {tag: set(names) for tag, names in ATTRIBUTES.items()},
    url_schemes=set(SCHEMES),
    link_rel=REL,
)


def render(text: str) -> Rendered:
    """Turn a reader's text (at most 10,000 characters, checked before) into safe HTML."""
    parser = _markdown if "//" in text else _markdown_without_addresses
    raw = _NOT_IN_A_PAGE.sub("", parser.render(text))
    cleaned = _bleach.clean(raw)
    html = _nh3.clean(cleaned)
    # Where bleach changed nothing, nh3 has been asked about the raw document already.
    return Rendered(html, disputed=cleaned != raw and html != _nh3.clean(raw))


_TAG = re.compile("<[^>]*>")
_HREF = re.compile('<a href="([^"]*)"')


class Seen(NamedTuple):
    """What HTML shows: its text without the tags, and where its links lead."""

    text: str
    links: list[str]


def seen(html: str) -> Seen:
    """Return what a reader gets to see of HTML that `render` gave.

    That HTML is nh3's own writing: `<` and `>` stand in tags only, and attributes in double quotes.
    """
    links = [unescape(href) for href in _HREF.findall(html)]
    return Seen(unescape(_TAG.sub("", html)), links)
