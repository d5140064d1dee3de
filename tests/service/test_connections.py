"""When all places are taken, the network with the most connections gives one up."""

from dataclasses import dataclass

import pytest

from comments_service.web.support.connections import Connections


@dataclass(eq=False)
class Open:
    """A connection of a client, and whether it is between two requests."""

    host: str | None
    idle: bool = False


def filled(*hosts: str | None) -> tuple[Connections[Open], list[Open]]:
    connections, opened = Connections[Open](), [Open(host) for host in hosts]
    for one in opened:
        connections.add(one, one.host)
    return connections, opened


def chosen(hosts: list[str | None]) -> int | None:
    """Which of the connections, in the order they came, is closed for the last one."""
    connections, opened = filled(*hosts)
    found = connections.to_close_for(opened[-1])
    return None if found is None else opened.index(found)


@pytest.mark.parametrize(
    ("hosts", "closed"),
    [
        (["192.0.2.1", "192.0.2.1", "192.0.2.1", "198.51.100.1", "203.0.113.1"], 2),
        (["198.51.100.1", "192.0.2.1", "192.0.2.1", "203.0.113.1"], 2),
        # The newcomer's own network has the most, or as many as any other.
        (["192.0.2.1", "192.0.2.1", "192.0.2.1", "198.51.100.1", "192.0.2.1"], None),
        (["192.0.2.1", "198.51.100.1", "203.0.113.1"], None),
        (["192.0.2.1", "192.0.2.1", "198.51.100.1", "198.51.100.1"], None),
        # Many networks of one provider's customer are one crowd.
        (["2001:db8:1:1::1", "2001:db8:1:2::1", "2001:db8:1:3::1", "198.51.100.1"], 2),
        # In the newcomer's own crowd, the household with the most.
        (["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"], 2),
        # Proxies bring all readers: theirs are never closed, and theirs find a place.
        ([None, None, None, "192.0.2.1"], None),
        (["192.0.2.1", "192.0.2.1", None, None], 1),
    ],
)
def test_the_crowd_gives_way(hosts: list[str | None], closed: int | None) -> None:
    assert chosen(hosts) == closed


def test_an_idle_connection_goes_before_a_newer_one() -> None:
    connections, opened = filled(*["192.0.2.1"] * 4, "198.51.100.1")
    opened[1].idle = True
    assert connections.to_close_for(opened[-1]) is opened[1]


def test_what_is_closed_is_not_counted_and_may_be_removed_twice() -> None:
    connections, opened = filled("192.0.2.1", "192.0.2.1", "198.51.100.1", None)
    assert (len(connections), connections.of_network("192.0.2.1")) == (4, 2)
    for one in (*opened, opened[0]):
        connections.remove(one)
    assert (len(connections), connections.of_network("192.0.2.1")) == (0, 0)
    assert list(connections) == []
