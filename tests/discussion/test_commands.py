from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from plugins.cli import commands
from tests.discussion.api_server import Wire
from tests.discussion.samples import article, eventually, make_site, reply


@contextmanager
def running(site: Path, verb: str) -> Iterator[subprocess.Popen[str]]:
    """A verb in a process of its own; its output goes to out.txt."""
    code = f"from plugins.cli.commands import {verb}; {verb}()"
    with (site / "out.txt").open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", code], cwd=site, stdout=out, stderr=out, text=True
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def said(site: Path) -> str:
    return (site / "out.txt").read_text()


def page(site: Path, key: str = "networking") -> str:
    return (site / "output" / key / "index.html").read_text()


def ends_cleanly(process: subprocess.Popen[str], number: int, wire: Wire) -> None:
    """End a verb that follows, in the middle of its long poll."""
    wire.wait_until_followed()
    process.send_signal(number)
    assert process.wait(60) == 0
    # The service still holds the answer back.
    assert wire.waiting


def test_build_shows_the_site_and_says_so(wire: Wire, environ: Path) -> None:
    make_site(environ)
    done = CliRunner().invoke(commands.build, [])
    assert done.exit_code == 0, done.output
    assert "Built 3 pages with discussions in" in done.output
    assert (environ / "output" / "index.html").is_file()


def test_build_fails_with_one_readable_line(environ: Path) -> None:
    make_site(environ, {"a.md": article("A", "comments")})
    done = CliRunner().invoke(commands.build, [])
    assert done.exit_code == 1
    assert "Error: " in done.output
    assert "reserved name" in done.output
    assert "Traceback" not in done.output


def test_a_terminated_build_leaves_nothing_half_built(wire: Wire, environ: Path) -> None:
    make_site(environ)
    wire.delay = 2
    with running(environ, "build") as process:
        eventually(lambda: bool(wire.asked))
        process.terminate()
        assert process.wait(5) != 0
    assert not (environ / "output").exists()
    assert list((environ / "var" / "builds").iterdir()) == []


def test_publish_once_brings_every_page_up_to_date(wire: Wire, environ: Path) -> None:
    make_site(environ)
    CliRunner().invoke(commands.build, [])
    wire.put("networking", [reply(1)])
    done = CliRunner().invoke(commands.publish, ["--once"])
    assert done.exit_code == 0, done.output
    # The article and the index, which counts its replies.
    assert "2 changed" in done.output
    assert "Reply number 1." in page(environ)


@pytest.mark.parametrize("verb", [commands.publish, commands.watch])
def test_without_a_token_the_mend_is_said(
    verb: object, environ: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REJOINDER_API_TOKEN")
    done = CliRunner().invoke(verb, [])  # type: ignore[arg-type]
    assert done.exit_code == 1
    assert "REJOINDER_API_TOKEN is missing; run: make serve" in done.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_publish_follows_until_it_is_told_to_end(wire: Wire, environ: Path, number: int) -> None:
    make_site(environ)
    CliRunner().invoke(commands.build, [])
    with running(environ, "publish") as process:
        wire.wait_until_followed()
        wire.put("networking", [reply(1)])
        eventually(lambda: "Reply number 1." in page(environ))
        ends_cleanly(process, number, wire)
    assert "event=published key=networking" in said(environ)
    assert "Reply number" not in said(environ)


def test_watch_publishes_and_builds_again_what_changed(wire: Wire, environ: Path) -> None:
    make_site(environ)
    with running(environ, "watch") as process:
        # Nothing was built yet: watching begins with a build.
        eventually(lambda: (environ / "output" / "networking" / "index.html").exists())
        wire.wait_until_followed()
        wire.put("networking", [reply(1)])
        eventually(lambda: "Reply number 1." in page(environ))
        eventually(lambda: "Rebuilt in" in said(environ))
        saved = environ / "content" / "networking.md"

        def shows_what_was_saved() -> bool:
            # Watching begins a moment after the first build; nothing outside says when.
            saved.write_text(article("Other", "networking"))
            with suppress(AssertionError):
                eventually(lambda: "<h1>Other</h1>" in page(environ), seconds=15)
            return "<h1>Other</h1>" in page(environ)

        eventually(shows_what_was_saved, seconds=120)
        assert "Reply number 1." in page(environ)
        before = (environ / "output").resolve()
        (environ / "content" / "bad.md").write_text(article("Bad", "moderate"))
        eventually(lambda: "The build failed; the pages stay." in said(environ))
        assert "reserved name" in said(environ)
        assert (environ / "output").resolve() == before
        (environ / "content" / "bad.md").unlink()
        # As editors do: the settings' file is replaced by another one.
        settings = environ / "pelicanconf.py"
        new = settings.with_name("new")
        new.write_text(settings.read_text().replace('"Test"', '"Renamed"'))
        new.replace(settings)
        eventually(lambda: "Renamed" in page(environ))
        ends_cleanly(process, signal.SIGTERM, wire)


def test_every_verb_has_one_sentence_of_help() -> None:
    for verb in (commands.build, commands.publish, commands.watch):
        assert verb.help is not None
        assert verb.help.endswith(".")
        assert "\n" not in verb.help
        for option in verb.params:
            assert str(getattr(option, "help", "")).endswith(".")


def test_importing_the_verbs_starts_nothing() -> None:
    code = "import plugins.cli.commands, threading; print(threading.active_count())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={name: value for name, value in os.environ.items() if "REJOINDER" not in name},
    )
    assert done.stdout == "1\n"
