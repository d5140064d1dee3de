"""Client IP addresses: the reader's address behind proxies, and its network prefixes."""

import ipaddress
from collections.abc import Collection, Sequence

# Prefix lengths by IP version. Stored with a reply: about what one household or company has.
_KEPT = {4: 24, 6: 48}
# Rate limits count by these: providers give each household a /64 or more.
_HOUSEHOLD = {4: 32, 6: 64}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def client(peer: str | None, forwarded: Sequence[str], trusted: Collection[Network]) -> str | None:
    """Return the reader's IP address, or None if it is unknown.

    `peer` is the address of the connection, `forwarded` the X-Forwarded-For lines. Each proxy
    appends the address that connected to it, so they are read from the end, and only through
    `trusted` proxies. Entries further to the left may be forged.
    """
    address = _address(peer or "")
    if address is None or not _within(address, trusted):
        return str(address) if address else None
    hops = [hop for line in forwarded for hop in line.split(",")]
    for hop in reversed(hops):
        address = _address(_without_port(hop.strip()))
        if address is None or not _within(address, trusted):
            break
    return str(address) if address else None


def kept(address: str | None, how: str) -> str | None:
    """Return what is stored of an IP address: the address, its network, or None.

    `how` is "full", "prefix" or "none". A network is returned unchanged unless it is "none".
    """
    if address is None or how == "none":
        return None
    if how == "full" or "/" in address:
        return address
    length = _KEPT[ipaddress.ip_address(address).version]
    return str(ipaddress.ip_network(f"{address}/{length}", strict=False))


def household(address: str | None) -> str:
    """Return the network of one household: an IPv4 address itself, the /64 of an IPv6 address.

    All clients whose address is unknown count as one household.
    """
    return _prefix(address, _HOUSEHOLD)


def wide(address: str | None) -> str:
    """Return the wider network around a household: a /24 of IPv4, a /48 of IPv6."""
    return _prefix(address, _KEPT)


def _prefix(address: str | None, lengths: dict[int, int]) -> str:
    parsed = _address(address or "")
    if parsed is None:
        return address or ""
    length = lengths[parsed.version]
    if length == parsed.max_prefixlen:
        return str(parsed)
    return str(ipaddress.ip_network(f"{parsed}/{length}", strict=False))


def _address(text: str) -> Address | None:
    try:
        # Strip the IPv6 zone id.
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    # A dual-stack socket reports IPv4 clients as ::ffff:a.b.c.d.
    return getattr(address, "ipv4_mapped", None) or address


def _without_port(hop: str) -> str:
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def _within(address: Address, networks: Collection[Network]) -> bool:
    return any(address in network for network in networks)
