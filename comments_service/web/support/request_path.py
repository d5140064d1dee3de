"""The path that was asked for, without the host: `request.url` is built from the Host header."""

from urllib.parse import quote

from starlette.requests import Request


def path_of(request: Request) -> str:
    """Return the path of the request, encoded as in an address."""
    return quote(request.scope["path"])
