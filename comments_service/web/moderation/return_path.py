"""The page that somebody asked for before signing in, kept in a cookie of their browser."""

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
# These lead to signing in, or end it.
_ENTRANCE = re.compile(r"/moderate/(sign-in|sign-out|link)(/|$)")


def remember(request: Request, response: Response) -> None:
    """Have the browser keep the address of the page that it asks for."""
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
    """Return the address that the browser kept, if it is one of a page of the queue."""
    name = security.cookie_name(context_of(request).settings, RETURN_TO)
    address = unquote(request.cookies.get(name, ""))
    return address if _is_safe(address) else None


def forget(request: Request, response: Response) -> None:
    """Have the browser forget the address, if it kept one."""
    settings = context_of(request).settings
    if security.cookie_name(settings, RETURN_TO) in request.cookies:
        security.clear_cookie(response, settings, RETURN_TO)


def _is_navigation(request: Request) -> bool:
    """Return whether a page is asked for, and not a part of one by a script."""
    mode = request.headers.get("sec-fetch-mode", "navigate")
    return mode == "navigate" and "hx-request" not in request.headers


def _is_safe(address: str) -> bool:
    """Return whether the address is below /moderate/, whatever browsers make of it."""
    if len(address) > _LONGEST or not _LOCAL.fullmatch(address) or "\\" in address:
        return False
    path = unquote(address.partition("?")[0])
    # Browsers resolve these, and then the path leads elsewhere.
    if {".", ".."} & set(path.split("/")) or "//" in path:
        return False
    return _ENTRANCE.match(path) is None
