"""The path of a request, without the host: `request.url` contains the client's Host header."""

from urllib.parse import quote

from starlette.requests import Request


def path_of(request: Request) -> str:
    """Return the percent-encoded path of the request."""
    return quote(request.scope["path"])
