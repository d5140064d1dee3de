"""The settings of an embedded installation: made once, kept in var/, loaded by every verb."""

import os
import secrets
from pathlib import Path

from dotenv import load_dotenv


def var() -> Path:
    """Return the folder of everything that is kept: database, secrets, snapshot, builds."""
    return Path(os.environ.get("REJOINDER_VAR", "var"))


def load() -> None:
    """Put var/rejoinder.env and var/serve.env into the environment; what is set already wins."""
    for name in ("rejoinder.env", "serve.env"):
        load_dotenv(var() / name, override=False)


def ensure_secrets() -> None:
    """Make var/rejoinder.env with fresh secrets if it is not there; only its owner can read it."""
    path = var() / "rejoinder.env"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _write_private(
            path,
            "# Made by `rejoinder serve`. Keep it: private links and the site side depend on it.\n"
            f"REJOINDER_SECRET={secrets.token_urlsafe(48)}\n"
            f"REJOINDER_API_TOKEN={secrets.token_urlsafe(48)}\n"
            f"REJOINDER_DATABASE=sqlite:///{var() / 'comments.sqlite3'}\n",
        )
    load()


def remember_address(url: str) -> None:
    """Keep the address of the running service for verbs in other terminals."""
    _write_private(var() / "serve.env", f"REJOINDER_SITE_URL={url}\nREJOINDER_SERVICE_URL={url}\n")


def _write_private(path: Path, text: str) -> None:
    # Never readable by others, not even between making the file and setting its mode.
    partial = path.with_name(path.name + ".new")
    partial.unlink(missing_ok=True)
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
