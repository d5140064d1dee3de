"""Serves the built site, for `rejoinder serve`; elsewhere a web server does this."""

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from comments_service.web import build_report

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    # Pages change when a reply is approved: ask each time, 304 is cheap.
    "Cache-Control": "no-cache",
}


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
        for name, value in HEADERS.items():
            response.headers[name] = value
        return response
