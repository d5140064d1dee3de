"""Cookie with the page to return to after signing in."""

import re
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import Response

from comments_service.web.support import security
from comments_service.web.support.context import context_of
from comments_service.web.support.request_path import path_of

RETURN_TO = "rejoinder_return"
# Seconds.
LIFE = 3_600
_LONGEST = 2_000
_LOCAL = re.compile(r"/moderate/[!-~]*", re.ASCII)
# Pages for signing in and out: never a useful place to return to.
_ENTRANCE = re.compile(r"/moderate/(sign-in|sign-out|link)(/|$)")


def remember(request: Request, response: Response) -> None:
    """Store the requested address in the cookie, if it is a page of the moderation area."""
    if request.method != "GET" or not _is_navigation(request):
        return
    query = request.scope["query_string"].decode("latin-1")
    address = path_of(request) + (f"?{query}" if query else "")
    if _is_safe(address):
        security.set_cookie(
            response,
            context_of(request).settings,
            RETURN_TO,
            quote(address, safe=""),
            seconds=LIFE,
        )


def read(request: Request) -> str | None:
    """Return the stored address if it is a safe path below `/moderate/`, else None."""
    name = security.cookie_name(context_of(request).settings, RETURN_TO)
    address = unquote(request.cookies.get(name, ""))
    return address if _is_safe(address) else None


def forget(request: Request, response: Response) -> None:
    """Delete the cookie if the browser sent one."""
    settings = context_of(request).settings
    if security.cookie_name(settings, RETURN_TO) in request.cookies:
        security.clear_cookie(response, settings, RETURN_TO)


def _is_navigation(request: Request) -> bool:
    """Return whether the browser navigates to a page, rather than a script fetching a part."""
    mode = request.headers.get("sec-fetch-mode", "navigate")
    return mode == "navigate" and "hx-request" not in request.headers


def _is_safe(address: str) -> bool:
    """Return whether browsers will resolve the address to a path below `/moderate/`."""
    if len(address) > _LONGEST or not _LOCAL.fullmatch(address) or "\\" in address:
        return False
    path = unquote(address.partition("?")[0])
    # Browsers resolve these, which can lead outside `/moderate/`.
    if {".", ".."} & set(path.split("/")) or "//" in path:
        return False
    return _ENTRANCE.match(path) is None
