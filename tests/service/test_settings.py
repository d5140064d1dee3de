"""Settings: read once, checked at start, every one of them documented."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from comments_service.domain import smtp_address
from comments_service.domain.errors import SettingsError
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


MAIL = {**GOOD, "REJOINDER_MAIL_FROM": "noreply@blog.example"}


@pytest.mark.parametrize(
    ("url", "host", "port", "encryption"),
    [
        ("smtp://mail.example", "mail.example", 587, "starttls"),
        ("smtp://u:p@mail.example:25", "mail.example", 25, "starttls"),
        ("smtps://u:p@mail.example", "mail.example", 465, "tls"),
        ("smtp://localhost", "localhost", 25, "offered"),
        ("smtp://[::1]:2525", "::1", 2525, "offered"),
        ("smtp://127.0.0.1:2525?tls=required", "127.0.0.1", 2525, "starttls"),
        ("smtp://mailbox:1025?tls=none", "mailbox", 1025, "none"),
    ],
)
def test_a_mail_server_is_encrypted_unless_it_is_here(
    url: str, host: str, port: int, encryption: str
) -> None:
    settings = Settings.from_environ({**MAIL, "REJOINDER_SMTP_URL": url})
    assert settings.sends_mail
    found = smtp_address.parse(url)
    assert (found.host, found.port, found.encryption) == (host, port, encryption)


@pytest.mark.parametrize(
    "url",
    [
        "mail.example",
        "http://mail.example",
        "smtp://",
        "smtp://u@mail.example",
        "smtp://:canary@/",
        "smtp://u:canary@mail.example:99999",
        "smtp://u:canary@mail.example/path",
        "smtp://u:canary@mail.example?tls=none",
        "smtp://u:canary@mail.example?tls=maybe",
        "smtp://u:canary@mail.example?x=1&tls=none",
        "smtps://u:canary@mail.example?tls=none",
        "smtp://u:canary@[::1",
    ],
)
def test_a_mail_server_that_cannot_be_used_is_named_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match="REJOINDER_SMTP_URL cannot be used") as refused:
        Settings.from_environ({**MAIL, "REJOINDER_SMTP_URL": url})
    assert "canary" not in str(refused.value)
    assert "smtp://user:password@mail.example:587" in str(refused.value)


@pytest.mark.parametrize(
    "value",
    [
        "noreply",
        "Blog",
        "@blog.example",
        "a@",
        "Blog <a@b.example>\nBcc: x@y.example",
        "ä@b.example",
    ],
)
def test_a_sender_that_is_no_address_is_named(value: str) -> None:
    with pytest.raises(SettingsError, match="REJOINDER_MAIL_FROM cannot be used"):
        Settings.from_environ({**GOOD, "REJOINDER_MAIL_FROM": value})


def test_a_mail_server_needs_a_sender() -> None:
    with pytest.raises(SettingsError, match=r"REJOINDER_MAIL_FROM cannot be used.*is required"):
        Settings.from_environ({**GOOD, "REJOINDER_SMTP_URL": "smtp://mail.example"})
    assert not Settings.from_environ(MAIL).sends_mail


def test_settings_cannot_change() -> None:
    settings = Settings.from_environ(GOOD)
    with pytest.raises(ValidationError):
        settings.site_name = "Another"  # type: ignore[misc]


def test_secrets_are_not_shown() -> None:
    assert SECRET not in repr(Settings.from_environ(GOOD))
    assert TOKEN not in str(Settings.from_environ(GOOD))
    url = "smtp://user:canary@mail.example"
    assert "canary" not in repr(Settings.from_environ({**MAIL, "REJOINDER_SMTP_URL": url}))


def test_every_setting_is_documented() -> None:
    documented = set(re.findall(r"^\| `(REJOINDER_[A-Z_]+)` \|", DOCS.read_text("utf-8"), re.M))
    missing = {"REJOINDER_" + name.upper() for name in Settings.model_fields} - documented
    assert not missing
