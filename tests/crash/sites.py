"""A small site whose articles change, with checks of its output."""

from __future__ import annotations

import gzip
import os
import re
import secrets
import shutil
import threading
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from html import unescape
from pathlib import Path
from unittest.mock import patch
from urllib.parse import unquote

from plugins.cli.build import build_site
from plugins.discussion.client.http import Client
from plugins.discussion.client.snapshot import Snapshot
from plugins.discussion.publish.built_site import Site
from plugins.discussion.publish.publisher import Publisher
from tests.crash.service_state import TOKEN, House, Reply, of_status
from tests.discussion.samples import article, make_site, tree

SITE_URL = "https://r.example"
SETTINGS = """
SITEURL = "https://r.example"
FEED_ALL_ATOM = "feeds/all.atom.xml"
CATEGORY_FEED_ATOM = "feeds/{slug}.atom.xml"
CATEGORY_SAVE_AS = "category/{slug}/index.html"
CATEGORY_URL = "category/{slug}/"
DISCUSSION_PAGE_SIZE = 2
DISCUSSION_PRECOMPRESS = ("gz",)
"""
PERMALINK = re.compile(r'(https://r\.example[^"#<>\s\\]*)#(comment-[0-9a-z]{26})')
ANCHOR = re.compile(r'href="#(comment-[0-9a-z]{26})"')
ELEMENT = re.compile(r'id="(comment-[0-9a-z]{26})"')
REPLY_LINK = re.compile(r"/reply/([0-9a-z]{26})\"")
PINNED = re.compile(r'<ul id="pinned">.*?</ul>', re.DOTALL)
ID = re.compile(r"#comment-([0-9a-z]{26})")
# Strings that are unique to one reply: a part of its text, or its author's name.
SECRET_WORDS = re.compile(r"Words[0-9]+x0x|Name[0-9]+x")


@dataclass(frozen=True)
class Article:
    """The source of an article."""

    slug: str
    key: str
    open: bool = True
    version: int = 0
    category: str = "advice"


@dataclass
class Project:
    """A Pelican project below `root` that publishes the replies of the service `house`."""

    root: Path
    house: House
    articles: dict[str, Article] = field(default_factory=dict)

    def __post_init__(self) -> None:
        templates = self.root / "templates"
        templates.mkdir(parents=True)
        make_site(self.root, {}, f"{SETTINGS}THEME_TEMPLATES_OVERRIDES = [{str(templates)!r}]\n")
        (templates / "category.html").write_text('{% include "index.html" %}')

    @property
    def output(self) -> Path:
        """The symbolic link to the newest build."""
        return self.root / "output"

    @property
    def store(self) -> Path:
        """The snapshot that build and publisher share."""
        return self.root / "var" / "discussions.sqlite3"

    def write(self, *articles: Article) -> None:
        """Write or overwrite articles."""
        for one in articles:
            self.articles[one.key] = one
            more = {} if one.key == one.slug else {"Discussion": one.key}
            more |= {} if one.open else {"Comments": "closed"}
            path = self.root / "content" / f"{one.key}.md"
            body = f"Version {one.version} of the words."
            path.write_text(
                article(f"About {one.slug}", one.slug, body, Category=one.category, **more)
            )

    def revise(self, key: str, **changes: str | bool | int) -> None:
        """Change fields of an article and write it."""
        self.write(replace(self.articles[key], **changes))  # type: ignore[arg-type]

    def remove(self, key: str) -> None:
        """Remove an article."""
        del self.articles[key]
        (self.root / "content" / f"{key}.md").unlink()

    @contextmanager
    def following(self) -> Iterator[Publisher]:
        """Run a publisher in a thread until the block ends."""
        stop = threading.Event()
        with Snapshot(self.store) as snapshot, client(self.house) as asks:
            publisher = Publisher(self.output, snapshot, asks, wait_seconds=1)
            thread = threading.Thread(target=publisher.follow, args=(stop,), daemon=True)
            thread.start()
            try:
                yield publisher
            finally:
                stop.set()
                thread.join(60)
                assert not thread.is_alive(), "the publisher did not end"

    def build(self) -> Path:
        """Run a full build; returns the folder of the build."""
        return build_site(self.root, Path("pelicanconf.py"), Path("output")).root

    def round(self) -> int:
        """Run a publisher once, until the output is up to date."""
        with (
            Snapshot(self.store) as snapshot,
            client(self.house) as asks,
        ):
            return Publisher(self.output, snapshot, asks).once()

    def accept(self) -> None:
        """Accept a replaced or restored service, as with `--accept-empty`; writes no page."""
        with Snapshot(self.store) as snapshot, client(self.house) as asks:
            snapshot.sync(asks, accept_empty=True)

    def from_empty(self) -> dict[str, bytes]:
        """Return the files of a full build into an empty directory, with an empty snapshot."""
        name = f"empty-{secrets.token_hex(4)}"
        try:
            with patch.dict(os.environ, REJOINDER_VAR=name):
                built = build_site(self.root, Path("pelicanconf.py"), Path(f"{name}-output"))
            return tree(built.root)
        finally:
            shutil.rmtree(self.root / name, ignore_errors=True)
            (self.root / f"{name}-output").unlink(missing_ok=True)

    def files(self) -> dict[str, bytes]:
        """Return the files of the output, without those that are removed while it reads them."""
        root = self.output.resolve()
        found = {}
        for path in sorted(root.rglob("*")):
            with suppress(FileNotFoundError):
                if path.is_file():
                    found[path.relative_to(root).as_posix()] = path.read_bytes()
        return found

    def differences(self, full: Mapping[str, bytes] | None = None) -> list[str]:
        """Compare the output with a full build from nothing. Returns a line per differing file."""
        full = self.from_empty() if full is None else full
        return compared(self.files(), full)

    def problems(self) -> list[str]:
        """Return violations of invariants, which need no full build to compare with."""
        found = list(_wrong(self.files(), self.house.replies(), set(self.articles)))
        found += self._unlike_the_decisions()
        for link in self.root.glob(".*.discussion-tmp"):
            found.append(f"{link.name} was left beside the output")
        site = Site.open(self.output)
        pages = {page.key: (page.url, page.title, page.open) for page in site.manifest.pages}
        site.manifest.close()
        if self.house.registered() != pages:
            found.append(f"registered are {self.house.registered()}, built are {pages}")
        if set(pages) != set(self.articles):
            found.append(f"built are {sorted(pages)}, written are {sorted(self.articles)}")
        return found

    def _unlike_the_decisions(self) -> Iterator[str]:
        """Yield pins, locks and openness in the output that differ from the service's."""
        locked, taking = self.house.locked(), set(self.house.taking())
        marked = self.house.marked()
        site = Site.open(self.output)
        root, files = site.root, site.manifest.files_by_key
        site.manifest.close()
        for key in files.keys() & self.articles.keys():
            first = (root / files[key]).read_text()
            later = [
                one.read_text() for one in root.glob(f"{Path(files[key]).parent}/replies/*/*.html")
            ]
            if ("<form" in first) != (key in taking):
                yield f"{key} has a form although it is closed, or none although it is open"
            links = {one for text in (first, *later) for one in REPLY_LINK.findall(text)}
            here = [one for one in marked if one.key == key and one.status == "approved"]
            answered = {one.id for one in here if key in taking and one.id not in locked}
            if links != answered:
                yield f"{key} can be answered at {links}, not at {answered}"
            listed = PINNED.search(first)
            pinned = set(ID.findall(listed[0])) if listed else set()
            if pinned != {one.id for one in here if one.pinned}:
                yield f"{key} has pinned {pinned}"


def client(house: House) -> Client:
    """Return the site side's client for this service."""
    return Client(house.url, TOKEN, connect_seconds=2, read_seconds=5)


def compared(shown: Mapping[str, bytes], full: Mapping[str, bytes]) -> list[str]:
    """Compare two file trees. Returns one line per difference."""
    lines = [f"{name} is missing" for name in full.keys() - shown.keys()]
    lines += [f"{name} should not be there" for name in shown.keys() - full.keys()]
    for name in full.keys() & shown.keys():
        if full[name] != shown[name]:
            lines.append(f"{name} is another: {_first_difference(shown[name], full[name])}")
    return sorted(lines)


def _first_difference(shown: bytes, full: bytes) -> str:
    pairs = enumerate(zip(shown, full, strict=False))
    same = next((i for i, (one, other) in pairs if one != other), min(len(shown), len(full)))
    start = max(0, same - 60)
    return f"{shown[start : same + 80]!r} instead of {full[start : same + 80]!r}"


def _wrong(
    files: Mapping[str, bytes], replies: Collection[Reply], keys: Collection[str]
) -> Iterator[str]:
    plain = {name: data for name, data in files.items() if not name.endswith(".gz")}
    yield from _wrong_twins(files)
    texts = {name: data.decode(errors="replace") for name, data in plain.items()}
    shown = of_status([one for one in replies if one.key in keys], "approved")
    allowed = {word for one in shown for word in SECRET_WORDS.findall(f"{one.name} {one.text}")}
    for name, text in texts.items():
        for word in set(SECRET_WORDS.findall(text)) - allowed:
            yield f"{name} shows {word}, which is not public"
        if "@private.example" in text:
            yield f"{name} shows an address"
        if ".discussion-tmp" in name:
            yield f"{name} was left behind"
    pages = {name: text for name, text in texts.items() if name.endswith(".html")}
    ids = {name: Counter(ELEMENT.findall(text)) for name, text in pages.items()}
    total = sum(ids.values(), Counter[str]())
    for one in shown:
        if total[f"comment-{one.id}"] != 1:
            yield f"reply {one.id} of {one.key} stands {total[f'comment-{one.id}']} times"
        times = sum(text.count(f"<p>{one.text}</p>") for text in pages.values())
        if times != 1:
            yield f"the text of reply {one.id} of {one.key} stands {times} times"
    for name, text in texts.items():
        for url, anchor in PERMALINK.findall(text):
            file = unquote(unescape(url)).removeprefix(f"{SITE_URL}/")
            file += "index.html" if file.endswith("/") or not file else ""
            if anchor not in ids.get(file, ()):
                yield f"{name} leads to {url}#{anchor}, where nothing is"
        for anchor in ANCHOR.findall(text) if name in ids else ():
            if anchor not in ids[name]:
                yield f"{name} leads to #{anchor}, where nothing is"


def _wrong_twins(files: Mapping[str, bytes]) -> Iterator[str]:
    for name, data in files.items():
        if name.endswith(".gz"):
            if files.get(name.removesuffix(".gz")) != gzip.decompress(data):
                yield f"{name} is not the twin of its file"
            continue
        text = name.endswith((".html", ".xml", ".atom")) and not name.startswith(".discussion/")
        if text and f"{name}.gz" not in files:
            yield f"{name} has no twin"
