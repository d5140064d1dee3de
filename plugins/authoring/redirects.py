"""Redirects of moved articles: `Moved-from: old/path/` makes a page at the old address.

A small page for any file server, and a line in `_redirects` for those that read it (Netlify,
Cloudflare Pages and others), where readers and search engines get a real 301.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from ..language import formats
from ..language.catalog import Catalog, catalog_of
from ..language.hooks import folder_of
from ..shared import source_lines
from .link_checker import Problem

TABLE = "_redirects"
METADATA = "moved-from"
# Routes of the service, and addresses that other parts of the build use.
RESERVED = frozenset({"comments", "moderate", "search", "theme", "drafts", ".discussion", TABLE})
SAFE = "/:?#[]@!$&'()*+,;=%~"

PAGE = """\
<!DOCTYPE html>
<html lang="{language}" dir="{direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<meta name="robots" content="noindex">
<link rel="canonical" href="{url}">
<meta http-equiv="refresh" content="0; url={url}">
</head>
<body>
<p>{moved}</p>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Redirect:
    """A redirect from an old path (`/old/path/` on its host, decoded) to a text's URL.

    `file` is its place below the output, `written` what the author wrote.
    """

    written: str
    old: str
    file: str
    content: Any
    url: str
    words: Catalog

    @property
    def page(self) -> bytes:
        """Return the HTML of the page at the old address."""
        language = str(getattr(self.content, "lang", self.words.language))
        shown = {"title": escape(_plain(self.content.title)), "url": escape(self.url)}
        moved = self.words.gettext('This page has moved to <a href="%(url)s">%(title)s</a>.')
        return PAGE.format(
            language=escape(language),
            direction=formats.direction("", language),
            moved=moved % shown,
            **shown,
        ).encode()

    def problem(self, what: str) -> Problem:
        """Return a problem with it, naming the source."""
        return problem(self.content, self.written, what)


def problem(content: Any, old: str, what: str) -> Problem:
    """A problem with a line `Moved-from`."""
    source = str(content.source_path)
    line = source_lines.line_of_metadata(source, "Moved-from")
    return Problem(source_lines.shown(source), line, f'Moved-from "{old}" {what}')


def redirects_of(
    contents: Iterable[Any], settings: Mapping[str, Any]
) -> tuple[list[Redirect], list[Problem]]:
    """Return the redirects of published texts, by old path, and the problems of others."""
    texts = [one for one in contents if one.status in ("published", "hidden") and one.save_as]
    taken = {PurePosixPath(Path(one.save_as).as_posix()).as_posix(): one for one in texts}
    # A site may be below a path of its host.
    prefix = urlsplit(settings["SITEURL"]).path.rstrip("/")
    words = catalog_of(folder_of(settings["THEME"]), settings["DEFAULT_LANG"])
    found: dict[str, Redirect] = {}
    problems: list[Problem] = []
    for content in texts:
        for old in _wanted(content):
            path = _path(old, settings["SITEURL"])
            if path is None:
                problems.append(problem(content, old, "is no path of this site, such as old/path/"))
                continue
            if path.strip("/").split("/")[0] in RESERVED:
                problems.append(problem(content, old, "begins with a reserved name"))
                continue
            url = _url(content, settings["SITEURL"])
            redirect = Redirect(old, f"{prefix}{path}", _file(path), content, url, words)
            other = taken.get(redirect.file) or getattr(found.get(redirect.file), "content", None)
            if other is not None:
                where = source_lines.shown(str(other.source_path))
                problems.append(problem(content, old, f"is the address of {where}"))
                continue
            found[redirect.file] = redirect
    return sorted(found.values(), key=lambda one: one.old), problems


def table(redirects: Iterable[Redirect]) -> bytes:
    """Return the file `_redirects`: a line `FROM TO 301` for each."""
    lines = [f"{quote(one.old, safe=SAFE)} {_path_and_rest(one.url)} 301\n" for one in redirects]
    return "".join(lines).encode()


def _wanted(content: Any) -> list[str]:
    value = content.metadata.get(METADATA) or content.metadata.get("moved_from") or ""
    parts = value if isinstance(value, list) else str(value).split(",")
    return list(dict.fromkeys(part.strip() for part in parts if part.strip()))


def _path(old: str, site_url: str) -> str | None:
    """Return an old address as a decoded path with a leading slash; None for another site's."""
    if site_url and old.startswith(f"{site_url}/"):
        old = old[len(site_url) :]
    try:
        parts = urlsplit(old)
    except ValueError:
        return None
    path = unquote(parts.path)
    if parts.scheme or parts.netloc or parts.query or parts.fragment or not path.strip("/"):
        return None
    names = path.strip("/").split("/")
    if any(name in ("", ".", "..") or "\\" in name or not name.isprintable() for name in names):
        return None
    if any(char.isspace() for char in path):
        return None
    # An address without trailing slash and ending is a folder, as articles here are.
    folder = path.endswith("/") or "." not in names[-1]
    return "/" + "/".join(names) + ("/" if folder else "")


def _file(path: str) -> str:
    return path.lstrip("/") + ("index.html" if path.endswith("/") else "")


def _url(content: Any, site_url: str) -> str:
    return f"{site_url}/{quote(content.url.lstrip('/'), safe=SAFE)}"


def _path_and_rest(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(scheme="", netloc="").geturl()


def _plain(title: object) -> str:
    return " ".join(str(title).split())
