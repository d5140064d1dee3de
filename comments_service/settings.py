"""Settings of the service: read once from the environment and validated at start."""

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

# How to fix a missing or invalid setting; others refer to docs/settings.md.
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
    """The settings; each is the environment variable `REJOINDER_` + its name in capitals.

    All are described in docs/settings.md; a test compares the two.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    secret: Secret
    """Key that signs the authors' private links and the form tokens."""
    api_token: Secret
    """Token of the site side for the API: reading discussions and registering pages."""
    database: str = "sqlite:///var/comments.sqlite3"
    """SQLAlchemy URL of the database."""
    site_url: str = "http://127.0.0.1:8000"
    """Origin of the site and this service, as readers type it; the prefix of all links."""
    site_name: str = "Rejoinder"
    """Name of the site, in the titles of the service's own pages."""
    language: str = Field(default="en", validate_default=True)
    """Language of the whole site: its pages, the service's pages for readers, and mail."""
    stylesheet: str = "/theme/css/service.css"
    """The site's style sheet, so that forms and status pages look like the site."""
    log_level: Literal["debug", "info", "warning", "error"] | None = None
    """Lowest level of log entries that are written; None: the command decides."""
    site_dir: Path | None = None
    """Folder with the built site, served at `/`; unset where a web server does that."""
    site_report: Path | None = None
    """File with the errors of the last build of that folder; for local authoring only."""
    live_reload: bool = False
    """Whether pages of that folder reload in the browser on changes; for local authoring only."""
    body_limit: int = Field(default=262_144, ge=131_072, le=1_048_576)
    """Largest form body in bytes; a larger one gets status 413."""
    resend_hours: int = Field(default=24, ge=0, le=168)
    """Hours in which a resent reply leads to the first one's status page."""
    edit_minutes: int = Field(default=15, ge=0, le=10_080)
    """Minutes in which authors may edit and remove their replies themselves; 0: not at all."""
    session_idle_hours: int = Field(default=12, ge=1, le=720)
    """An editor is signed out after this many hours without a request."""
    session_days: int = Field(default=14, ge=1, le=90)
    """An editor is signed out after this many days at the latest."""

    posts_per_minute: int = Field(default=20, ge=0, le=100_000)
    """Replies that one network may post in a minute; 0: no limit."""
    posts_per_hour: int = Field(default=100, ge=0, le=1_000_000)
    """Replies that one network may post in an hour; 0: no limit."""
    site_posts_per_minute: int = Field(default=300, ge=0, le=1_000_000)
    """Replies that the whole site accepts in a minute; 0: no limit."""
    mails_per_hour: int = Field(default=10, ge=0, le=100_000)
    """Mails that one network may cause in an hour; 0: no limit."""
    site_mails_per_hour: int = Field(default=200, ge=0, le=1_000_000)
    """Mails that all strangers together may cause in an hour; 0: no limit."""
    form_origins: str | None = None
    """Further origins from which forms are accepted, comma-separated; unset: `site_url` only."""

    trusted_proxies: str | None = None
    """Networks of proxies whose X-Forwarded-For is trusted, comma-separated; unset: none."""
    connections_per_network: int = Field(default=100, ge=0, le=10_000)
    """Open connections per network; 0: no limit. Trusted proxies have no limit."""
    smtp_url: SecretStr | None = None
    """The mail server; unset: no mail is sent. `smtp://` requires STARTTLS, `smtps://` is TLS."""
    mail_from: str | None = Field(default=None, validate_default=True)
    """The sender address of mail, with or without a name."""

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
        return ",".join(_origin(part.strip()) for part in value.split(",")) if value else None

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
            raise ValueError("is required if REJOINDER_SMTP_URL is set")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *others: PydanticBaseSettingsSource,
        **more: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Use only the values that `from_environ` passes, no other source of pydantic."""
        return (init_settings,)

    @property
    def edit_window(self) -> timedelta:
        """How long authors may edit and remove their replies themselves."""
        return timedelta(minutes=self.edit_minutes)

    @property
    def session_idle(self) -> timedelta:
        """After this time without a request a session ends."""
        return timedelta(hours=self.session_idle_hours)

    @property
    def session_life(self) -> timedelta:
        """The maximum age of a session."""
        return timedelta(days=self.session_days)

    @property
    def secure(self) -> bool:
        """Whether the site uses https, so that cookies can be `Secure`."""
        return self.site_url.startswith("https://")

    @cached_property
    def origins(self) -> frozenset[str]:
        """The accepted values of the header `Origin`: those of `site_url` and `form_origins`."""
        further = self.form_origins.split(",") if self.form_origins else []
        return frozenset(name for origin in (self.site_url, *further) for name in _names_of(origin))

    @cached_property
    def proxies(self) -> tuple[Network, ...]:
        """The networks of `trusted_proxies`."""
        return _networks(self.trusted_proxies)

    @property
    def sends_mail(self) -> bool:
        """Whether a mail server is set."""
        return self.smtp_url is not None

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None, **overrides: Any) -> "Settings":
        """Read the settings from `environ` (the process's own by default).

        Raises `SettingsError`, which names every missing or invalid setting and how to fix it.
        """
        source = os.environ if environ is None else environ
        # Empty values count as unset: an empty `site_dir` would serve the current folder.
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


# Names of the local machine, which are all accepted: `rejoinder serve` uses one of them, and people
# type another.
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def _names_of(origin: str) -> Iterator[str]:
    """Yield an origin as browsers send it: in lower case, in Punycode, without a default port."""
    parts = urlsplit(origin)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else ascii_domain(host)
    port = "" if parts.port in {None, _DEFAULT_PORTS[parts.scheme]} else f":{parts.port}"
    for name in _LOOPBACK if host in _LOOPBACK else (host,):
        yield f"{parts.scheme}://{name}{port}"


def _networks(value: str | None) -> tuple[Network, ...]:
    return tuple(ip_network(part.strip()) for part in value.split(",")) if value else ()


def _lines(error: ValidationError) -> list[str]:
    lines = []
    for problem in error.errors():
        name = str(problem["loc"][0])
        missing = problem["type"] == "missing"
        what = "is missing" if missing else f"cannot be used: {problem['msg']}"
        lines.append(f"{PREFIX}{name.upper()} {what}; {MENDS.get(name, 'see docs/settings.md')}")
    return lines
