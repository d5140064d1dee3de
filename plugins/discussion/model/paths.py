"""The paths and URLs of a discussion's files."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from .discussions import Page

FEED = "replies.atom"
SITE_FEED = "feeds/replies.atom"
SITEMAP = "sitemap.xml"
# URLs in one file of the sitemap; one approval writes one such file.
SHARD = 1000


def folder_of(file: str) -> str:
    """Return the folder, with its slash, of an article's further files."""
    if file == "index.html" or file.endswith("/index.html"):
        return file[: -len("index.html")]
    return (file.rsplit(".", 1)[0] if "." in file.rsplit("/", 1)[-1] else file) + "/"


def address_of(url: str) -> str:
    """Return the URL of that folder."""
    if url.endswith("/"):
        return url
    path = urlsplit(url).path
    name = path.rsplit("/", 1)[-1]
    if name == "index.html" or "." not in name:
        return url.removesuffix("index.html") if name == "index.html" else f"{url}/"
    return url[: -len(name)] + name.rsplit(".", 1)[0] + "/"


def feed_file(file: str) -> str:
    """Return the path of the Atom feed of an article's replies."""
    return folder_of(file) + FEED


def feed_url(page: Page) -> str:
    """Return that feed's URL."""
    return address_of(page.url) + FEED


def replies_file(file: str, number: int) -> str:
    """Return the path of a later page of an article's replies."""
    return f"{folder_of(file)}replies/{number}/index.html"


def replies_pattern(url: str) -> str:
    """Return the URL of later pages of replies, with `{page}` for the number."""
    return address_of(url) + "replies/{page}/"


def shard_file(number: int) -> str:
    """Return the path of one file of the sitemap, counted from 1."""
    return f"sitemaps/{number}.xml"


def shard_number(file: str) -> int | None:
    """Return the number of a sitemap file; None for other files."""
    found = re.fullmatch(r"sitemaps/([1-9][0-9]*)\.xml", file)
    return int(found[1]) if found else None
