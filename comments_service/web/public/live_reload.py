"""Reloads a page that is open in a browser when its file changes; for `rejoinder serve` only.

What a browser navigates to gets one script element on its way; the files stay as they are, and
whoever else asks (`curl`, a feed reader) gets their bytes. Without JavaScript nothing is different.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from hashlib import blake2b
from html import escape
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.types import Scope

from comments_service.web.public.static_site import StaticSite, headers_for
from comments_service.web.support import build_report

ADDRESS = "/.live"
# How soon a change is seen; asking for the state of two names costs microseconds.
LOOK_SECONDS = 0.05
# So that a connection that nobody listens to is noticed.
BEAT_SECONDS = 15.0

SCRIPT = """\
"use strict";
{
  const { file, version } = document.currentScript.dataset;
  const address = "/.live/changes?" + new URLSearchParams({ file, version });
  // Never at the cost of what somebody has typed.
  const typed = () => [...document.querySelectorAll("textarea, input:not([type=hidden])")]
    .some((one) => one.type === "checkbox" || one.type === "radio"
      ? one.checked !== one.defaultChecked : one.value !== one.defaultValue);
  let source = null;
  const listen = () => {
    source ??= new EventSource(address);
    source.onmessage = () => { leave(); if (!typed()) location.reload(); };
  };
  const leave = () => { source?.close(); source = null; };
  // Browsers have six connections for a site: tabs that nobody sees must not take them all.
  const look = () => document.hidden ? leave() : listen();
  document.addEventListener("visibilitychange", look);
  addEventListener("pagehide", leave);
  addEventListener("pageshow", look);
  look();
}
"""


class LiveSite(StaticSite):
    """The built site, whose pages reload themselves when a browser shows them."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer one request; a page that a browser navigates to gets the script."""
        headers = dict(scope["headers"])
        if headers.get(b"sec-fetch-dest") != b"document" or scope["method"] != "GET":
            return await super().get_response(path, scope)
        # A copy from before the script, or from an older one, is of no use.
        fresh = [pair for pair in scope["headers"] if not pair[0].startswith(b"if-")]
        # First the version, then the page: what changes in between reloads once too often.
        at = path
        version = self.version(at)
        answer = await super().get_response(path, {**scope, "headers": fresh})
        if not isinstance(answer, FileResponse) or answer.media_type != "text/html":
            return answer
        try:
            html = Path(answer.path).read_bytes()
        except OSError:
            return answer  # swapped away at this instant: Starlette says it as for any file
        return Response(
            _with_script(_with_report(html, self.report), at, version),
            answer.status_code,
            media_type="text/html",
            headers=headers_for(path) | {"Cache-Control": "no-store"},
        )

    def version(self, path: str) -> str:
        """Another text whenever a build is swapped in or reported, or the page is replaced."""
        told = [build_report.read(self.report)]
        for directory in self.all_directories:
            try:
                told.append(str(Path(directory).readlink()))
            except OSError:
                told.append("")
        for name in (path, os.path.join(path, "index.html")):  # noqa: PTH118 - as Starlette does
            try:
                _, stat = self.lookup_path(name)
            except (OSError, ValueError):
                stat = None
            told.append("" if stat is None else f"{stat.st_ino} {stat.st_mtime_ns} {stat.st_size}")
        return blake2b("\0".join(told).encode(), digest_size=12).hexdigest()


def routes(
    site_dir: Path, closed: Callable[[], bool], report: Path | None = None
) -> list[Route | Mount]:
    """The site with reloading pages; `closed` tells that the service is stopping.

    What the file `report` says of the last build stands at the top of each page.
    """
    site = LiveSite(site_dir, report)

    async def script(_request: Request) -> Response:
        return Response(SCRIPT, media_type="text/javascript", headers=headers_for(ADDRESS))

    async def changes(request: Request) -> Response:
        asked = request.query_params
        return StreamingResponse(
            _changes(site, asked.get("file", ""), asked.get("version", ""), closed),
            media_type="text/event-stream",
            headers=headers_for(ADDRESS) | {"Cache-Control": "no-store"},
        )

    return [
        Route(f"{ADDRESS}/reload.js", script, methods=["GET"]),
        Route(f"{ADDRESS}/changes", changes, methods=["GET"]),
        Mount("/", site),
    ]


async def _changes(
    site: LiveSite, file: str, version: str, closed: Callable[[], bool]
) -> AsyncIterator[str]:
    """One event when the page is another one than this version; then the stream ends."""
    # A browser whose connection broke (the service was restarted) comes back soon.
    yield "retry: 300\n\n"
    beats = 0
    while not closed():
        if site.version(file) != version:
            yield "data: changed\n\n"
            return
        beats += 1
        if beats * LOOK_SECONDS >= BEAT_SECONDS:
            beats = 0
            yield ":\n\n"
        await asyncio.sleep(LOOK_SECONDS)


def _with_report(html: bytes, report: Path | None) -> bytes:
    """The page with what is wrong with the last build, where anything is."""
    text = build_report.read(report)
    begin = html.find(b"<body")
    end = html.find(b">", begin) + 1
    if not text or begin < 0 or not end:
        return html
    return html[:end] + build_report.notice(text) + html[end:]


def _with_script(html: bytes, file: str, version: str) -> bytes:
    """The page with one element before its end; a file of ours, as any policy allows."""
    element = (
        f'<script src="{ADDRESS}/reload.js" data-file="{escape(file)}" '
        f'data-version="{version}"></script>'
    ).encode()
    begin, end, rest = html.rpartition(b"</body>")
    return begin + element + end + rest if end else html + element
