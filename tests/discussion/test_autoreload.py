"""`pelican --autoreload` with a text that cannot be built."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.discussion.samples import article, eventually, make_site

pytestmark = pytest.mark.usefixtures("wire")


def test_a_failed_build_waits_for_the_next_change(environ: Path) -> None:
    bad = {"plan.md": article("Plan", "comments"), "good.md": article("Good", "good")}
    site = make_site(environ, bad)
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "pelican", "-r", "content", "-s", "pelicanconf.py"],
        cwd=site,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(process.stdout or ()), daemon=True)
    reader.start()

    def said(words: str) -> int:
        return sum(words in line for line in lines)

    try:
        eventually(lambda: said("Save a file to try again") == 1, 60)
        for expected in (2, 3):
            (site / "content/good.md").write_text(article("Good", "good", f"Words {expected}."))
            eventually(lambda wanted=expected: said("Save a file to try again") >= wanted, 60)  # type: ignore[misc]
        assert said("content/plan.md: ") == 3
        (site / "content/plan.md").write_text(article("Plan", "plan"))
        eventually(lambda: (site / "output/plan/index.html").is_file(), 60)
        assert said("Save a file to try again") == 3
    finally:
        process.kill()
        process.wait()
