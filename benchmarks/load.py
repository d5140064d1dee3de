"""The load: some clients, each posting one prepared request after the other over HTTP/1.1.

One thread and one selector, so that the generator takes little of the processors that the
servers need; the same code for every server. A connection is kept as long as the server keeps it.
"""

import gc
import re
import selectors
import socket
import time
from collections.abc import Sequence
from typing import NamedTuple

_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection:\s*close", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:\s*chunked", re.IGNORECASE)
# How long the last answers of a round are waited for. Seconds.
_PATIENCE = 30


class Refusal(Exception):
    """The server answered something else than that it took the request."""


class Outcome(NamedTuple):
    """What a round of load saw."""

    acknowledged: list[int]
    """The numbers of the requests that the server said it took."""
    latencies: list[float]
    """How long each of them took, connecting included if that was needed. Seconds."""
    unanswered: list[int]
    """The numbers of those whose connection ended without an answer: taken or not, who knows."""
    seconds: float
    """From the first request to the last answer."""
    connections: int
    cpu: float
    """Processor seconds that the load itself took."""

    @property
    def per_s(self) -> float:
        return len(self.acknowledged) / self.seconds


def post(path: str, kind: str, body: bytes) -> bytes:
    """Return the bytes of a request."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: benchmark\r\nAccept: */*\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class _Client:
    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None
        self.connections = 0
        self.received = b""
        self.number = -1
        self.sent_at = 0.0

    def send(self, number: int, request: bytes) -> socket.socket:
        self.number, self.received, self.sent_at = number, b"", time.perf_counter()
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=_PATIENCE)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
        # Small enough for the socket's buffer: this does not wait.
        self._socket.sendall(request)
        return self._socket

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def run(
    port: int,
    requests: Sequence[bytes],
    expected: frozenset[int],
    *,
    clients: int,
    seconds: float,
    first: int = 0,
    may_die: bool = False,
) -> Outcome:
    """Post `requests` from number `first` on, until the time is over or none is left.

    Each is sent once and never again. With `may_die` the server may go away in the middle.
    """
    crowd = [_Client(port) for _ in range(clients)]
    selector = selectors.DefaultSelector()
    acknowledged: list[int] = []
    latencies: list[float] = []
    unanswered: list[int] = []
    upcoming = iter(range(first, len(requests)))
    gc.collect()
    gc.disable()
    cpu, start = time.process_time(), time.perf_counter()
    last, deadline = start, start + seconds

    def send_next(client: _Client) -> None:
        number = next(upcoming, None) if time.perf_counter() < deadline else None
        if number is None:
            return
        try:
            selector.register(client.send(number, requests[number]), selectors.EVENT_READ, client)
        except OSError:
            give_up(client)

    def give_up(client: _Client) -> None:
        client.close()
        unanswered.append(client.number)
        if not may_die:
            raise Refusal(f"The server ended the connection of request {client.number}.")

    try:
        for client in crowd:
            send_next(client)
        while selector.get_map():
            ready = selector.select(_PATIENCE)
            if not ready:
                raise Refusal(f"The server did not answer within {_PATIENCE} seconds.")
            for key, _ in ready:
                client = key.data
                try:
                    data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                except OSError:
                    data = b""
                client.received += data
                answer = _read(client.received, ended=not data)
                if answer is None and data:
                    continue
                selector.unregister(key.fileobj)
                if answer is None:
                    give_up(client)
                    continue
                last = time.perf_counter()
                status, keep = answer
                if status not in expected:
                    raise Refusal(client.received[:2000].decode(errors="replace"))
                acknowledged.append(client.number)
                latencies.append(last - client.sent_at)
                if not keep:
                    client.close()
                send_next(client)
    finally:
        gc.enable()
        selector.close()
        for client in crowd:
            client.close()
    return Outcome(
        acknowledged,
        latencies,
        unanswered,
        last - start,
        sum(client.connections for client in crowd),
        time.process_time() - cpu,
    )


def _read(received: bytes, *, ended: bool) -> tuple[int, bool] | None:
    """Return (status, whether the connection stays) of an answer that is complete, or None."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = received[:end]
    length = _LENGTH.search(head)
    keep = not ended and _CLOSE.search(head) is None and head.startswith(b"HTTP/1.1")
    if length is not None:
        complete = len(received) >= end + 4 + int(length[1])
    elif _CHUNKED.search(head) is not None:
        complete = received.endswith(b"0\r\n\r\n")
    else:
        complete = ended
    return (int(head[9:12]), keep) if complete else None
