"""Counts open connections by network and selects which to close when there are too many."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from comments_service.domain import ip_prefix


class Connection(Protocol):
    """A connection; `idle` means that it is kept open between two requests."""

    @property
    def idle(self) -> bool:  # noqa: D102
        ...


Kind = TypeVar("Kind", bound=Connection)


class Connections(Generic[Kind]):
    """Counts connections by household and by the wider network around it (`ip_prefix`).

    Connections without a host are those of trusted proxies. They belong to no network and are never
    closed in favour of others.
    """

    def __init__(self) -> None:
        # In the order of arrival.
        self._host_of: dict[Kind, str | None] = {}
        self._of_network: dict[str, dict[Kind, None]] = defaultdict(dict)
        self._networks_in: dict[str, dict[str, None]] = defaultdict(dict)
        self._in_wide: dict[str, int] = defaultdict(int)

    def __len__(self) -> int:
        return len(self._host_of)

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._host_of)

    def add(self, connection: Kind, host: str | None) -> None:
        """Count a new connection. `host` is None for a trusted proxy."""
        self._host_of[connection] = host
        if host is not None:
            household, wide = ip_prefix.household(host), ip_prefix.wide(host)
            self._of_network[household][connection] = None
            self._networks_in[wide][household] = None
            self._in_wide[wide] += 1

    def remove(self, connection: Kind) -> None:
        """Stop counting a connection; does nothing if it is not counted."""
        host = self._host_of.pop(connection, None)
        if host is None:
            return
        household, wide = ip_prefix.household(host), ip_prefix.wide(host)
        del self._of_network[household][connection]
        self._in_wide[wide] -= 1
        if not self._of_network[household]:
            del self._of_network[household]
            del self._networks_in[wide][household]
        if not self._in_wide[wide]:
            del self._in_wide[wide], self._networks_in[wide]

    def of_network(self, host: str) -> int:
        """Return the number of connections of the household of `host`."""
        return len(self._of_network.get(ip_prefix.household(host), ()))

    def to_close_for(self, newcomer: Kind) -> Kind | None:
        """Return the connection to close in favour of `newcomer`; None to close `newcomer` itself.

        It belongs to the network with the most connections: an idle one if possible, else the
        newest. It is None if no network has more connections than that of `newcomer`, which is
        counted already.
        """
        if not self._in_wide:
            return None
        wide = max(self._in_wide, key=self._in_wide.__getitem__)
        host = self._host_of[newcomer]
        own_wide = "" if host is None else ip_prefix.wide(host)
        if self._in_wide[wide] == self._in_wide.get(own_wide, 1):
            # No other wide network has more; another household in newcomer's own may have.
            wide = own_wide
        household = max(reversed(self._networks_in.get(wide, {})), key=self._size, default="")
        own = 1 if host is None else self.of_network(host)
        if wide == own_wide and self._size(household) <= own:
            return None
        members = self._of_network[household]
        return next((member for member in members if member.idle), None) or next(reversed(members))

    def _size(self, household: str) -> int:
        return len(self._of_network.get(household, ()))
