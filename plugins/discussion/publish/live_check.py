"""Fetches pages as readers get them, until each shows what the publisher wrote."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urljoin, urlsplit

import requests

from ...shared.error_log import described
from ...shared.errors import DiscussionError, PageError
from ...shared.settings import LOOPBACK
from ..model.manifest import Manifest
from ..model.markers import opening

log = logging.getLogger("rejoinder.publisher")

TICK_SECONDS = 0.1
# Seconds: the pause before the first check, and between further ones of a page.
FIRST_SECONDS = 0.3
AGAIN_SECONDS = 2.0
# Seconds: after the first the problem is reported; then checks are rare, and end.
PATIENCE_SECONDS = 60.0
RARE_SECONDS = 60.0
LONGEST_SECONDS = 3600.0
# A pause between requests, so that a burst of changes is no burst of requests.
PAUSE_SECONDS = 0.05

READ_SECONDS = 5.0
WHOLE_SECONDS = 10.0
MAX_BYTES = 10_000_000
MAX_REDIRECTS = 3
# Longer than any marker of a discussion; a chunk may end within one.
_MARKER = 1_000


class Addresses:
    """Where readers find the pages of the build that is shown, whose `manifest` is set with it.

    `site_url` is the origin that they type, "" where only the build's own addresses tell it, or
    None to look nowhere.
    """

    def __init__(self, site_url: str | None) -> None:
        self.manifest: Manifest | None = None
        self._site_url = site_url

    def of(self, key: str) -> str | None:
        """Return a page's absolute URL; None if it is unknown."""
        if self._site_url is None or self.manifest is None:
            return None
        entry = self.manifest.entry(key)
        url = urljoin(f"{self._site_url}/", entry.page.url) if entry is not None else ""
        return url if url.startswith(("http://", "https://")) else None


class Fetcher:
    """Fetches pages as a reader does: without token, cookies or redirects to other hosts."""

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.headers.update({"User-Agent": "rejoinder-site"})
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # Otherwise requests would look for a password in .netrc, which readers do not have.
        self._session.auth = _nobody

    def revision(self, url: str, key: str) -> int:
        """Return the revision of the discussion at `url`; PageError explains a failure."""
        host, deadline = urlsplit(url).hostname, time.monotonic() + WHOLE_SECONDS
        # A proxy from the environment could not reach this machine's own server.
        self._session.trust_env = host not in LOOPBACK
        address = url
        try:
            for _ in range(MAX_REDIRECTS + 1):
                with self._session.get(
                    address, timeout=READ_SECONDS, allow_redirects=False, stream=True
                ) as answer:
                    if not answer.is_redirect:
                        return _revision(answer, url, key, deadline)
                    address = urljoin(address, answer.headers["Location"])
                if urlsplit(address).hostname != host:
                    raise PageError(f"{url} leads to another host.")
        except (requests.RequestException, ValueError) as error:
            raise PageError(f"{url} cannot be fetched ({type(error).__name__}).") from error
        raise PageError(f"{url} leads from one address to the next.")


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _revision(answer: requests.Response, url: str, key: str, deadline: float) -> int:
    if answer.status_code != requests.codes.ok:
        raise PageError(f"{url} answers {answer.status_code}.")
    marker = re.compile(re.escape(opening("discussion", key).encode()) + rb"([0-9]{1,19})-->")
    kept, size = b"", 0
    for chunk in answer.iter_content(65_536):
        kept += chunk
        size += len(chunk)
        if found := marker.search(kept):
            return int(found[1])
        if size > MAX_BYTES or time.monotonic() > deadline:
            raise PageError(f"{url} is too long, or too slow, to be looked through.")
        kept = kept[-_MARKER:]
    raise PageError(
        f"{url} has no marker of its discussion: another page answers there, or something strips "
        "HTML comments on the way."
    )


@dataclass(slots=True)
class _Watch:
    """A page from which readers should get a revision between `first` and `last`."""

    url: str
    first: int
    last: int
    since: float
    due: float
    looked: float = float("-inf")
    told: bool = False


class Lookout:
    """Watches pages until readers get what was written; safe for several threads.

    `seen` and `unseen` are told what came of it: by page key the revision, or what is in the way.
    """

    def __init__(
        self,
        seen: Callable[[str, int], None],
        unseen: Callable[[str, str], None],
        look: Callable[[str, str], int] | None = None,
    ) -> None:
        self._seen, self._unseen = seen, unseen
        self._look = look or Fetcher().revision
        self._guard = threading.Lock()
        self._watches: dict[str, _Watch] = {}

    def expect(self, key: str, url: str, revision: int) -> None:
        """Expect this revision of a page at this absolute URL."""
        now = time.monotonic()
        with self._guard:
            watch = self._watches.get(key)
            if watch is None:
                watch = _Watch(url, revision, revision, now, now + FIRST_SECONDS)
                self._watches[key] = watch
            elif revision != watch.last:
                watch.url, watch.last = url, revision
                watch.first = min(watch.first, revision)
                watch.due = max(now + FIRST_SECONDS, watch.looked + AGAIN_SECONDS)

    def forget(self) -> None:
        """Forget all expectations: they belong to a build or database that is gone."""
        with self._guard:
            self._watches.clear()

    @property
    def watching(self) -> int:
        """Return the number of watched pages."""
        return len(self._watches)

    def run(self, stop: threading.Event) -> None:
        """Check page by page until `stop` is set; no error ends it."""
        while not stop.wait(TICK_SECONDS):
            try:
                while (key := self._next()) is not None and not stop.wait(PAUSE_SECONDS):
                    self._once(key)
            except Exception as error:
                log.error("event=error kind=unexpected %s", described(error))  # noqa: TRY400
                stop.wait(AGAIN_SECONDS)

    def _next(self) -> str | None:
        now = time.monotonic()
        with self._guard:
            due = [(watch.due, key) for key, watch in self._watches.items() if watch.due <= now]
        return min(due)[1] if due else None

    def _once(self, key: str) -> None:
        with self._guard:
            watch = self._watches.get(key)
        if watch is None:
            return
        why, found = "", -1
        try:
            found = self._look(watch.url, key)
        except DiscussionError as error:
            why = str(error)
        now = time.monotonic()
        with self._guard:
            if self._watches.get(key) is not watch:
                return
            watch.looked = now
            # A revision above the written one belongs to a database that is gone.
            news = watch.first <= found <= watch.last
            if news and found == watch.last:
                del self._watches[key]
            elif news:
                watch.first, watch.since, watch.told = found + 1, now, False
            waited = now - watch.since
            late = not news and waited > PATIENCE_SECONDS
            tell = late and not watch.told
            watch.told = watch.told or late
            watch.due = now + (RARE_SECONDS if late else AGAIN_SECONDS)
            if not news and waited > LONGEST_SECONDS:
                del self._watches[key]
        if news:
            self._seen(key, found)
        elif tell:
            self._unseen(key, why or _another(watch, found, waited))


def _another(watch: _Watch, found: int, waited: float) -> str:
    return (
        f"{watch.url} still shows revision {found} instead of {watch.last} after {waited:.0f} s: "
        "a cache in between keeps the old page, or another folder is served."
    )
