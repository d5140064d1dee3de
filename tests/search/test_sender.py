"""The service gets the words of the articles, those that it lacks, and publishing never waits."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from plugins.discussion.client.http import Client, Text
from plugins.discussion.model.manifest import load
from plugins.search import sender, snapshot_watcher
from plugins.search.sender import Sender
from plugins.shared.errors import WireError
from tests.discussion.api_server import Wire
from tests.discussion.samples import eventually, reply
from tests.discussion.test_commands import page as shown
from tests.discussion.test_commands import running, said
from tests.search.conftest import OUTPUT, Indexed


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot_watcher, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(sender, "RETRY_SECONDS", 0.05)


def texts(wire: Wire) -> dict[str, str]:
    return {key: one["text"] for key, one in (wire.texts or {}).items()}


def change(site: Indexed, before: str, after: str, file: str = "networking.md") -> None:
    path = site.root / "content" / file
    path.write_text(path.read_text().replace(before, after))
    site.build()


def sending(site: Indexed, client: Client) -> Sender:
    client.register(load(site.root / OUTPUT).pages)
    return Sender(site.root / OUTPUT, site.var / "discussions.sqlite3", client)


@contextmanager
def following(one: Sender) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=one.follow, args=(stop,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


def test_the_service_gets_the_words_of_listed_articles_without_their_replies(
    wire: Wire, client: Client, site: Indexed
) -> None:
    sending(site, client).once()
    assert texts(wire) == {"networking": "Words about people."}


def test_only_what_changed_is_sent_again(wire: Wire, client: Client, site: Indexed) -> None:
    one = sending(site, client)
    one.once()
    one.once()
    sending(site, client).once()
    assert wire.sent == ["networking"]
    change(site, "about people", "about trains")
    one.once()
    assert wire.sent == ["networking"] * 2
    assert texts(wire) == {"networking": "Words about trains."}


def test_a_new_title_is_sent_and_an_approved_reply_is_not(
    wire: Wire, client: Client, site: Indexed
) -> None:
    one = sending(site, client)
    one.once()
    wire.put("networking", [reply(1), reply(3)])
    site.build()
    one.once()
    assert len(wire.sent) == 1
    change(site, "Title: Networking", "Title: Meeting people")
    one.once()
    assert len(wire.sent) == 2


def test_an_article_that_is_hidden_now_loses_its_text(
    wire: Wire, client: Client, site: Indexed
) -> None:
    one = sending(site, client)
    one.once()
    change(site, "Title:", "Status: hidden\nTitle:")
    one.once()
    assert texts(wire) == {}


def test_a_site_without_a_search_gives_no_texts(wire: Wire, client: Client, site: Indexed) -> None:
    sending(site, client).once()
    conf = site.root / "pelicanconf.py"
    conf.write_text(conf.read_text() + "\nDISCUSSION_SEARCH = False\n")
    site.build()
    sending(site, client).once()
    assert texts(wire) == {}


def test_a_theme_without_the_mark_gives_none(wire: Wire, client: Client, site: Indexed) -> None:
    page = site.root / OUTPUT / "networking" / "index.html"
    page.write_text(page.read_text().replace("data-pagefind-body", ""))
    sending(site, client).once()
    assert texts(wire) == {}


def test_a_service_that_takes_no_texts_is_left_alone(
    wire: Wire, client: Client, site: Indexed, caplog: pytest.LogCaptureFixture
) -> None:
    wire.texts = None
    one = sending(site, client)
    one.once()
    with following(one):
        eventually(lambda: one._quiet_until > 0)
    assert caplog.text == ""
    with pytest.raises(WireError):
        client.send_texts([Text("networking", "", "")])


def test_what_fails_is_tried_again(wire: Wire, client: Client, site: Indexed) -> None:
    wire.text_failures = [500, 400]
    with following(sending(site, client)):
        eventually(lambda: "networking" in texts(wire))


def test_pages_that_are_registered_later_get_their_texts_then(
    wire: Wire, client: Client, site: Indexed
) -> None:
    pages = load(site.root / OUTPUT).pages
    one = sending(site, client)
    client.register([])
    with following(one):
        eventually(lambda: one._quiet_until > 0)
        assert texts(wire) == {}
        client.register(pages)
        eventually(lambda: "networking" in texts(wire))


def test_another_database_gets_the_texts_too(wire: Wire, client: Client, site: Indexed) -> None:
    from plugins.discussion.client.snapshot import Snapshot

    with following(sending(site, client)):
        eventually(lambda: "networking" in texts(wire))
        wire.texts = {}
        wire.replace("epoch-2", {"networking": [reply(1)]})
        with Snapshot(site.var / "discussions.sqlite3") as snapshot:
            snapshot.sync(client, accept_empty=True)
        eventually(lambda: "networking" in texts(wire))


def test_batches_are_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "BATCH", 3)
    monkeypatch.setattr(sender, "BATCH_CHARACTERS", 10)
    lengths = [1, 1, 1, 1, 20, 1]
    given = (Text(str(number), "", "x" * length) for number, length in enumerate(lengths))
    assert [len(batch) for batch in sender._batches(given)] == [3, 2, 1]


def test_the_publisher_sends_them_and_goes_on_publishing_when_that_fails(
    wire: Wire, site: Indexed
) -> None:
    wire.text_failures = [500]
    with running(site.root, "publish") as process:
        wire.put("networking", [reply(1), reply(3)])
        eventually(lambda: "Reply number 3." in shown(site.root), 20)
        eventually(lambda: "networking" in texts(wire), 20)
        assert process.poll() is None
    assert "event=texts-failed" in said(site.root)
    assert "event=texts-sent articles=1" in said(site.root)


def test_publishing_once_sends_them_too(wire: Wire, site: Indexed) -> None:
    from click.testing import CliRunner

    from plugins.cli import commands

    done = CliRunner().invoke(commands.publish, ["--once"])
    assert done.exit_code == 0, done.output
    assert set(texts(wire)) == {"networking"}
    change(site, "about people", "about trains")
    wire.text_failures = [500]
    done = CliRunner().invoke(commands.publish, ["--once"])
    assert done.exit_code == 0, done.output
    assert "WARNING" in done.output
