"""Every setting of the service, read once from the environment and checked at start."""

import os
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from comments_service.domain import smtp_address
from comments_service.domain.email_address import ascii_domain
from comments_service.domain.errors import SettingsError
from comments_service.domain.i18n import words_of
from comments_service.domain.ip_prefix import Network

PREFIX = "REJOINDER_"

# What to do about a setting that is missing or wrong, where the name alone does not say it.
MENDS = {
    "secret": "run `make serve` once (it writes var/rejoinder.env), or set 32 random characters",
    "api_token": "run `make serve` once (it writes var/rejoinder.env), or set 32 random characters",
    "site_url": "set the address that readers type, for instance https://blog.example",
    "database": "set an SQLAlchemy URL, for instance sqlite:///var/comments.sqlite3",
    "smtp_url": "set smtp://user:password@mail.example:587, or nothing: then no mail is sent",
    "mail_from": "set the address that mail comes from, for instance Blog <noreply@blog.example>",
}

Secret = Annotated[SecretStr, Field(min_length=32)]


class Settings(BaseSettings):
    """The service's settings; each is the environment variable `REJOINDER_` + its name in capitals.

    Every one is described in docs/settings.md; a test compares the two.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    secret: Secret
    """Keys the authors' private links and the form tokens; whoever has it can make both."""
    api_token: Secret
    """What the site side shows to read discussions and to register pages."""
    database: str = "sqlite:///var/comments.sqlite3"
    """SQLAlchemy URL of the database."""
    site_url: str = "http://127.0.0.1:8000"
    """Origin under which readers reach the site and this service; links begin with it."""
    site_name: str = "Rejoinder"
    """Name of the site, in the titles of the service's own pages."""
    language: str = Field(default="en", validate_default=True)
    """Language of the whole site: its pages, the service's pages for readers, and mail."""
    stylesheet: str = "/theme/css/service.css"
    """The site's style sheet, so that forms and status pages look like the site."""
    log_level: Literal["debug", "info", "warning", "error"] | None = None
    """The least serious log entries that are written; None: the command decides."""
    site_dir: Path | None = None
    """Folder with the built site, served at `/`; unset where a web server does that."""
    site_report: Path | None = None
    """File that says what is wrong with the last build of that folder; for authors only."""
    live_reload: bool = False
    """Whether pages of that folder reload in the browser when they change; for authors only."""
    body_limit: int = Field(default=262_144, ge=131_072, le=1_048_576)
    """Largest form body in bytes; a longer one is answered with 413."""
    resend_hours: int = Field(default=24, ge=0, le=168)
    """How long the same reply sent again leads to the first one's status page. Hours."""
    edit_minutes: int = Field(default=15, ge=0, le=10_080)
    """How long authors may edit and remove their replies themselves; 0: not at all. Minutes."""
    session_idle_hours: int = Field(default=12, ge=1, le=720)
    """An editor is signed out after this long without a request. Hours."""
    session_days: int = Field(default=14, ge=1, le=90)
    """An editor is signed out after this long in any case. Days."""

    posts_per_minute: int = Field(default=20, ge=0, le=100_000)
    """How many replies one network may post in a minute; 0: any number."""
    posts_per_hour: int = Field(default=100, ge=0, le=1_000_000)
    """How many replies one network may post in an hour; 0: any number."""
    site_posts_per_minute: int = Field(default=300, ge=0, le=1_000_000)
    """How many replies the whole site takes in a minute; 0: any number."""
    mails_per_hour: int = Field(default=10, ge=0, le=100_000)
    """How many mails one network may cause in an hour; 0: any number."""
    site_mails_per_hour: int = Field(default=200, ge=0, le=1_000_000)
    """How many mails all strangers together may cause in an hour; 0: any number."""
    form_origins: str | None = None
    """Further origins from which forms are taken, with commas between; unset: `site_url` only."""

    trusted_proxies: str | None = None
    """Networks of proxies whose X-Forwarded-For is believed, with commas between; unset: none."""
    connections_per_network: int = Field(default=100, ge=0, le=10_000)
    """Connections that one network may have open at a time; 0: no limit. Proxies have none."""
    smtp_url: SecretStr | None = None
    """The mail server; unset: no mail leaves. `smtp://` asks for STARTTLS, `smtps://` for TLS."""
    mail_from: str | None = Field(default=None, validate_default=True)
    """The address that mail comes from, with the site's name or without."""

    @field_validator("language")
    @classmethod
    def _spoken(cls, value: str) -> str:
        words_of(value)
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks_only(cls, value: str | None) -> str | None:
        try:
            _networks(value)
        except ValueError:
            raise ValueError("must be networks such as 10.0.0.0/8,2001:db8::/32") from None
        return value

    @field_validator("site_url")
    @classmethod
    def _origin_only(cls, value: str) -> str:
        return _origin(value)

    @field_validator("form_origins")
    @classmethod
    def _origins_only(cls, value: str | None) -> str | None:
        return ",".join(_origin(one.strip()) for one in value.split(",")) if value else None

    @field_validator("smtp_url")
    @classmethod
    def _mail_server(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            smtp_address.parse(value.get_secret_value())
        return value

    @field_validator("mail_from")
    @classmethod
    def _mail_from(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None:
            smtp_address.sender(value)
        elif info.data.get("smtp_url") is not None:
            raise ValueError("is needed where REJOINDER_SMTP_URL is set")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *others: PydanticBaseSettingsSource,
        **more: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what `from_environ` gives and nothing from behind its back."""
        return (init_settings,)

    @property
    def edit_window(self) -> timedelta:
        """How long authors may edit and remove their replies themselves."""
        return timedelta(minutes=self.edit_minutes)

    @property
    def session_idle(self) -> timedelta:
        """How long a session lives without a request."""
        return timedelta(hours=self.session_idle_hours)

    @property
    def session_life(self) -> timedelta:
        """How long a session lives at most."""
        return timedelta(days=self.session_days)

    @property
    def secure(self) -> bool:
        """Whether readers reach the site over https, so that cookies can demand it."""
        return self.site_url.startswith("https://")

    @cached_property
    def origins(self) -> frozenset[str]:
        """The origins of our own pages, as browsers send them in `Origin`."""
        further = self.form_origins.split(",") if self.form_origins else []
        return frozenset(name for origin in (self.site_url, *further) for name in _names_of(origin))

    @cached_property
    def proxies(self) -> tuple[Network, ...]:
        """The networks of `trusted_proxies`."""
        return _networks(self.trusted_proxies)

    @property
    def sends_mail(self) -> bool:
        """Whether mail leaves."""
        return self.smtp_url is not None

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None, **overrides: Any) -> "Settings":
        """Read the settings from `environ` (the process's own by default).

        Raises `SettingsError`, which names every setting that is missing or wrong, and its mend.
        """
        source = os.environ if environ is None else environ
        # An empty value is an unset one: an empty `site_dir` would serve the current folder.
        given = {
            name: value for name in cls.model_fields if (value := source.get(PREFIX + name.upper()))
        }
        try:
            return cls(**(given | overrides))
        except ValidationError as error:
            raise SettingsError("\n".join(_lines(error))) from None


def _origin(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path.strip("/"):
        raise ValueError("must be an origin such as https://blog.example, without a path")
    return f"{parts.scheme}://{parts.netloc}"


# One machine under all its names: `rejoinder serve` has one of them, and people type another.
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def _names_of(origin: str) -> Iterator[str]:
    """Yield an origin as browsers write it: in lower case, in Punycode, without a default port."""
    parts = urlsplit(origin)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else ascii_domain(host)
    port = "" if parts.port in {None, _DEFAULT_PORTS[parts.scheme]} else f":{parts.port}"
    for name in _LOOPBACK if host in _LOOPBACK else (host,):
        yield f"{parts.scheme}://{name}{port}"


def _networks(value: str | None) -> tuple[Network, ...]:
    return tuple(ip_network(one.strip()) for one in value.split(",")) if value else ()


def _lines(error: ValidationError) -> list[str]:
    lines = []
    for problem in error.errors():
        name = str(problem["loc"][0])
        missing = problem["type"] == "missing"
        what = "is missing" if missing else f"cannot be used: {problem['msg']}"
        lines.append(f"{PREFIX}{name.upper()} {what}; {MENDS.get(name, 'see docs/settings.md')}")
    return lines
