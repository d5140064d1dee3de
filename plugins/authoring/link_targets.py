"""Resolves links: to a file of the build, to the service, or to another site."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from urllib.parse import unquote, urljoin, urlsplit

# Routes of the service, which no build makes, and what comes and goes with replies.
SERVICE = ("/comments/*", "/moderate/*", "*/replies.atom", "*/replies/[1-9]*/")


class Targets:
    """The files of one build, by the paths at which a web server shows them.

    `site_url` is SITEURL; `ignored` are patterns of paths such as `/shop/*`.
    """

    def __init__(self, site_url: str, files: Collection[str], ignored: Iterable[str] = ()) -> None:
        parts = urlsplit(site_url)
        self._host, self._prefix = parts.netloc.lower(), parts.path.rstrip("/")
        self._files = files
        self._ignored = (*SERVICE, *ignored)
        self.file_at: Callable[[str], str | None] = lru_cache(maxsize=65536)(self._file_at)

    def path(self, base: str, url: str) -> str | None:
        """Return the decoded path below the site's root of a link on the page `base`.

        None for another site, for no page (`mailto:`), and for ignored paths. Raises ValueError for
        an invalid URL.
        """
        parts = urlsplit(url)
        if parts.netloc:
            if not self._host or parts.netloc.lower() != self._host:
                return None
            if parts.scheme not in ("", "http", "https"):
                return None
        elif parts.scheme:
            return None
        path = parts.path or ("/" if parts.netloc else "")
        if not path.startswith("/"):
            path = urljoin(f"{self._prefix}/{base}", path)
        elif "/." in path:
            path = urljoin("/", path)
        if self._prefix:
            if path != self._prefix and not path.startswith(f"{self._prefix}/"):
                return None
            path = path[len(self._prefix) :] or "/"
        path = unquote(path)
        return None if self._is_ignored(path) else path

    def _file_at(self, path: str) -> str | None:
        """Return the file that a web server shows for a path; None if there is none."""
        name = path.lstrip("/")
        if name and not name.endswith("/") and name in self._files:
            return name
        folder = name if not name or name.endswith("/") else f"{name}/"
        index = f"{folder}index.html"
        return index if index in self._files else None

    def _is_ignored(self, path: str) -> bool:
        return any(fnmatchcase(path, pattern) for pattern in self._ignored)
