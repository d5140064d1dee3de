"""Slow, oversized and ambiguous requests over raw sockets, against a running server."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from ipaddress import ip_network
from pathlib import Path

import psutil
import pytest
import requests

from comments_service.web.support.http_protocol import Limits
from tests.running import Service, reply, running_service

# Seconds that no test waits for: only the service's own limits end these connections.
PATIENCE = 30.0
QUICK = Limits(
    header_seconds=1.0,
    body_seconds=1.0,
    body_pace=1_000_000,
    write_seconds=2.0,
    per_network=8,
)
GET = b"GET /moderate/sign-in HTTP/1.1\r\nHost: blog.example\r\n"
POST = (
    b"POST /comments/networking HTTP/1.1\r\nHost: blog.example\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n"
)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose limits are short enough to wait for."""
    with running_service(tmp_path_factory.mktemp("strict"), limits=QUICK) as running:
        running.register("networking")
        yield running


def connect(service: Service) -> socket.socket:
    port = int(service.url.rpartition(":")[2])
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


def received(client: socket.socket) -> bytes:
    """Everything until the service closes the connection."""
    parts = []
    try:
        while part := client.recv(65_536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def answer(service: Service, request: bytes) -> bytes:
    with closing(connect(service)) as client:
        client.sendall(request)
        return received(client)


@contextmanager
def trickling(client: socket.socket, part: bytes) -> Iterator[None]:
    """Send `part` again and again until the connection ends."""
    done = threading.Event()

    def send() -> None:
        while not done.wait(0.05):
            try:
                client.sendall(part)
            except OSError:
                return

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    yield
    done.set()
    thread.join(PATIENCE)


def is_well(service: Service) -> bool:
    return requests.get(f"{service.url}/moderate/sign-in", timeout=PATIENCE).ok


@pytest.mark.parametrize(
    ("first", "part"),
    [
        (b"", b""),
        (b"\r\n", b"\r\n"),
        (b"G", b""),
        (b"GET /", b"x"),
        (GET, b"X: y\r\n"),
        (GET + b"X-Long: ", b"x"),
    ],
    ids=["nothing", "empty lines", "stopped", "address", "headers", "header"],
)
def test_headers_that_take_too_long_end_the_connection(
    strict: Service, first: bytes, part: bytes
) -> None:
    with closing(connect(strict)) as client:
        client.sendall(first)
        with trickling(client, part):
            said = received(client)
    assert said.startswith(b"HTTP/1.1 408 ")
    assert is_well(strict)


@pytest.mark.parametrize(
    ("first", "part"),
    [
        (POST + b"Content-Length: 100000\r\n\r\n", b"a"),
        (POST + b"Content-Length: 100\r\n\r\ncomment=", b""),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n1;", b"x"),
        (POST + b"Content-Length: 999999999\r\n\r\n", b"a"),
    ],
    ids=["byte by byte", "stopped", "chunks", "chunk extension", "refused already"],
)
def test_a_body_that_takes_too_long_ends_the_connection(
    strict: Service, first: bytes, part: bytes
) -> None:
    with closing(connect(strict)) as client:
        client.sendall(first)
        with trickling(client, part):
            said = received(client)
    assert said.startswith((b"HTTP/1.1 408 ", b"HTTP/1.1 413 "))
    assert is_well(strict)


@pytest.mark.parametrize(
    "endless",
    [
        [GET, b"X-Long: ", b"x" * 65_536],
        [GET, b"", b"".join(b"X-%d: y\r\n" % number for number in range(6_000))],
        [b"GET /", b"", b"x" * 65_536],
        [POST, b"Transfer-Encoding: chunked\r\n\r\n1;", b"x" * 65_536],
        [POST, b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: ", b"x" * 65_536],
        [POST, b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n" * 10_000],
    ],
    ids=["one header", "many", "address", "chunk extension", "trailer", "many trailers"],
)
def test_headers_that_never_end_fill_no_memory(shared: Service, endless: list[bytes]) -> None:
    before = psutil.Process().memory_info().rss
    *first, part = endless
    sent = 0
    with closing(connect(shared)) as client:
        try:
            client.sendall(b"".join(first))
            for _ in range(1_000):
                client.sendall(part)
                sent += len(part)
        except OSError:
            pass
        said = received(client)
    assert sent < 32_000_000
    assert psutil.Process().memory_info().rss - before < 32_000_000
    # What was still on its way may have cost the answer.
    assert not said or said.startswith(b"HTTP/1.1 431 ")
    assert is_well(shared)


def test_headers_that_are_a_little_too_long_get_an_answer(shared: Service) -> None:
    said = answer(shared, GET + b"X-Long: " + b"x" * 33_000 + b"\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 431 ")
    fine = answer(shared, GET + b"Connection: close\r\nX-Long: " + b"x" * 31_000 + b"\r\n\r\n")
    assert fine.startswith(b"HTTP/1.1 200 ")


def test_one_network_gets_so_many_connections_and_others_are_not_counted(
    strict: Service,
) -> None:
    with ExitStack() as stack:
        held = [stack.enter_context(closing(connect(strict))) for _ in range(QUICK.per_network)]
        for client in held:
            client.sendall(GET + b"\r\n")
            assert client.recv(65_536).startswith(b"HTTP/1.1 200 ")
        with closing(connect(strict)) as one_more:
            assert received(one_more).startswith(b"HTTP/1.1 429 ")
    eventually_well(strict)


def eventually_well(service: Service) -> None:
    """The service has to notice that clients are gone."""
    deadline = time.monotonic() + PATIENCE
    while requests.get(f"{service.url}/moderate/sign-in", timeout=PATIENCE).status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_trusted_proxy_has_no_limit_of_its_own(tmp_path: Path) -> None:
    limits = Limits(per_network=2, proxies=(ip_network("127.0.0.0/8"),))
    with running_service(tmp_path, limits=limits) as service, ExitStack() as stack:
        service.register("networking")
        for client in [stack.enter_context(closing(connect(service))) for _ in range(12)]:
            client.sendall(GET + b"Connection: close\r\n\r\n")
            assert received(client).startswith(b"HTTP/1.1 200 ")


def test_connections_beyond_what_the_process_can_open_are_refused(tmp_path: Path) -> None:
    with running_service(tmp_path, limits=Limits(connections=3)) as service, ExitStack() as stack:
        held = [stack.enter_context(closing(connect(service))) for _ in range(3)]
        for client in held:
            client.sendall(GET[:10])
        with closing(connect(service)) as one_more:
            assert received(one_more).startswith(b"HTTP/1.1 503 ")


def connect_from(service: Service, host: str) -> socket.socket:
    """Connect from another address of this machine, which is a network of its own."""
    port = int(service.url.rpartition(":")[2])
    return socket.create_connection(("127.0.0.1", port), PATIENCE, (host, 0))


def is_answered(client: socket.socket) -> bool:
    client.sendall(GET + b"\r\n")
    return client.recv(65_536).startswith(b"HTTP/1.1 200 ")


def test_one_network_does_not_shut_others_out(tmp_path: Path) -> None:
    with running_service(tmp_path, limits=Limits(connections=6)) as service, ExitStack() as stack:

        def held(host: str) -> socket.socket:
            return stack.enter_context(closing(connect_from(service, host)))

        reader = held("127.0.1.1")
        assert is_answered(reader)
        crowd = [held("127.0.2.1") for _ in range(5)]
        for client in crowd:
            client.sendall(GET[:10])
        # Each newcomer takes the place of the crowd's newest connection.
        for number in range(3):
            assert is_answered(held(f"127.0.{10 + number}.1"))
            assert received(crowd.pop()).startswith(b"HTTP/1.1 503 ")
        # The crowd itself gets no more.
        assert received(held("127.0.2.1")).startswith(b"HTTP/1.1 503 ")
        assert is_answered(reader)


def test_many_connections_at_once_do_not_shut_a_reader_out(tmp_path: Path) -> None:
    """Also when they keep coming, and send nothing."""
    with running_service(tmp_path, limits=Limits(connections=6)) as service, ExitStack() as stack:
        crowd = [
            stack.enter_context(closing(connect_from(service, "127.0.2.1"))) for _ in range(50)
        ]
        reader = stack.enter_context(closing(connect_from(service, "127.0.1.1")))
        assert is_answered(reader)
        more = [stack.enter_context(closing(connect_from(service, "127.0.2.1"))) for _ in range(50)]
        assert received(more[-1]).startswith(b"HTTP/1.1 503 ")
        assert is_answered(reader)
        assert len(crowd) == 50


def test_an_idle_connection_of_the_crowd_is_closed_without_an_answer(tmp_path: Path) -> None:
    """Its client would take it for the answer to its next request."""
    with running_service(tmp_path, limits=Limits(connections=3)) as service, ExitStack() as stack:
        idle = stack.enter_context(closing(connect_from(service, "127.0.2.1")))
        body = b""
        idle.sendall(b"GET /moderate/sign-out HTTP/1.1\r\nHost: blog.example\r\n\r\n")
        while not body.rstrip().endswith(b"</html>"):
            body += idle.recv(65_536)
        busy = [stack.enter_context(closing(connect_from(service, "127.0.2.1"))) for _ in range(2)]
        for client in busy:
            client.sendall(GET[:10])
        reader = stack.enter_context(closing(connect_from(service, "127.0.1.1")))
        assert is_answered(reader)
        assert received(idle) == b""
        for client in busy:
            client.sendall(GET[10:] + b"\r\n")
            assert client.recv(65_536).startswith(b"HTTP/1.1 200 ")


def test_an_answer_that_nobody_reads_ends_the_connection(
    tmp_path: Path,
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "large.txt").write_bytes(b"x" * 64_000_000)
    with (
        running_service(tmp_path, limits=QUICK, site_dir=site) as service,
        closing(socket.socket()) as client,
    ):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.connect(("127.0.0.1", int(service.url.rpartition(":")[2])))
        client.sendall(b"GET /large.txt HTTP/1.1\r\nHost: blog.example\r\n\r\n")
        assert client.recv(1) == b"H"
        deadline = time.monotonic() + PATIENCE
        while connections_of(service):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def connections_of(service: Service) -> int:
    port = int(service.url.rpartition(":")[2])
    return sum(
        one.status == psutil.CONN_ESTABLISHED and one.laddr.port == port
        for one in psutil.Process().net_connections("tcp")
        if one.laddr
    )


@pytest.mark.parametrize(
    "hosts",
    [
        b"",
        b"Host: a.example\r\nHost: b.example\r\n",
        b"Host: a.example\r\nhost: a.example\r\n",
        b"Host: a.example/path\r\n",
        b"Host: a.example?\r\n",
        b"Host: user@a.example\r\n",
        b"Host: a.example b.example\r\n",
        b"Host: a.example, b.example\r\n",
    ],
)
def test_anything_but_one_host_is_refused(shared: Service, hosts: bytes) -> None:
    request = b"GET /moderate/sign-in HTTP/1.1\r\n" + hosts + b"Connection: close\r\n\r\n"
    if b"," in hosts:
        # A comma is a character of a host (RFC 3986); it must only mean nothing.
        assert b"location" not in answer(shared, request).lower()
    else:
        assert answer(shared, request).startswith(b"HTTP/1.1 400 ")


def test_http_1_0_needs_no_host(shared: Service) -> None:
    said = answer(shared, b"GET /moderate/sign-in HTTP/1.0\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 200 ")


FORM = b"comment=smuggled"


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        b"Content-Length: 4\r\nContent-Length: 5\r\n",
        b"Content-Length: 4\r\nContent-Length: 4\r\n",
        b"Content-Length: 4, 5\r\n",
        b"Content-Length: +4\r\n",
        b"Content-Length: -4\r\n",
        b"Content-Length: 0x4\r\n",
        b"Content-Length : 4\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Transfer-Encoding: \x0bchunked\r\n",
        b"X: y\nTransfer-Encoding: chunked\r\n",
        b" Transfer-Encoding: chunked\r\n",
    ],
    ids=repr,
)
def test_ambiguous_framing_is_refused_and_nothing_after_it_is_a_request(
    shared: Service, framing: bytes
) -> None:
    smuggled = b"0\r\n\r\nGET /moderate/sign-in HTTP/1.1\r\nHost: x\r\n\r\n"
    said = answer(shared, POST + framing + b"\r\n" + smuggled)
    assert said.startswith(b"HTTP/1.1 400 "), said[:200]
    assert said.count(b"HTTP/1.1 ") == 1


def test_trailers_are_no_headers(shared: Service) -> None:
    body = b"&".join(
        name.encode() + b"=" + value.encode().replace(b" ", b"+").replace(b"@", b"%40")
        for name, value in reply(comment="By chunks.").items()
    )
    said = answer(
        shared,
        POST
        + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        + b"%x\r\n%b\r\n0\r\nHost: evil.example\r\nX: y\r\n\r\n" % (len(body), body),
    )
    assert said.startswith(b"HTTP/1.1 303 ")


def test_a_connection_is_used_again_after_the_time_for_headers(strict: Service) -> None:
    with closing(connect(strict)) as client:
        for _ in range(4):
            client.sendall(GET + b"\r\n")
            assert client.recv(65_536).startswith(b"HTTP/1.1 200 ")
            time.sleep(0.5)


def test_a_long_poll_is_not_a_slow_request(strict: Service) -> None:
    epoch = strict.api("GET", "/changes?since=0").json()
    held = strict.api("GET", f"/changes?since={epoch['next']}&wait=4")
    assert held.status_code in {200, 304}
