"""Live reload for `rejoinder serve`: reloads a page open in a browser when its file changes.

A script element is added to the pages that a browser navigates to. The files themselves do not
change, and other clients (`curl`, feed readers) get them unmodified.
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
# Polling interval. A check is a few file system calls, which take microseconds.
LOOK_SECONDS = 0.05
# Interval of keep-alive comments, which detect closed connections.
BEAT_SECONDS = 15.0

SCRIPT = """\
"use strict";
{
  const { file, version } = document.currentScript.dataset;
  const address = "/.live/changes?" + new URLSearchParams({ file, version });
  // Do not reload a page with typed text: it would be lost.
  const typed = () => [...document.querySelectorAll("textarea, input:not([type=hidden])")]
    .some((field) => field.type === "checkbox" || field.type === "radio"
      ? field.checked !== field.defaultChecked : field.value !== field.defaultValue);
  let source = null;
  const listen = () => {
    source ??= new EventSource(address);
    source.onmessage = () => { leave(); if (!typed()) location.reload(); };
  };
  const leave = () => { source?.close(); source = null; };
  // Browsers allow six connections per site: hidden tabs must not use them up.
  const look = () => document.hidden ? leave() : listen();
  document.addEventListener("visibilitychange", look);
  addEventListener("pagehide", leave);
  addEventListener("pageshow", look);
  look();
}
"""


class LiveSite(StaticSite):
    """Serves the built site and adds the live-reload script to its pages."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Serve a file. Pages that a browser navigates to get the script."""
        headers = dict(scope["headers"])
        if headers.get(b"sec-fetch-dest") != b"document" or scope["method"] != "GET":
            return await super().get_response(path, scope)
        # No 304: the cached copy may lack the script or have an older one.
        fresh = [pair for pair in scope["headers"] if not pair[0].startswith(b"if-")]
        # Read the version before the page: a change in between then causes an extra reload.
        at = path
        version = self.version(at)
        answer = await super().get_response(path, {**scope, "headers": fresh})
        if not isinstance(answer, FileResponse) or answer.media_type != "text/html":
            return answer
        try:
            html = Path(answer.path).read_bytes()
        except OSError:
            return answer  # A build has just replaced the file: let Starlette handle it.
        return Response(
            _with_script(_with_report(html, self.report), at, version),
            answer.status_code,
            media_type="text/html",
            headers=headers_for(path) | {"Cache-Control": "no-store"},
        )

    def version(self, path: str) -> str:
        """Return a hash that changes with each build, build report or change of the page's file."""
        parts = [build_report.read(self.report)]
        for directory in self.all_directories:
            try:
                parts.append(str(Path(directory).readlink()))
            except OSError:
                parts.append("")
        for name in (path, os.path.join(path, "index.html")):  # noqa: PTH118 - as Starlette does
            try:
                _, stat = self.lookup_path(name)
            except (OSError, ValueError):
                stat = None
            parts.append("" if stat is None else f"{stat.st_ino} {stat.st_mtime_ns} {stat.st_size}")
        return blake2b("\0".join(parts).encode(), digest_size=12).hexdigest()


def routes(
    site_dir: Path, closed: Callable[[], bool], report: Path | None = None
) -> list[Route | Mount]:
    """Return the routes of the site with live reload.

    `closed` returns whether the service is stopping. The build report in the file `report`, if
    any, is shown at the top of each page.
    """
    site = LiveSite(site_dir, report)

    async def script(_request: Request) -> Response:
        return Response(SCRIPT, media_type="text/javascript", headers=headers_for(ADDRESS))

    async def changes(request: Request) -> Response:
        query = request.query_params
        return StreamingResponse(
            _changes(site, query.get("file", ""), query.get("version", ""), closed),
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
    """Yield one server-sent event when the page no longer has this version; then end."""
    # Browsers reconnect after 300 ms if the connection breaks, as when the service restarts.
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
    """Return the page with the report of a failed build at the top, if there is one."""
    text = build_report.read(report)
    begin = html.find(b"<body")
    end = html.find(b">", begin) + 1
    if not text or begin < 0 or not end:
        return html
    return html[:end] + build_report.notice(text) + html[end:]


def _with_script(html: bytes, file: str, version: str) -> bytes:
    """Return the page with a script element added: an own file, as the CSP requires."""
    element = (
        f'<script src="{ADDRESS}/reload.js" data-file="{escape(file)}" '
        f'data-version="{version}"></script>'
    ).encode()
    begin, end, rest = html.rpartition(b"</body>")
    return begin + element + end + rest if end else html + element
