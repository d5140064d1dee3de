from __future__ import annotations

import os
import pty
import select
import subprocess
import sys

import pytest

from plugins.shared import progress

SLOW = """
import time
from plugins.shared import progress
progress.QUIET_SECONDS = 0.05
with progress.step("Writing pages") as advance:
    for _ in range(5):
        time.sleep(0.02)
        advance(1)
    for _ in progress.each("Comparing pages", range(20), 20):
        time.sleep(0.02)
"""


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)


def test_a_short_step_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress.each("Comparing", range(3), 3)) == [0, 1, 2]
    assert capsys.readouterr() == ("", "")


def test_elsewhere_than_on_a_terminal_it_tells_in_plain_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.0)
    with progress.step("Writing pages", 1200) as advance:
        advance(1100)
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == ["Writing pages: 1,100 of 1,200", "Writing pages: done, 1,100"]


def test_on_a_terminal_it_draws_a_bar_and_takes_it_away() -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", SLOW], stderr=theirs, env=os.environ | {"TERM": "xterm"}
    ) as process:
        os.close(theirs)
        seen = b""
        while process.poll() is None or select.select([ours], [], [], 0.1)[0]:
            try:
                seen += os.read(ours, 4096)
            except OSError:
                break
    os.close(ours)
    assert b"Writing pages" in seen
    assert b"Comparing pages" in seen
    assert process.returncode == 0
    # The line is erased at the end.
    assert b"\x1b[2K" in seen[seen.rindex(b"Comparing pages") :]
