"""The records of the index: each article, and each approved reply, with its own address."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from html import escape
from pathlib import Path
from urllib.parse import quote

from ..discussion.model import markers
from ..discussion.model.manifest import Entry
from ..discussion.model.paging import divide, permalink
from ..discussion.render.render_context import World
from ..shared import files as pages
from ..shared.errors import PrivacyError, ServiceError
from .errors import SearchError
from .scripts import apart

ARTICLE, REPLY = "article", "reply"
# The attribute that a theme puts on the element with an article's own text.
MARK = "data-pagefind-body"
# The prefix of an id that contains, as quoted JSON, what the search page shows.
FACTS = "facts:"
_BODY = b"<body"


@dataclass(frozen=True, slots=True)
class Record:
    """A record, and the document that the engine reads."""

    url: str
    kind: str
    document: str

    @property
    def digest(self) -> str:
        """Digest the record: equal for equal records only."""
        return blake2b(self.document.encode(), digest_size=16).hexdigest()

    @property
    def name(self) -> str:
        """Return a stable file name; the index depends on it."""
        return blake2b(self.url.encode(), digest_size=12).hexdigest() + ".html"


def records(world: World, root: Path, refused: Callable[[str], None]) -> Iterator[Record]:
    """Yield everything that the build at `root` and the snapshot show to readers.

    What the privacy check refuses is left out, and reported. Hidden articles are not found, nor are
    the replies to them.
    """
    for page in world.manifest.pages:
        entry = world.manifest.entry(page.key)
        if entry is None or not page.facts.listed:
            continue
        yield _article(entry, root)
        try:
            yield from _replies(world, entry)
        except PrivacyError as error:
            if isinstance(error.__cause__, ServiceError):
                # Without the service nothing can be checked; the index stays as it is.
                raise
            refused(str(error))


def without_regions(where: Path) -> bytes:
    """Return a page without regions: replies have records of their own."""
    data = pages.read(where)
    return markers.splice(data, [(one, "") for one in markers.scan(data, str(where))])


def _article(entry: Entry, root: Path) -> Record:
    page, where = entry.page, root / entry.file
    bare = without_regions(where)
    if MARK.encode() not in bare:
        raise SearchError(
            f"{where}: nothing says which words are the article's; give the element that holds "
            f"them the attribute {MARK} in the theme's article.html and page.html, or set "
            "DISCUSSION_SEARCH = False"
        )
    body = bare[max(bare.find(_BODY), 0) :].decode()
    inside = body[body.find(">") + 1 :].partition("</body")[0]
    authors = ", ".join(name for name, _ in page.facts.authors)
    # Title and question from the manifest, wherever the theme puts them.
    head = f"<h1 {MARK}>{escape(page.title)}</h1>"
    tail = f"<p {MARK}>{escape(page.question)}</p>" if page.question else ""
    return _record(page.url, ARTICLE, page.title, authors, head + inside + tail)


def _replies(world: World, entry: Entry) -> Iterator[Record]:
    page = entry.page
    discussion = world.discussion(page.key)
    parts = divide(discussion, page.page_size)
    for one in discussion.comments:
        if one.author is not None and not one.removed:
            url = permalink(page, parts, one.id)
            yield _record(url, REPLY, page.title, one.author.name, f"<div {MARK}>{one.html}</div>")


def _record(url: str, kind: str, title: str, author: str, inside: str) -> Record:
    # Pagefind searches meta fields too. A reply has only the author's name there, not its article's
    # title, which would find all replies.
    # Ids of elements are returned with a result and are not searched;
    # filters would be searched, and their order differs each time.
    facts = {"url": url, "kind": kind, "title": title, "author": author}
    told = f'<div {MARK}><p id="{FACTS}{quote(json.dumps(facts, ensure_ascii=False))}"></p></div>'
    metas = f'<meta data-pagefind-meta="author[content]" content="{escape(apart(author))}">'
    if kind == ARTICLE:
        metas += f'<meta data-pagefind-meta="title[content]" content="{escape(apart(title))}">'
    document = (
        '<!DOCTYPE html><html><head><meta charset="utf-8"><title></title></head>'
        f"<body>{metas}{told}{apart(inside)}</body></html>"
    )
    return Record(url, kind, document)
