"""Shows what is wrong with the site's last build, on the site's pages and in the queue.

The site side writes the report (`REJOINDER_SITE_REPORT`) and removes it after a good build.
"""

from html import escape
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from comments_service.web.support.pages import page

RELOAD_SECONDS = 2
# Lines of the report in the queue, which has other things to show.
QUEUE_LINES = 20


def read(path: Path | None) -> str:
    """Return the report; "" when there is none."""
    try:
        return "" if path is None else path.read_text("utf-8", errors="replace").strip()
    except OSError:
        return ""


def beginning(report: str) -> str:
    """Return the first lines of the report, and how many more there are."""
    lines = report.splitlines()
    more = len(lines) - QUEUE_LINES
    if more <= 0:
        return report
    shown = lines[:QUEUE_LINES]
    return "\n".join([*shown, f"… and {more:,} more line{'' if more == 1 else 's'}"])


def not_built(request: Request, report: str) -> Response:
    """Return the answer to every address of a site that was never built."""
    answer = page(request, "not_built.html", 503, report=report, seconds=RELOAD_SECONDS)
    answer.headers["Retry-After"] = str(RELOAD_SECONDS)
    return answer


def notice(report: str) -> bytes:
    """Return the element that tells an author, on a page of the last good build."""
    return f'<pre role="status">{escape(report)}</pre>'.encode()
