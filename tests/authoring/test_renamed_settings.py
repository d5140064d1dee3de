"""Names that settings had before still work, with a warning."""

import logging
from pathlib import Path

import pytest

from plugins.authoring import draft_secret
from plugins.authoring.build_time import moment_of
from plugins.authoring.renamed_settings import OLD_NAMES, setting


@pytest.mark.parametrize(("new", "old"), OLD_NAMES.items())
def test_an_old_name_is_read_and_named_in_a_warning(
    new: str, old: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert setting({old: "value"}, new) == "value"
    assert old in caplog.text
    assert new in caplog.text


@pytest.mark.parametrize(("new", "old"), OLD_NAMES.items())
def test_the_new_name_wins_without_a_warning(
    new: str, old: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert setting({new: "value", old: "older"}, new) == "value"
    assert caplog.text == ""


def test_the_time_of_a_build_is_read_under_its_old_name() -> None:
    assert moment_of({"DESK_NOW": "2026-11-01T08:00+01:00"}).isoformat() == (
        "2026-11-01T08:00:00+01:00"
    )


def test_the_secret_of_drafts_keeps_its_value_when_its_file_is_renamed(tmp_path: Path) -> None:
    old = tmp_path / "desk.secret"
    old.write_text("s" * 40 + "\n", "ascii")
    assert draft_secret.key_of({}, tmp_path) == b"s" * 40
    assert not old.exists()
    assert (tmp_path / "draft.secret").read_text("ascii") == "s" * 40 + "\n"
    assert draft_secret.key_of({}, tmp_path) == b"s" * 40
