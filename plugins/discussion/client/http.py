"""The HTTP client of the service's API (docs/api.md); its errors explain the fix."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from http.cookiejar import DefaultCookiePolicy
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.util import Retry

from ...shared.errors import ServiceRefused, ServiceUnavailable, WireError
from ...shared.settings import LOOPBACK, SiteSettings
from ..model.discussions import (
    Batch,
    Discussion,
    Page,
    page_json,
    read_batch,
    read_discussion,
)

CONNECT_SECONDS = 3.05
READ_SECONDS = 10.0
MAX_WAIT_SECONDS = 30
# The service's limits for requests about private strings: number, and characters of each.
MAX_CANDIDATES = 10_000
MAX_CANDIDATE = 320
# Limits of articles' texts, in characters of each.
MAX_TEXT = 100_000


@dataclass(frozen=True, slots=True)
class Registration:
    """The numbers of registered and withdrawn pages."""

    registered: int
    withdrawn: int


@dataclass(frozen=True, slots=True)
class Answer:
    """One discussion and its ETag for the next request; `discussion` is None for 304."""

    discussion: Discussion | None
    etag: str


@dataclass(frozen=True, slots=True)
class PageReport:
    """The revision that a page shows, and the one that readers get, or None."""

    key: str
    written: int
    live: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """A report of the publisher; with `complete`, about all pages.

    `stalled` maps page keys to causes; `trouble` is a problem of no single page.
    """

    epoch: str
    complete: bool
    pages: Sequence[PageReport]
    stalled: Mapping[str, str]
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """An article's text, at most MAX_TEXT characters; `digest` identifies its state.

    Both are "" where there is none.
    """

    key: str
    digest: str
    text: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """The pages whose texts differ in the service, and those that are not registered there."""

    keys: list[str]
    unknown: list[str]


class Client:
    """The API client; can be used by a poll and a registration at the same time.

    Every method raises ServiceUnavailable, ServiceRefused or WireError, and nothing else.
    """

    def __init__(
        self,
        service_url: str,
        token: str,
        *,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
        retries: int = 3,
    ) -> None:
        self.service_url = service_url.rstrip("/")
        self._connect = connect_seconds
        self._read = read_seconds
        self._session = requests.Session()
        # An auth object, because a .netrc entry replaces a plain Authorization header.
        self._session.auth = _Bearer(token)
        self._session.headers.update({"Accept": "application/json", "User-Agent": "rejoinder-site"})
        # No cookies: a session without state can be shared by two threads.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        if urlsplit(self.service_url).hostname in LOOPBACK:
            # A proxy from the environment could not reach this machine's service.
            self._session.trust_env = False
        adapter = HTTPAdapter(
            max_retries=Retry(
                total=retries,
                connect=retries,
                # Retry a kept-alive connection that the service closed, but not repeated timeouts.
                read=min(1, retries),
                status=retries,
                redirect=0,
                other=0,
                status_forcelist={502, 503, 504},
                allowed_methods={"GET", "POST", "PUT"},
                backoff_factor=0.1,
                respect_retry_after_header=False,
                raise_on_status=False,
            )
        )
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    @classmethod
    def from_settings(cls, settings: SiteSettings) -> Client:
        """Return the client for these settings; SettingsError if the token is missing."""
        return cls(settings.service_url, settings.token)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def changes(
        self, since: int, epoch: str | None, wait: int = 0, limit: int = 100
    ) -> Batch | None:
        """Return the discussions changed after the cursor `since`; None if there are none.

        `wait` (0-30 seconds) lets the service delay its response until there are some. `epoch` is
        the one that the cursor belongs to; None when there is no cursor yet.
        """
        wait = max(0, min(wait, MAX_WAIT_SECONDS))
        headers = {} if epoch is None else {"If-None-Match": f'"{epoch}:{since}"'}
        response = self._ask(
            "GET",
            "changes",
            params={"since": since, "wait": wait, "limit": limit},
            headers=headers,
            # The service may use all of `wait` before its first byte.
            read_seconds=self._read + wait,
        )
        if response.status_code == requests.codes.not_modified:
            return None
        batch = read_batch(self._json(response))
        if batch.epoch == epoch and batch.more and batch.next <= since:
            raise WireError(
                f"answer.next: {batch.next} is not above the cursor {since}, yet more is promised"
            )
        return batch

    def discussion(self, key: str, etag: str | None = None) -> Answer | None:
        """Return one discussion with its ETag; None if the page is not registered."""
        response = self._ask(
            "GET",
            "discussions/" + quote(key, safe=""),
            headers={} if etag is None else {"If-None-Match": etag},
            missing_is_an_answer=True,
        )
        if response.status_code == requests.codes.not_found:
            return None
        tag = response.headers.get("ETag", "")
        if response.status_code == requests.codes.not_modified:
            return Answer(None, tag or etag or "")
        return Answer(read_discussion(self._json(response)), tag)

    def register(self, pages: Iterable[Page]) -> Registration:
        """Register the complete list of pages that take replies."""
        response = self._ask("PUT", "pages", json={"pages": [_registered(page) for page in pages]})
        answer = self._json(response)
        if not isinstance(answer, dict):
            raise WireError("answer: expected an object")
        registered, withdrawn = answer.get("registered"), answer.get("withdrawn")
        if not isinstance(registered, int) or not isinstance(withdrawn, int):
            raise WireError("answer: expected the numbers registered and withdrawn")
        return Registration(registered, withdrawn)

    def private(self, candidates: Sequence[str]) -> dict[str, str]:
        """Return which of these strings belong to a reader, with kind and reply."""
        found: dict[str, str] = {}
        for start in range(0, len(candidates), MAX_CANDIDATES):
            asked = [one[:MAX_CANDIDATE] for one in candidates[start : start + MAX_CANDIDATES]]
            response = self._ask("POST", "private", json={"candidates": asked})
            try:
                for leak in self._json(response)["private"]:
                    candidate = candidates[start + int(leak["position"])]
                    whose = f"given with reply {leak['reply']}"
                    if not leak["reply"]:
                        whose = "of somebody who follows a discussion"
                    found[candidate] = f"the {leak['kind']} {whose}"
            except (KeyError, TypeError, ValueError, IndexError):
                raise WireError("answer.private: expected position, reply and kind") from None
        return found

    def report(self, report: Report) -> list[str]:
        """Report what is published; return the pages that readers may not have yet."""
        body = {
            "epoch": report.epoch,
            "complete": report.complete,
            "pages": [
                {"key": one.key, "written": one.written, "live": one.live} for one in report.pages
            ],
            "stalled": [{"key": key, "why": why} for key, why in report.stalled.items()],
            "trouble": report.trouble,
        }
        return _keys(self._json(self._ask("PUT", "published", json=body)), "unseen")

    def texts_wanted(self, digests: Mapping[str, str]) -> Wanted | None:
        """Return the pages whose texts the service lacks; None if it takes no texts."""
        body = {"texts": dict(digests)}
        response = self._ask("POST", "texts/wanted", json=body, missing_is_an_answer=True)
        if response.status_code == requests.codes.not_found:
            return None
        answer = self._json(response)
        return Wanted(_keys(answer, "wanted"), _keys(answer, "unknown"))

    def send_texts(self, texts: Sequence[Text]) -> list[str]:
        """Send these texts; return the keys of pages that are not registered."""
        body = {"texts": [asdict(one) for one in texts]}
        return _keys(self._json(self._ask("PUT", "texts", json=body)), "unknown")

    def _ask(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, int] | None = None,
        headers: dict[str, str] | None = None,
        json: Any = None,
        read_seconds: float | None = None,
        missing_is_an_answer: bool = False,
    ) -> requests.Response:
        started = time.monotonic()
        try:
            response = self._session.request(
                method,
                f"{self.service_url}/comments/api/{path}",
                params=params,
                headers=headers,
                json=json,
                timeout=(self._connect, read_seconds or self._read),
                # A redirect would send the token to another address.
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise self._unavailable(_reason(error, time.monotonic() - started)) from error
        status = response.status_code
        if status in {401, 403}:
            raise ServiceRefused(
                f"The service at {self.service_url} refused the token ({status}); set "
                "REJOINDER_API_TOKEN to the same value on both sides (var/rejoinder.env)."
            )
        if 300 <= status < 400 and status != requests.codes.not_modified:
            raise WireError(
                f"{self.service_url} answers with a redirect ({status}), which is not followed; "
                "set REJOINDER_SERVICE_URL to the service's own address."
            )
        if status == requests.codes.not_found and not missing_is_an_answer:
            raise WireError(
                f"{self.service_url} has no /comments/api/{path.split('/')[0]}; "
                "set REJOINDER_SERVICE_URL to the service's root."
            )
        if status >= 500 or status == requests.codes.too_many_requests:
            raise self._unavailable(f"it answers {status}")
        if status >= 400 and status != requests.codes.not_found:
            raise WireError(f"The service refused the call ({status}): {_detail(response)}")
        return response

    def _unavailable(self, reason: str) -> ServiceUnavailable:
        return ServiceUnavailable(
            f"The comments service at {self.service_url} cannot be used: {reason}. Start it "
            "(make serve, or: rejoinder service), or correct REJOINDER_SERVICE_URL."
        )

    @staticmethod
    def _json(response: requests.Response) -> Any:
        try:
            return response.json()
        except (ValueError, RecursionError):
            kind = response.headers.get("Content-Type", "nothing")
            raise WireError(f"answer: expected JSON, got {kind}") from None


def _keys(answer: Any, name: str) -> list[str]:
    found = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(found, list):
        raise WireError(f"answer.{name}: expected a list of page keys")
    return [key for key in found if isinstance(key, str)]


def _registered(page: Page) -> dict[str, Any]:
    appeared = page.facts.appeared
    return page_json(page) | ({} if appeared is None else {"published": appeared})


class _Bearer(AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _reason(error: requests.RequestException, seconds: float) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "its TLS certificate is not valid"
    if isinstance(error, requests.Timeout):
        return f"no answer within {seconds:.0f} s"
    if isinstance(error, requests.ConnectionError):
        # The error's text contains object addresses; its kind is more useful.
        return "timed out" if "timed out" in str(error) else "no connection"
    return type(error).__name__


def _detail(response: requests.Response) -> str:
    """Return the problem's `detail`, which explains the fix, in one line."""
    try:
        detail = response.json().get("detail", "")
    except (ValueError, AttributeError):
        detail = ""
    return " ".join(str(detail).split())[:300] or "no reason given"
