"""uvicorn protocol class with limits on headers, timeouts and connections.

uvicorn's httptools protocol reads headers of any size, at any speed, from any number of
connections. A proxy in front usually limits all three, but the service must survive without one.
To keep this cheap, requests have no timers of their own: one sweep a second checks all
connections.
"""

import asyncio
import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from comments_service.domain.ip_prefix import Network
from comments_service.web.support.connections import Connections

_SWEEP_SECONDS = 1.0
# The characters of a host name, an IPv6 address and a port (RFC 3986).
_HOST = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=%:\[\]-]*")


@dataclass(frozen=True)
class Limits:
    """Limits per connection and per network. Times in seconds, sizes in bytes."""

    header_bytes: int = 32_768
    header_seconds: float = 10.0
    # A body may take this long, plus the time for its bytes at `body_pace` bytes per second.
    body_seconds: float = 20.0
    body_pace: int = 1_000
    # How long a client may read nothing of a response.
    write_seconds: float = 30.0
    # 0: no limit. Does not apply to `proxies`, whose addresses all readers share.
    per_network: int = 100
    # 0: no limit.
    connections: int = 0
    proxies: tuple[Network, ...] = ()


@dataclass
class _Crowd:
    """The open connections of one server."""

    connections: "Connections[LimitedHttp]" = field(default_factory=Connections)
    sweep: asyncio.TimerHandle | None = None


class _Refused(Exception):
    """Raised inside the parser to end the request with `status`."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


def limited(limits: Limits) -> type["LimitedHttp"]:
    """Return a protocol class for one server, with its own connection count."""
    return type("LimitedHttp", (LimitedHttp,), {"limits": limits, "crowd": _Crowd()})


class LimitedHttp(HttpToolsProtocol):
    """uvicorn's protocol; ends connections that exceed limits or send ambiguous requests."""

    limits: ClassVar[Limits] = Limits()
    crowd: ClassVar[_Crowd] = _Crowd()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._refused: _Refused | None = None
        # True until the headers of a request are complete.
        self._reading_headers = True
        self._reading_body = False
        self._header_bytes = 0
        self._body_bytes = 0
        # Bytes since the parser's last callback: the size of one incomplete header.
        self._unreported = 0
        self._reported = False
        self._since = self.loop.time()
        # True between requests, when uvicorn's keep-alive timeout applies.
        self.idle = False
        self._unsent: tuple[int, float] | None = None

    # Connections

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count the connection; if there are too many, close this one or another."""
        super().connection_made(transport)
        connections, limits = self.crowd.connections, self.limits
        host = self.client[0] if self.client else ""
        is_proxy = _within(host, limits.proxies)
        connections.add(self, None if is_proxy else host)
        if self.crowd.sweep is None:
            self.crowd.sweep = self.loop.call_later(_SWEEP_SECONDS, self._sweep_all)
        if (
            limits.per_network
            and not is_proxy
            and connections.of_network(host) > limits.per_network
        ):
            self._drop(429, "Too many connections from your network.")
        elif limits.connections and len(connections) > limits.connections:
            closing = connections.to_close_for(self) or self
            closing._drop(503, "Too many connections.")

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop counting the connection."""
        self.crowd.connections.remove(self)
        super().connection_lost(exc)

    def _drop(self, status: int, reason: str) -> None:
        """Close the connection at once, even if the client has not read everything."""
        # An idle client would take this for the response to its next request.
        if not self.idle:
            self._end(status, reason)
        self.transport.abort()
        # Others may connect before the event loop calls `connection_lost`.
        self.crowd.connections.remove(self)

    # Parsing

    def data_received(self, data: bytes) -> None:
        """Parse received bytes, unless the connection is closing."""
        if self.transport.is_closing():
            return
        if self.idle:
            self._await_request()
        self._reported = False
        super().data_received(data)
        if self._reading_headers or self._reading_body:
            self._unreported = 0 if self._reported else self._unreported + len(data)
            if self._unreported > self.limits.header_bytes:
                self._end(431, "The headers are too long.")

    def on_message_begin(self) -> None:
        """Start a request."""
        super().on_message_begin()
        self._reading_headers = True
        self._header_bytes = self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Handle a part of the URL."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Handle a header. Trailers count but are dropped: the handler is already running."""
        self._count(len(name) + len(value) + 4)
        if self._reading_headers:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Check the Host header, on which handlers rely, then start the handler."""
        hosts = [value for name, value in self.headers if name == b"host"]
        if len(hosts) > 1 or (not hosts and self.parser.get_http_version() == "1.1"):
            self._refuse(400, "Send exactly one Host header.")
        if hosts and not _HOST.fullmatch(hosts[0]):
            self._refuse(400, "The Host header is not a valid host.")
        self._reported = True
        self._reading_headers, self._reading_body = False, True
        self._since = self.loop.time()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Handle a part of the body."""
        self._reported = True
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        self._reported = True
        self._reading_body = False
        super().on_message_complete()
        if self.cycle.response_complete:
            # The response was sent before all of the request had arrived, and the rest cancelled
            # uvicorn's keep-alive timeout: apply the header timeout instead.
            self._await_request()

    def on_response_complete(self) -> None:
        """Become idle. The header timeout starts anew with the next request."""
        super().on_response_complete()
        self.idle = not self._reading_body

    def send_400_response(self, msg: str) -> None:
        """Send the reason of a refusal. Other parser errors are 400."""
        refused = self._refused or _Refused(400, msg)
        self._end(refused.status, refused.reason)

    def _await_request(self) -> None:
        self.idle = False
        self._reading_headers = True
        self._since = self.loop.time()

    def _count(self, size: int) -> None:
        self._reported = True
        self._header_bytes += size
        if self._header_bytes > self.limits.header_bytes:
            self._refuse(431, "The headers are too long.")

    def _refuse(self, status: int, reason: str) -> None:
        # The parser wraps any exception in its own, for which uvicorn calls `send_400_response`.
        self._refused = _Refused(status, reason)
        raise self._refused

    # Time

    def _sweep_all(self) -> None:
        crowd = self.crowd
        for connection in list(crowd.connections):
            connection._sweep(self.loop.time())
        crowd.sweep = (
            self.loop.call_later(_SWEEP_SECONDS, self._sweep_all) if crowd.connections else None
        )

    def _sweep(self, now: float) -> None:
        if self._is_stuck(now):
            self.transport.abort()
        elif self.transport.is_closing() or self.flow.read_paused or self.idle:
            # While reading is paused, the service is slow, not the client.
            self._since = now if self.flow.read_paused else self._since
        elif self._reading_headers:
            if now - self._since > self.limits.header_seconds:
                self._end(408, "The request did not arrive in time.")
        elif self._reading_body:
            allowed = self.limits.body_seconds + self._body_bytes / self.limits.body_pace
            if now - self._since > allowed:
                self._end(408, "The request did not arrive in time.")

    def _is_stuck(self, now: float) -> bool:
        """Return whether the client has read nothing of a response for too long."""
        waiting = self.transport.get_write_buffer_size()
        if not waiting:
            self._unsent = None
        elif self._unsent is None or self._unsent[0] != waiting:
            self._unsent = waiting, now
        return self._unsent is not None and now - self._unsent[1] > self.limits.write_seconds

    def _end(self, status: int, reason: str) -> None:
        """Send an error response, unless another was started, and close the connection."""
        if self.transport.is_closing():
            return
        begun = self.cycle is not None and not self.cycle.response_complete
        if begun:
            # The handler must not send anything more.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if not (begun and self.cycle.response_started):
            self.transport.write(
                STATUS_LINE[status]
                + b"content-type: text/plain; charset=utf-8\r\n"
                + b"x-content-type-options: nosniff\r\n"
                + b"content-length: %d\r\n" % len(reason)
                + b"connection: close\r\n\r\n"
                + reason.encode("ascii")
            )
        self._reading_headers = self._reading_body = False
        self.transport.close()


def _within(host: str, networks: tuple[Network, ...]) -> bool:
    if not networks:
        return False
    try:
        address = ip_address(host)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in networks)
