"""Client address and network of a request."""

from starlette.requests import Request

from comments_service.domain import ip_prefix
from comments_service.web.support.context import context_of


def client_of(request: Request) -> str | None:
    """Return the client's IP address, or None if it is unknown.

    `X-Forwarded-For` counts only from proxies that the settings trust: any client can send it.
    """
    peer = request.client.host if request.client is not None else None
    forwarded = request.headers.getlist("x-forwarded-for")
    return ip_prefix.client(peer, forwarded, context_of(request).settings.proxies)


def network_of(request: Request) -> str:
    """Return the client's household network (`ip_prefix.household`)."""
    return ip_prefix.household(client_of(request))


def logged_network(request: Request) -> str:
    """Return the client's network prefix for the log, never the whole address."""
    return ip_prefix.kept(client_of(request), "prefix") or "-"
