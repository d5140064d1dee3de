"""The only gate for readers' text: a small Markdown in, HTML that is safe to print out.

markdown-it-py renders (linear on everything tried, where python-markdown is not), bleach's allow
list says what a reply may contain, and nh3, an independent parser, has the last word. Where the
two sanitizers see different documents, the reply is held and says so.
"""

from typing import NamedTuple
from urllib.parse import urlsplit

import bleach
import nh3
from markdown_it import MarkdownIt

# Kept with every reply: html of another version was derived by other rules.
VERSION = 1

TAGS = frozenset({"p", "br", "em", "strong", "a", "blockquote", "ul", "ol", "li", "pre", "code"})
ATTRIBUTES = {"a": ["href"], "ol": ["start"]}
SCHEMES = frozenset({"http", "https"})
REL = "ugc nofollow noopener"


class Rendered(NamedTuple):
    """HTML to print as it is; `disputed` when the two sanitizers disagreed about it."""

    html: str
    disputed: bool


def _web_link(url: str) -> bool:
    try:
        return urlsplit(url).scheme in SCHEMES
    except ValueError:
        return False


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True, "linkify": True})
    # What a reply does not need: it stands below somebody else's headings, and hosts no pictures.
    parser.disable(["image", "heading", "lheading", "hr", "html_block", "html_inline"])
    parser.disable("reference")
    parser.enable("linkify")
    # Only what is written as a web address becomes a link: "Node.js" and addresses stay text.
    if parser.linkify is not None:
        parser.linkify.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
    parser.validateLink = _web_link  # type: ignore[method-assign]
    return parser


_markdown = _parser()
_bleach = bleach.Cleaner(tags=TAGS, attributes=ATTRIBUTES, protocols=SCHEMES, strip=False)
_nh3 = nh3.Cleaner(
    tags=set(TAGS),
    attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
    url_schemes=set(SCHEMES),
    link_rel=REL,
)


def render(text: str) -> Rendered:
    """Turn a reader's text (at most 10,000 characters, checked before) into safe HTML."""
    raw = _markdown.render(text)
    html = _nh3.clean(_bleach.clean(raw))
    return Rendered(html, disputed=html != _nh3.clean(raw))
