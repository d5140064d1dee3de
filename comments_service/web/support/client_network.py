"""From which address a request comes."""

from starlette.requests import Request

from comments_service.domain import ip_prefix
from comments_service.web.support.context import context_of


def client_of(request: Request) -> str | None:
    """Return the client's address, or None if nobody knows it.

    Only what the connection says, and the proxies that the settings trust: any client can write an
    `X-Forwarded-For`.
    """
    peer = request.client.host if request.client is not None else None
    forwarded = request.headers.getlist("x-forwarded-for")
    return ip_prefix.client(peer, forwarded, context_of(request).settings.proxies)


def network_of(request: Request) -> str:
    """Return the network of one household that the request comes from (`network.household`)."""
    return ip_prefix.household(client_of(request))


def logged_network(request: Request) -> str:
    """Return what a log may say of the client: a prefix, never the whole address."""
    return ip_prefix.kept(client_of(request), "prefix") or "-"
