"""Small sites and replies for the tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from plugins.discussion.client.http import Client
from plugins.discussion.client.snapshot import Snapshot
from plugins.discussion.model import markers
from plugins.discussion.model.discussions import Page
from plugins.discussion.model.options import RenderSettings
from plugins.discussion.publish.publisher import Publisher
from plugins.shared import files as pages
from tests.discussion.api_server import TOKEN

HERE = Path(__file__).parent
TEMPLATES = HERE / "theme" / "templates" / "discussion"
SETTINGS = RenderSettings("/comments")
PAGE = Page("networking", "/networking/", "Networking", "How do you handle networking?", True)
ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"


def identifier(number: int) -> str:
    """Return a reply's id: 26 characters that sort like the numbers."""
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = ALPHABET[digit] + text
    return "01" + text.rjust(24, "0")


def reply(number: int, parent: int | None = None, **changes: Any) -> dict[str, Any]:
    """Return a reply as the API sends it, submitted at minute `number` of a day in November."""
    return {
        "id": identifier(number),
        "parent": None if parent is None else identifier(parent),
        "author": {"name": f"Reader {number}", "url": None},
        "html": f"<p>Reply number {number}.</p>\n",
        "submitted": f"2026-11-{1 + number // 1440:02}T{number // 60 % 24:02}:{number % 60:02}:00Z",
        "edited": None,
        "editor": False,
        "removed": False,
        **changes,
    }


def removed(number: int, parent: int | None = None) -> dict[str, Any]:
    return reply(number, parent, author=None, html="", removed=True)


def discussion(comments: list[dict[str, Any]], key: str = "networking", revision: int = 7) -> Any:
    return {"key": key, "revision": revision, "comments": comments}


def article(title: str, slug: str, body: str = "Words.", **metadata: str) -> str:
    lines = {"Title": title, "Slug": slug, "Date": "2026-11-01", **metadata}
    return "".join(f"{name}: {value}\n" for name, value in lines.items()) + f"\n{body}\n"


def make_site(
    root: Path, articles: Mapping[str, str] | None = None, settings: str = "", theme: Path = HERE
) -> Path:
    """A Pelican project below `root`; `articles` maps file names to Markdown. Returns its root."""
    content = root / "content"
    content.mkdir(parents=True, exist_ok=True)
    if articles is None:
        articles = {
            "networking.md": article(
                "Networking", "networking", Question="How do you handle networking?"
            ),
            "meetings.md": article("Meetings", "meetings"),
            "feedback.md": article("Feedback", "feedback", Comments="closed"),
        }
    for name, text in articles.items():
        (content / name).write_text(text, encoding="utf-8")
    (root / "pelicanconf.py").write_text(
        f"""
SITENAME = "Test"
SITEURL = ""
PATH = "content"
THEME = {str(theme / "theme")!r}
PLUGINS = ["plugins.discussion"]
ARTICLE_URL = "{{slug}}/"
ARTICLE_SAVE_AS = "{{slug}}/index.html"
ARTICLE_LANG_URL = "{{slug}}/{{lang}}/"
ARTICLE_LANG_SAVE_AS = "{{slug}}/{{lang}}/index.html"
DIRECT_TEMPLATES = ["index"]
CATEGORY_SAVE_AS = AUTHOR_SAVE_AS = TAG_SAVE_AS = ""
DEFAULT_LANG = "en"
TIMEZONE = "UTC"
FEED_ALL_ATOM = CATEGORY_FEED_ATOM = TRANSLATION_FEED_ATOM = None
AUTHOR_FEED_ATOM = AUTHOR_FEED_RSS = None
STATIC_PATHS = []
{settings}
""",
        encoding="utf-8",
    )
    return root


def swap(path: Path, fragment: str, key: str = "networking", name: str = "discussion") -> None:
    """Replace the region in the file."""
    data = pages.read(path)
    region = markers.find(data, name, key, str(path))
    pages.replace(path, markers.splice(data, [(region, fragment)]))


def tree(root: Path) -> dict[str, bytes]:
    """Return the content of every file below a directory, by relative path."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def identities(root: Path) -> dict[str, tuple[int, int]]:
    """Return inode and modification time of every file below a directory."""
    root = root.resolve()
    return {
        path.relative_to(root).as_posix(): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def accept(store: Path, url: str) -> None:
    """Accept the data of a replaced service into the snapshot, as `build --accept-empty` does."""
    with Snapshot(store) as snapshot, client_of(url) as client:
        snapshot.sync(client, accept_empty=True)


def client_of(url: str) -> Client:
    return Client(url, TOKEN, connect_seconds=2, read_seconds=5)


@contextmanager
def following(
    output: Path,
    snapshot: Path,
    url: str,
    asks: Client | None = None,
    site_url: str | None = None,
) -> Iterator[Publisher]:
    """Run a publisher in a thread until the block ends."""
    stop = threading.Event()
    with Snapshot(snapshot) as store, asks or client_of(url) as client:
        publisher = Publisher(output, store, client, site_url=site_url)
        thread = threading.Thread(target=publisher.follow, args=(stop,), daemon=True)
        thread.start()
        try:
            yield publisher
        finally:
            stop.set()
            thread.join(60)
            assert not thread.is_alive(), "the publisher did not end"


def eventually(claim: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until a condition holds that another thread or process fulfils."""
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.02)
