"""With a version of Pelican or Markdown that is not supported, quick builds change nothing."""

from __future__ import annotations

import logging
import re
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from pelican import generators, signals, utils

from plugins import quick
from plugins.quick import hooks, supported
from plugins.quick.writer import QuickWriter
from tests.quick.projects import ARTICLES, ROOT, Project, differences, without_quick


def install(monkeypatch: pytest.MonkeyPatch, **versions: str) -> None:
    """Let the plugin find these versions instead of the installed ones."""
    monkeypatch.setattr(
        "plugins.quick.supported.version", lambda name: versions.get(name) or version(name)
    )


def never(*_given: Any, **_named: Any) -> None:
    raise AssertionError("quick builds took part")


def test_the_installed_versions_are_supported() -> None:
    assert supported.problem() is None


@pytest.mark.parametrize("number", ["4.12.0", "4.12", "4.12.7"])
def test_patch_releases_are_supported(monkeypatch: pytest.MonkeyPatch, number: str) -> None:
    install(monkeypatch, pelican=number)
    assert supported.problem() is None


@pytest.mark.parametrize(
    ("name", "number"),
    [("pelican", "4.13.0"), ("pelican", "5.0"), ("markdown", "3.12"), ("markdown", "3.1.1")],
)
def test_another_version_connects_nothing_and_is_logged_in_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str, number: str
) -> None:
    install(monkeypatch, **{name: number})
    without_quick()
    with caplog.at_level(logging.WARNING, "plugins.quick"):
        quick.register()
    assert vars(generators)["process_translations"] is utils.process_translations
    for signal, receiver in quick.connections():
        assert receiver not in list(signal.receivers_for(None))
    [record] = [record for record in caplog.records if record.name == "plugins.quick"]
    assert record.levelno == logging.WARNING
    for part in ("pelican 4.12", "markdown 3.11", f"{name} {number}"):
        assert part in record.getMessage()


def test_pelican_alone_builds_the_site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    project = Project(tmp_path).articles(ARTICLES)
    expected = project.stock()
    install(monkeypatch, pelican="4.13.0")
    monkeypatch.setattr(hooks, "patch", never)
    monkeypatch.setattr(hooks, "begin", never)
    monkeypatch.setattr(QuickWriter, "__init__", never)
    assert differences(expected, project.quick()) == []
    assert not (tmp_path / "cache").exists()
    assert not signals.get_writer.receivers


def test_the_limits_of_the_project_are_those_of_the_supported_versions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    for name, minor in supported.SUPPORTED.items():
        [declared] = [one for one in project["dependencies"] if re.match(rf"{name}\b[>=]", one)]
        major, _, number = minor.partition(".")
        assert declared.endswith(f"<{major}.{int(number) + 1}")
        assert re.search(rf"^{name}=={re.escape(minor)}(\.|\s)", lock, re.MULTILINE)
