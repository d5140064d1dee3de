"""`rejoinder verify`: what is published against a full build from the service."""

import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from plugins.cli.build import build_site
from plugins.cli.commands import verify as verb
from plugins.cli.verify import Difference, verify
from plugins.shared.errors import BuildError, ServiceUnavailable
from tests.discussion.api_server import Wire
from tests.discussion.samples import make_site, reply, tree

SETTINGS = Path("pelicanconf.py")
OUTPUT = Path("output")


@pytest.fixture
def site(wire: Wire, environ: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A built site with replies; what is wrong is not waited for."""
    monkeypatch.setattr("plugins.cli.verify.PATIENCE_SECONDS", 0.0)
    root = make_site(environ)
    wire.put("networking", [reply(1), reply(2, 1)])
    build_site(root, SETTINGS, OUTPUT)
    return root


def test_a_good_site_has_no_differences_and_nothing_is_left_behind(site: Path) -> None:
    before, var = tree(site / "output"), sorted((site / "var").iterdir())
    assert verify(site, SETTINGS, OUTPUT) == []
    assert tree(site / "output") == before
    assert sorted((site / "var").iterdir()) == var
    assert len(list((site / "var" / "builds").iterdir())) == 1


def test_every_kind_of_difference_is_named(site: Path) -> None:
    page = site / "output" / "networking" / "index.html"
    page.write_text(page.read_text().replace("Reply number 1.", "Something else."))
    (site / "output" / "meetings" / "index.html").unlink()
    (site / "output" / "stray.html").write_text("stray")
    assert verify(site, SETTINGS, OUTPUT) == [
        Difference("missing", "meetings/index.html"),
        Difference("differs", "networking/index.html"),
        Difference("extra", "stray.html"),
    ]


def test_a_page_behind_the_service_is_a_difference(wire: Wire, site: Path) -> None:
    wire.put("networking", [reply(1), reply(2, 1), reply(3)])
    differing = {one.file for one in verify(site, SETTINGS, OUTPUT)}
    assert "networking/index.html" in differing


def test_repair_mends_pages_and_a_snapshot_that_lies(wire: Wire, site: Path) -> None:
    with sqlite3.connect(site / "var" / "discussions.sqlite3") as database:
        database.execute("UPDATE talk SET json = replace(json, 'number 1', 'number 9')")
    build_site(site, SETTINGS, OUTPUT)
    assert "Reply number 9." in (site / "output" / "networking" / "index.html").read_text()

    told = CliRunner().invoke(verb, [])
    assert told.exit_code == 1
    assert "differs: networking/index.html" in told.output
    assert "rejoinder verify --repair" in told.output
    mended = CliRunner().invoke(verb, ["--repair"])
    assert mended.exit_code == 0, mended.output
    assert "Reply number 1." in (site / "output" / "networking" / "index.html").read_text()
    assert verify(site, SETTINGS, OUTPUT) == []


def test_without_the_service_there_is_nothing_to_compare_with(wire: Wire, site: Path) -> None:
    wire.failures += [503] * 20
    with pytest.raises(ServiceUnavailable):
        verify(site, SETTINGS, OUTPUT)


def test_without_a_build_the_mend_is_said(environ: Path) -> None:
    with pytest.raises(BuildError, match="run: rejoinder build"):
        verify(make_site(environ), SETTINGS, OUTPUT)
