"""Articles of a future day appear on it."""

from __future__ import annotations

import json
import signal
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

from plugins.authoring.schedule import LONGEST_PAUSE, Alarm, Due, next_due
from plugins.cli import commands
from tests.authoring.site import DESK, QUICK, built, desk, files
from tests.discussion.api_server import Wire
from tests.discussion.samples import article, eventually
from tests.discussion.test_commands import ends_cleanly, running, said

pytestmark = pytest.mark.usefixtures("wire")
NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)


def at(moment: str) -> str:
    return (
        f'AUTHORING_NOW = "{moment}"\nTIMEZONE = "Europe/Berlin"\n'
        'SITEURL = "https://r.example"\nFEED_ALL_ATOM = "feed.xml"\n'
    )


def later(date: str = "2026-12-24 08:00", **metadata: str) -> dict[str, str]:
    return {"a.md": article("A", "a"), "x.md": article("Xmas", "xmas", Date=date, **metadata)}


@pytest.mark.parametrize("plugins", [DESK, QUICK], ids=["stock", "quick"])
def test_it_is_nowhere_before_and_everywhere_from_its_minute_on(
    environ: Path, plugins: str
) -> None:
    # Eight o'clock in Berlin is seven in UTC.
    root = built(desk(environ, later(), at("2026-12-24T06:59:59+00:00"), plugins))
    assert "xmas/index.html" not in files(root)
    for name in ("index.html", "feed.xml", "sitemaps/1.xml"):
        assert b"xmas" not in (root / name).read_bytes()
    assert next_due(environ / "output") == Due(
        datetime(2026, 12, 24, 7, 0, tzinfo=UTC), "pelicanconf.py"
    )
    root = built(desk(environ, later(), at("2026-12-24T08:00"), plugins))
    for name in ("xmas/index.html", "index.html", "feed.xml", "sitemaps/1.xml"):
        assert b"xmas" in (root / name).read_bytes().lower()
    assert next_due(environ / "output") is None
    assert not any("drafts" in name for name in files(root))


def test_a_draft_stays_one_and_is_not_waited_for(environ: Path) -> None:
    root = built(desk(environ, later(Status="draft"), at("2026-12-01")))
    assert next_due(environ / "output") is None
    built(desk(environ, later(Status="draft"), at("2027-12-01")))
    assert "xmas/index.html" not in files(root)


def test_what_waits_tells_no_title(environ: Path) -> None:
    root = built(desk(environ, later(), at("2026-12-01")))
    told = json.loads((root / ".discussion/due.json").read_text())
    assert told == {"moments": ["2026-12-24T07:00:00+00:00"], "settings": "pelicanconf.py"}


def shown(output: Path, *moments: datetime) -> Alarm:
    (output / ".discussion").mkdir(parents=True, exist_ok=True)
    data = {"moments": [one.isoformat() for one in moments], "settings": None}
    (output / ".discussion" / "due.json").write_text(json.dumps(data))
    return Alarm(output)


def test_the_alarm_rings_for_the_earliest_however_long_ago_it_was(tmp_path: Path) -> None:
    alarm = shown(tmp_path, NOON + timedelta(days=1), NOON)
    assert alarm.rings(NOON - timedelta(seconds=1)) is None
    assert alarm.rings(NOON + timedelta(hours=9)) == Due(NOON, None)


def test_the_alarm_waits_longer_and_longer_after_a_build_that_failed(tmp_path: Path) -> None:
    alarm = shown(tmp_path, NOON)
    rang = [second for second in range(7200) if alarm.rings(NOON + timedelta(seconds=second))]
    assert rang[:4] == [0, 30, 90, 210]
    assert max(b - a for a, b in pairwise(rang)) == LONGEST_PAUSE.seconds
    # Another moment is another matter, and so is a clock that was set back.
    assert shown(tmp_path, NOON).rings(NOON)
    assert alarm.rings(NOON + timedelta(seconds=1))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"moments": ["x"], "settings": null}',
                                  '{"moments": [], "settings": null}'])  # fmt: skip
def test_what_cannot_be_read_waits_for_nothing(tmp_path: Path, text: str) -> None:
    assert next_due(tmp_path) is None
    alarm = shown(tmp_path)
    (tmp_path / ".discussion/due.json").write_text(text)
    assert alarm.rings(NOON) is None


def soon(seconds: float) -> str:
    return f"{datetime.now(UTC) + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S}"


@pytest.mark.parametrize("verb", ["publish", "watch"])
def test_its_moment_comes_while_somebody_follows(environ: Path, wire: Wire, verb: str) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=6)
    built(desk(environ, later(f"{moment:%Y-%m-%d %H:%M:%S}")))
    page = environ / "output" / "xmas" / "index.html"
    with running(environ, verb) as process:
        assert not page.exists() or datetime.now(UTC) >= moment
        eventually(page.exists)
        eventually(lambda: "Rebuilt in" in said(environ))
        ends_cleanly(process, signal.SIGTERM, wire)


def test_a_moment_that_passed_while_nobody_ran_is_made_up_for(environ: Path, wire: Wire) -> None:
    built(desk(environ, later(soon(2)), 'FORMATS = "kept"\n'))
    time.sleep(2.1)
    assert not (environ / "output" / "xmas").exists()
    done = CliRunner().invoke(commands.publish, ["--once"])
    assert done.exit_code == 0, done.output
    assert "The moment of an article has come" in done.output
    assert (environ / "output" / "xmas" / "index.html").exists()
    again = CliRunner().invoke(commands.publish, ["--once"])
    assert "The moment" not in again.output
