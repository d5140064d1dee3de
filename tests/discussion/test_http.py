from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from urllib3.util import Retry

from plugins.discussion.client.http import Client
from plugins.shared.errors import ServiceRefused, ServiceUnavailable, SettingsError, WireError
from plugins.shared.settings import SiteSettings
from tests.discussion.api_server import TOKEN, Wire
from tests.discussion.samples import PAGE, reply


@pytest.fixture
def silence() -> Iterator[str]:
    """A service that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_changes_come_with_their_cursor(wire: Wire, client: Client) -> None:
    wire.put("networking", [reply(1)])
    batch = client.changes(0, None)
    assert batch is not None
    assert (batch.epoch, batch.latest, batch.next, batch.more) == ("epoch-1", 1, 1, False)
    assert [one.key for one in batch.discussions] == ["networking"]


def test_nothing_new_is_a_304(wire: Wire, client: Client) -> None:
    wire.put("networking", [reply(1)])
    assert client.changes(1, "epoch-1") is None
    assert client.changes(1, "another-epoch") is not None


def test_a_discussion_is_fetched_again_only_when_it_changed(wire: Wire, client: Client) -> None:
    wire.put("a.key with-% and ü".replace(" ", "_"), [reply(1)])
    answer = client.discussion("a.key_with-%_and_ü")
    assert answer is not None
    assert answer.discussion is not None
    again = client.discussion("a.key_with-%_and_ü", answer.etag)
    assert again is not None
    assert again.discussion is None
    assert again.etag == answer.etag
    assert client.discussion("nowhere") is None


def test_pages_are_registered_whole(wire: Wire, client: Client) -> None:
    assert client.register([PAGE]).registered == 1
    assert wire.pages == [
        {
            "key": "networking",
            "url": "/networking/",
            "title": "Networking",
            "question": "How do you handle networking?",
            "open": True,
        }
    ]


@pytest.mark.parametrize("failure", [502, 503, 504, 0])
def test_a_short_disturbance_is_retried(wire: Wire, client: Client, failure: int) -> None:
    wire.failures = [failure]
    assert client.changes(0, None) is not None
    wire.failures = [failure]
    assert client.register([PAGE]).registered == 1


def test_a_lasting_disturbance_says_where_and_what_to_do(wire: Wire, client: Client) -> None:
    wire.failures = [503] * 20
    with pytest.raises(ServiceUnavailable, match=r"answers 503.*make serve") as caught:
        client.changes(0, None)
    assert wire.url in str(caught.value)


def test_an_error_of_the_service_is_not_retried(wire: Wire, client: Client) -> None:
    wire.failures = [500]
    with pytest.raises(ServiceUnavailable):
        client.changes(0, None)
    assert len(wire.asked) == 1


def test_nobody_there_says_so_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    paused: list[float] = []
    monkeypatch.setattr(
        Retry, "sleep", lambda self, _response=None: paused.append(self.get_backoff_time())
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    with Client(url, TOKEN) as client, pytest.raises(ServiceUnavailable, match="no connection"):
        client.changes(0, None)
    assert 0 < sum(paused) < 3


def test_silence_ends_in_a_timeout(silence: str) -> None:
    with (
        Client(silence, TOKEN, read_seconds=0.2, retries=0) as client,
        pytest.raises(ServiceUnavailable, match=r"no answer|timed out"),
    ):
        client.register([PAGE])


def test_a_wrong_token_names_the_setting(wire: Wire) -> None:
    with (
        Client(wire.url, "wrong") as client,
        pytest.raises(ServiceRefused, match="REJOINDER_API_TOKEN"),
    ):
        client.changes(0, None)


def test_a_redirect_is_not_followed(wire: Wire, client: Client) -> None:
    wire.failures = [302]
    with pytest.raises(WireError, match="REJOINDER_SERVICE_URL"):
        client.changes(0, None)
    assert len(wire.asked) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'{"epoch": "a\\"b"}', b"[" * 100_000])
def test_an_answer_that_breaks_the_contract_is_a_wire_error(
    wire: Wire, client: Client, body: bytes
) -> None:
    wire.body = body
    with pytest.raises(WireError, match="answer"):
        client.changes(0, None)


def test_a_service_elsewhere_is_a_wire_error(wire: Wire) -> None:
    with (
        Client(wire.url + "/blog", TOKEN) as client,
        pytest.raises(WireError, match="service's root"),
    ):
        client.changes(0, None)


def test_a_promise_of_more_without_progress_does_not_loop(wire: Wire, client: Client) -> None:
    wire.body = b'{"epoch": "e", "latest": 9, "next": 3, "more": true, "discussions": []}'
    with pytest.raises(WireError, match="not above the cursor"):
        client.changes(3, "e")


def test_the_long_poll_ends_with_the_change(wire: Wire, client: Client) -> None:
    import threading

    threading.Timer(0.2, wire.put, ("networking", [reply(1)])).start()
    batch = client.changes(0, "epoch-1", wait=20)
    assert batch is not None
    assert batch.latest == 1
    assert [one.partition("?")[0] for one in wire.asked] == ["GET /comments/api/changes"]
    assert "wait=20" in wire.asked[0]


def test_proxies_of_the_environment_do_not_come_between_the_two_houses(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with Client(wire.url, TOKEN) as client:
        assert client.changes(0, None) is not None


def test_a_netrc_does_not_replace_the_token(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with Client(wire.url, TOKEN) as client:
        assert client.changes(0, None) is not None


def test_settings_are_read_once_and_checked() -> None:
    settings = SiteSettings.from_environ(
        {"REJOINDER_SERVICE_URL": "https://s.example/", "REJOINDER_API_TOKEN": "abc"}
    )
    assert settings.service_url == "https://s.example"
    assert settings.snapshot == Path("var/discussions.sqlite3")
    assert "abc" not in repr(settings)
    assert SiteSettings.from_environ({}).service_url == "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    ("environ", "mend"),
    [
        ({"REJOINDER_SERVICE_URL": "localhost:8000"}, "REJOINDER_SERVICE_URL.*e.g."),
        ({"REJOINDER_SERVICE_URL": "http://[::"}, "REJOINDER_SERVICE_URL"),
        ({"REJOINDER_API_TOKEN": "with\nbreak"}, "REJOINDER_API_TOKEN.*copy it again"),
    ],
)
def test_settings_that_cannot_be_used_say_the_mend(environ: dict[str, str], mend: str) -> None:
    with pytest.raises(SettingsError, match=mend):
        SiteSettings.from_environ(environ)


def test_a_missing_token_says_the_mend() -> None:
    with pytest.raises(SettingsError, match="REJOINDER_API_TOKEN is missing; run: make serve"):
        Client.from_settings(SiteSettings())
