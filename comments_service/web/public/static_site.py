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
    # Pages change when a reply is approved: ask each time, 304 is cheap.
    "Cache-Control": "no-cache",
}
# docs/server.md has the same policies for web servers; a test compares them.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https:; "
    "media-src 'self' https:; font-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
# The static search compiles its engine from WebAssembly, in a worker where there can be one: a
# worker has the policy of its own file, so this one is for everything below the search page.
SEARCH_POLICY: Final = POLICY.replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'")
# Drawings carry their own styles; one that is opened by itself must still run nothing.
SVG_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
SEARCH: Final = "search"


def headers_for(path: str) -> dict[str, str]:
    """Return the headers of the file or folder at `path`, relative to the site."""
    policy = POLICY
    if path == SEARCH or path.startswith(f"{SEARCH}/"):
        policy = SEARCH_POLICY
    elif path.lower().endswith(".svg"):
        policy = SVG_POLICY
    return HEADERS | {"Content-Security-Policy": policy}


class StaticSite(StaticFiles):
    """Files below a folder that builds swap by a symbolic link; dot files are not served.

    Until the folder is there, every address is answered with 503; `report` is the file that says
    why the last build failed.
    """

    def __init__(self, directory: Path, report: Path | None = None) -> None:
        # The folder may not be built yet, and its link moves with every build.
        super().__init__(directory=directory, html=True, check_dir=False, follow_symlink=True)
        # Starlette looks once whether it is there, and raises if not.
        self.config_checked = True
        self.root, self.report = directory, report

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer one request."""
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
    """Return the address of a folder, without a host: Starlette's own has the client's Host."""
    # Two slashes at the beginning would be read as another host.
    place = "/" + quote(scope["path"].strip("/")) + "/"
    query = scope["query_string"].decode("latin-1")
    return f"{place}?{query}" if query else place
