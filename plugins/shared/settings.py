"""The site side's settings, read once from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from .errors import SettingsError

SNAPSHOT_NAME = "discussions.sqlite3"
LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True)
class SiteSettings:
    """The service's address and token, and the folder of the site's data.

    `service_url` is the service's root, without a slash at the end. `api_token` may be empty: a
    build can do with the snapshot; only who asks the service needs the token (`token`).
    `site_url` is the origin that readers type, or "" where nobody said it; with `check_live` the
    publisher looks whether they get what it wrote.
    """

    service_url: str = "http://127.0.0.1:8000"
    api_token: str = field(default="", repr=False)
    var: Path = Path("var")
    site_url: str = ""
    check_live: bool = True

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> SiteSettings:
        """Read the REJOINDER_ variables of docs/settings.md; raises SettingsError."""
        url = environ.get("REJOINDER_SERVICE_URL", "").strip().rstrip("/") or cls.service_url
        try:
            parts = urlsplit(url)
            usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
            usable = usable and not (parts.query or parts.fragment or parts.username)
            _ = parts.port
        except ValueError:
            usable = False
        if not usable:
            raise SettingsError(
                "REJOINDER_SERVICE_URL is not an http(s) address; "
                "set it to the service's root, e.g. http://127.0.0.1:8000"
            )
        token = environ.get("REJOINDER_API_TOKEN", "").strip()
        if not token.isascii() or not token.isprintable() or " " in token:
            raise SettingsError(
                "REJOINDER_API_TOKEN has characters that no header can carry; "
                "copy it again from var/rejoinder.env"
            )
        site_url = environ.get("REJOINDER_SITE_URL", "").strip().rstrip("/")
        check = environ.get("REJOINDER_CHECK_LIVE", "").strip().lower() or "on"
        if check not in {"on", "off"}:
            raise SettingsError(f"REJOINDER_CHECK_LIVE is {check!r}; set it to on or off")
        return cls(
            url,
            token,
            Path(environ.get("REJOINDER_VAR", "").strip() or "var"),
            # What else it could be is said by those who cannot do without it.
            site_url if site_url.startswith(("http://", "https://")) else "",
            check == "on",
        )

    @property
    def token(self) -> str:
        """Return the token; SettingsError if there is none."""
        if not self.api_token:
            raise SettingsError(
                "REJOINDER_API_TOKEN is missing; run: make serve once (it writes "
                "var/rejoinder.env), or set it to the token of the service at "
                f"{self.service_url}"
            )
        return self.api_token

    @property
    def snapshot(self) -> Path:
        """Return the file of the snapshot."""
        return self.var / SNAPSHOT_NAME

    @property
    def lock(self) -> Path:
        """Return the lock file that is held to write pages or swap builds."""
        return self.var / "site.lock"
