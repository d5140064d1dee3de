"""The commands in docs/writing.md do what is written there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.e2e.project import ROOT, Project, copy


def test_the_commands_of_the_document_run(tmp_path: Path) -> None:
    project = Project(copy(tmp_path), 8000)
    settings = tmp_path / "pelicanconf.py"
    settings.write_text(settings.read_text("utf-8") + "\nDISCUSSION_REQUIRED = False\n", "utf-8")
    text = (ROOT / "docs/writing.md").read_text("utf-8")
    block = re.search(r"```sh\n(.*?)```", text, re.DOTALL)
    assert block
    new, drafts = (shlex.split(line)[1:] for line in block[1].splitlines())
    begun = project.run(*new)
    assert begun.returncode == 0, begun.stderr
    assert (tmp_path / "content/how-to-leave-a-party.md").is_file()
    built = project.run("build")
    assert built.returncode == 0, built.stderr
    listed = project.run(*drafts)
    assert "How to leave a party (content/how-to-leave-a-party.md)" in listed.stdout
    assert "/drafts/how-to-leave-a-party/" in listed.stdout
    page = (tmp_path / "output/drafts/how-to-leave-a-party/index.html").read_text("utf-8")
    assert "<strong>Draft.</strong>" in page
    assert '<meta name="robots" content="noindex">' in page
    assert "<form" not in page
