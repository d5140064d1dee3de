"""From which network a reply came, and how much of that is kept."""

import ipaddress
from collections.abc import Collection, Sequence

# As much as is given to one household or company, and no more.
_KEPT = {4: 24, 6: 48}
# What attempts and posts of one household are counted under: providers give each a /64 or more.
_HOUSEHOLD = {4: 32, 6: 64}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def client(peer: str | None, forwarded: Sequence[str], trusted: Collection[Network]) -> str | None:
    """Return the reader's address, or None if nobody knows it.

    `peer` is who connected. `forwarded` are the X-Forwarded-For lines: each proxy adds at the end
    whom it heard, so they are read from there, and only as far as the proxies are `trusted`. What
    stands further to the left anybody can have made up.
    """
    found = _address(peer or "")
    if found is None or not _within(found, trusted):
        return str(found) if found else None
    hops = [hop for line in forwarded for hop in line.split(",")]
    for hop in reversed(hops):
        found = _address(_without_port(hop.strip()))
        if found is None or not _within(found, trusted):
            break
    return str(found) if found else None


def kept(address: str | None, how: str) -> str | None:
    """Return what is stored of an address: all, its network, or nothing.

    `how` is "full", "prefix" or "none". A network is kept as it is.
    """
    if address is None or how == "none":
        return None
    if how == "full" or "/" in address:
        return address
    length = _KEPT[ipaddress.ip_address(address).version]
    return str(ipaddress.ip_network(f"{address}/{length}", strict=False))


def household(address: str | None) -> str:
    """Return the network of one household: an IPv4 address itself, the /64 of an IPv6 address.

    All clients whose address is not known count as one household.
    """
    return _prefix(address, _HOUSEHOLD)


def wide(address: str | None) -> str:
    """Return the network around a household: a /24 of IPv4, a /48 of IPv6."""
    return _prefix(address, _KEPT)


def _prefix(address: str | None, lengths: dict[int, int]) -> str:
    found = _address(address or "")
    if found is None:
        return address or ""
    length = lengths[found.version]
    if length == found.max_prefixlen:
        return str(found)
    return str(ipaddress.ip_network(f"{found}/{length}", strict=False))


def _address(text: str) -> Address | None:
    try:
        # What follows % names a card of this machine.
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    # The same reader, whether or not the socket speaks both versions.
    return getattr(found, "ipv4_mapped", None) or found


def _without_port(hop: str) -> str:
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def _within(address: Address, networks: Collection[Network]) -> bool:
    return any(address in network for network in networks)
