"""Serves the built site, for `rejoinder serve`; elsewhere a web server does this."""

from pathlib import Path
from typing import Final
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from comments_service.web.support import build_report

HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    # Pages change when replies are approved, so clients must revalidate; a 304 is cheap.
    "Cache-Control": "no-cache",
}
# docs/server.md has the same policies for web servers; a test compares them.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https:; "
    "media-src 'self' https:; font-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
# The static search compiles WebAssembly, in a worker if possible. A worker has the policy of its
# own file, so this policy applies to everything below the search page.
SEARCH_POLICY: Final = POLICY.replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'")
# SVG files contain their own styles. Opened directly, they must not run scripts.
SVG_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
SEARCH: Final = "search"


def headers_for(path: str) -> dict[str, str]:
    """Return the headers for the file or folder at `path`, relative to the site."""
    policy = POLICY
    if path == SEARCH or path.startswith(f"{SEARCH}/"):
        policy = SEARCH_POLICY
    elif path.lower().endswith(".svg"):
        policy = SVG_POLICY
    return HEADERS | {"Content-Security-Policy": policy}


class StaticSite(StaticFiles):
    """Serves files below `directory`, a symbolic link that every build replaces.

    Dot files are not served. Until the directory exists, every response is 503. `report` is the
    file with the report of the last failed build.
    """

    def __init__(self, directory: Path, report: Path | None = None) -> None:
        # The folder may not exist yet, and its link changes with every build.
        super().__init__(directory=directory, html=True, check_dir=False, follow_symlink=True)
        # Skip a check by Starlette, which raises an error if the folder does not exist.
        self.config_checked = True
        self.root, self.report = directory, report

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Serve a file."""
        if not self.root.is_dir():
            return build_report.not_built(Request(scope), build_report.read(self.report))
        if any(part.startswith(".") for part in Path(path).parts):
            raise HTTPException(404, "Not Found")
        response = await super().get_response(path, scope)
        if isinstance(response, RedirectResponse):
            response.headers["Location"] = _with_slash(scope)
        for name, value in headers_for(path).items():
            response.headers[name] = value
        return response


def _with_slash(scope: Scope) -> str:
    """Return the path of a folder. Starlette's redirect contains the client's Host header."""
    # Browsers would read two leading slashes as another host.
    place = "/" + quote(scope["path"].strip("/")) + "/"
    query = scope["query_string"].decode("latin-1")
    return f"{place}?{query}" if query else place
