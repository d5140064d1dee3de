"""From which network a request comes, as far as attempts are counted by it."""

from ipaddress import IPv6Address, ip_address

from starlette.requests import Request


def network_of(request: Request) -> str:
    """Return the address of an IPv4 client, and the /64 of an IPv6 one: that much is one household.

    Only what the connection itself says; any client can write an `X-Forwarded-For`.
    """
    host = request.client.host if request.client is not None else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Address(int(address) >> 64 << 64)) + "/64"
