"""Settings: read once, checked at start, every one of them documented."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from comments_service.errors import SettingsError
from comments_service.settings import Settings
from tests.running import SECRET, TOKEN

GOOD = {"REJOINDER_SECRET": SECRET, "REJOINDER_API_TOKEN": TOKEN}
DOCS = Path(__file__).parents[2] / "docs" / "settings.md"


def test_every_missing_setting_is_named_with_its_mend() -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_environ({})
    lines = str(refused.value).splitlines()
    assert [line.split(";")[0] for line in lines] == [
        "REJOINDER_SECRET is missing",
        "REJOINDER_API_TOKEN is missing",
    ]
    assert all("make serve" in line for line in lines)


def test_only_the_environment_that_was_given_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REJOINDER_SECRET", SECRET)
    monkeypatch.setenv("rejoinder_site_name", "From behind")
    with pytest.raises(SettingsError, match="REJOINDER_SECRET is missing"):
        Settings.from_environ({"REJOINDER_API_TOKEN": TOKEN})
    assert Settings.from_environ(GOOD).site_name == "Rejoinder"


def test_a_short_secret_is_refused_without_being_told() -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_environ({**GOOD, "REJOINDER_SECRET": "tooshort-canary"})
    assert str(refused.value).startswith("REJOINDER_SECRET cannot be used")
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    "name", ["REJOINDER_SITE_DIR", "REJOINDER_SITE_NAME", "REJOINDER_SITE_URL"]
)
def test_an_empty_setting_is_an_unset_one(name: str) -> None:
    assert Settings.from_environ({**GOOD, name: ""}) == Settings.from_environ(GOOD)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SITE_URL", "blog.example"),
        ("SITE_URL", "ftp://blog.example"),
        ("SITE_URL", "https://blog.example/path"),
        ("BODY_LIMIT", "1"),
        ("BODY_LIMIT", "much"),
        ("RESEND_HOURS", "-1"),
        ("SESSION_DAYS", "0"),
        ("SESSION_IDLE_HOURS", "100000"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"REJOINDER_{name} cannot be used"):
        Settings.from_environ({**GOOD, f"REJOINDER_{name}": value})


def test_settings_cannot_change() -> None:
    settings = Settings.from_environ(GOOD)
    with pytest.raises(ValidationError):
        settings.site_name = "Another"  # type: ignore[misc]


def test_secrets_are_not_shown() -> None:
    assert SECRET not in repr(Settings.from_environ(GOOD))
    assert TOKEN not in str(Settings.from_environ(GOOD))


def test_every_setting_is_documented() -> None:
    documented = set(re.findall(r"^\| `(REJOINDER_[A-Z_]+)` \|", DOCS.read_text("utf-8"), re.M))
    missing = {"REJOINDER_" + name.upper() for name in Settings.model_fields} - documented
    assert not missing
