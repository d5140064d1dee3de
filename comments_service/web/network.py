"""From which address a request comes, and from which network, as far as attempts are counted."""

from ipaddress import IPv6Address, ip_address

from starlette.requests import Request

from comments_service import network
from comments_service.web.context import context_of


def client_of(request: Request) -> str | None:
    """Return the client's address, or None if nobody knows it.

    Only what the connection says, and the proxies that the settings trust: any client can write an
    `X-Forwarded-For`.
    """
    peer = request.client.host if request.client is not None else None
    forwarded = request.headers.getlist("x-forwarded-for")
    return network.client(peer, forwarded, context_of(request).settings.proxies)


def network_of(request: Request) -> str:
    """Return the address of an IPv4 client, and the /64 of an IPv6 one: that much is one household.

    One network for all whose address nobody knows.
    """
    return household(client_of(request) or "")


def household(host: str) -> str:
    """Return the network that counts as one with this address; what is no address counts alone."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Address(int(address) >> 64 << 64)) + "/64"
