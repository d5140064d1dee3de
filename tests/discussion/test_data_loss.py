"""A service that lost its replies, or is another one, changes nothing before somebody agrees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from plugins.cli import commands
from plugins.cli.build import build_site
from plugins.discussion.client.data_loss import far_fewer
from plugins.discussion.client.http import Client
from plugins.discussion.client.snapshot import Snapshot
from plugins.discussion.publish import publisher as publishing
from plugins.discussion.publish.publisher import Publisher
from plugins.shared.errors import DiscussionError
from tests.discussion.api_server import Wire
from tests.discussion.samples import client_of, eventually, following, make_site, reply, tree

SETTINGS, OUTPUT = Path("pelicanconf.py"), Path("output")
REPLIES = [reply(number) for number in range(1, 7)]


@pytest.fixture
def site(wire: Wire, environ: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A built site with six replies, whose publisher looks again at once."""
    monkeypatch.setattr(publishing, "LOST_SECONDS", 0.1, raising=False)
    monkeypatch.setattr("plugins.cli.verify.PATIENCE_SECONDS", 0.0)
    wire.put("networking", REPLIES)
    build_site(make_site(environ), SETTINGS, OUTPUT)
    return environ


@pytest.fixture
def store(site: Path) -> Path:
    return site / "var" / "discussions.sqlite3"


def page(site: Path) -> str:
    return (site / "output" / "networking" / "index.html").read_text("utf-8")


def run(verb: Any, *words: str) -> Any:
    return CliRunner().invoke(verb, words)


def empty(wire: Wire) -> None:
    """The database's file is gone: the service made an empty one."""
    wire.replace("epoch-2", {})


def older(wire: Wire) -> None:
    """A copy of long ago: the same database, with one reply of six."""
    wire.replace("epoch-1", {"networking": [reply(1)]})


def another(wire: Wire) -> None:
    """Somebody else's database, with as many replies."""
    wire.replace("epoch-3", {"networking": [reply(number) for number in range(11, 18)]})


LOSSES = pytest.mark.parametrize("lose", [empty, older, another])


@pytest.fixture(autouse=True)
def _revisions(wire: Wire) -> None:
    # So that the older copy's sequence is below what was published.
    wire.latest = 20


@LOSSES
def test_a_publisher_that_follows_changes_nothing_and_reports_it(
    wire: Wire, site: Path, store: Path, lose: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with following(site / "output", store, wire.url):
        wire.wait_until_followed()
        before, registrations = tree(site / "output"), wire.registrations
        wire.reports.clear()
        lose(wire)
        eventually(lambda: any(one["trouble"] for one in wire.reports))
        assert tree(site / "output") == before
        told = wire.reports[-1]
        assert "accept-empty" in told["trouble"]
        # Revisions of the published pages say nothing about this database.
        assert (told["epoch"], told["complete"], told["pages"]) == (wire.epoch, False, [])
        assert wire.registrations == registrations
    assert "event=data-loss" in caplog.text
    with Snapshot(store) as snapshot:
        assert len(snapshot.get("networking").comments) == 6


@LOSSES
def test_publishing_once_changes_nothing_and_fails(
    wire: Wire, site: Path, store: Path, lose: Any
) -> None:
    before, registrations = tree(site / "output"), wire.registrations
    lose(wire)
    told = run(commands.publish, "--once")
    assert told.exit_code == 1
    assert "Nothing was changed" in told.output
    assert "accept-empty" in told.output
    assert tree(site / "output") == before
    assert wire.registrations == registrations
    assert "accept-empty" in wire.reports[-1]["trouble"]


@LOSSES
def test_a_build_keeps_the_published_replies_and_says_so(wire: Wire, site: Path, lose: Any) -> None:
    registrations = wire.registrations
    lose(wire)
    built = run(commands.build)
    assert built.exit_code == 0, built.output
    assert "WARNING: Building with the replies as they were" in built.output
    assert "accept-empty" in built.output
    for number in range(1, 7):
        assert f"Reply number {number}." in page(site)
    assert wire.registrations == registrations


@LOSSES
def test_repairing_changes_nothing(wire: Wire, site: Path, lose: Any) -> None:
    before = tree(site / "output")
    lose(wire)
    for words in ([], ["--repair"]):
        told = run(commands.verify, *words)
        assert told.exit_code == 1
        assert "accept-empty" in told.output
    assert tree(site / "output") == before


@pytest.mark.parametrize("verb", ["build", "publish"])
@LOSSES
def test_accepting_publishes_what_is_there_and_counts_once(
    wire: Wire, site: Path, lose: Any, verb: str
) -> None:
    lose(wire)
    words = ["--once"] if verb == "publish" else []
    accepted = run(getattr(commands, verb), "--accept-empty", *words)
    assert accepted.exit_code == 0, accepted.output
    assert "Reply number 6." not in page(site)
    # What was accepted is followed from now on, without a word.
    wire.put("networking", [*REPLIES, reply(8)])
    assert run(commands.publish, "--once").exit_code == 0
    assert "Reply number 8." in page(site)
    wire.replace("epoch-9", {})
    assert run(commands.publish, "--once").exit_code == 1
    assert "Reply number 8." in page(site)


def test_a_publishers_consent_is_for_its_first_answer_only(
    wire: Wire, site: Path, store: Path
) -> None:
    with Snapshot(store) as snapshot, client_of(wire.url) as client:
        publisher = Publisher(site / "output", snapshot, client, accept_empty=True)
        publisher.once()
        empty(wire)
        with pytest.raises(DiscussionError, match="accept-empty"):
            publisher.once()
    assert "Reply number 6." in page(site)


def test_a_publisher_goes_on_by_itself_when_the_database_is_back(
    wire: Wire, site: Path, store: Path
) -> None:
    with following(site / "output", store, wire.url):
        wire.wait_until_followed()
        known = (wire.epoch, wire.latest, dict(wire.discussions))
        empty(wire)
        eventually(lambda: any(one["trouble"] for one in wire.reports))
        with wire.changed:
            wire.epoch, wire.latest, wire.discussions = known
            wire.changed.notify_all()
        wire.wait_until_followed()
        wire.put("networking", [*REPLIES, reply(7)])
        eventually(lambda: "Reply number 7." in page(site))
        eventually(lambda: wire.reports[-1]["trouble"] is None)
        eventually(lambda: any(one["complete"] for one in wire.reports))


def test_a_publisher_follows_what_a_build_accepted(wire: Wire, site: Path, store: Path) -> None:
    with following(site / "output", store, wire.url):
        wire.wait_until_followed()
        empty(wire)
        eventually(lambda: any(one["trouble"] for one in wire.reports))
        assert run(commands.build, "--accept-empty").exit_code == 0
        wire.put("meetings", [reply(9)])
        eventually(
            lambda: "Reply number 9." in (site / "output" / "meetings" / "index.html").read_text()
        )


def test_editors_may_remove_nearly_everything(wire: Wire, site: Path, store: Path) -> None:
    wire.put("networking", [reply(1)])
    assert run(commands.publish, "--once").exit_code == 0
    assert "Reply number 1." in page(site)
    assert "Reply number 2." not in page(site)
    wire.put("networking", [])
    assert run(commands.build).exit_code == 0
    assert "Reply number 1." not in page(site)


def test_a_restored_backup_with_nearly_all_replies_is_followed(
    wire: Wire, site: Path, client: Client
) -> None:
    wire.replace("epoch-1", {"networking": REPLIES[:4]})
    assert run(commands.publish, "--once").exit_code == 0
    assert "Reply number 4." in page(site)
    assert "Reply number 5." not in page(site)


def test_replies_lost_within_an_unbroken_sequence_are_not_repaired_away(
    wire: Wire, site: Path
) -> None:
    # Salvaged from a damaged file: the same database and number, and five rows fewer.
    wire.discussions["networking"]["comments"][1:] = []
    told = run(commands.verify, "--repair")
    assert told.exit_code == 1
    assert "accept-empty" in told.output
    assert "Reply number 6." in page(site)


def test_a_site_without_replies_takes_any_database(wire: Wire, site: Path) -> None:
    wire.put("networking", [])
    assert run(commands.publish, "--once").exit_code == 0
    another(wire)
    assert run(commands.publish, "--once").exit_code == 0
    assert "Reply number 11." in page(site)


@pytest.mark.parametrize(
    ("before", "after", "fewer"),
    [(600, 299, True), (600, 300, False), (6, 2, True), (3, 1, False), (3, 0, True), (2, 0, False)],
)
def test_far_fewer_is_less_than_half_and_at_least_three(
    before: int, after: int, fewer: bool
) -> None:
    assert far_fewer(before, after) is fewer


def test_what_is_said_names_no_path(wire: Wire, site: Path) -> None:
    empty(wire)
    run(commands.publish, "--once")
    assert str(site) not in wire.reports[-1]["trouble"]
