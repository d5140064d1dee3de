"""Shows the report of a failed site build, on the site's pages and in the queue.

The site side writes the report (`REJOINDER_SITE_REPORT`) and removes it after a good build.
"""

from html import escape
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from comments_service.web.support.pages import page

RELOAD_SECONDS = 2
# Maximum lines of the report in the queue.
QUEUE_LINES = 20


def read(path: Path | None) -> str:
    """Return the report; "" if there is none."""
    try:
        return "" if path is None else path.read_text("utf-8", errors="replace").strip()
    except OSError:
        return ""


def beginning(report: str) -> str:
    """Return the first lines of the report and the number of lines left out."""
    lines = report.splitlines()
    more = len(lines) - QUEUE_LINES
    if more <= 0:
        return report
    shown = lines[:QUEUE_LINES]
    return "\n".join([*shown, f"… and {more:,} more line{'' if more == 1 else 's'}"])


def not_built(request: Request, report: str) -> Response:
    """Return the 503 page for a site that was never built."""
    answer = page(request, "not_built.html", 503, report=report, seconds=RELOAD_SECONDS)
    answer.headers["Retry-After"] = str(RELOAD_SECONDS)
    return answer


def notice(report: str) -> bytes:
    """Return the report as an HTML element, for the pages of the last good build."""
    return f'<pre role="status">{escape(report)}</pre>'.encode()
