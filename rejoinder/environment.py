"""Creates and loads the settings in `var/` that `rejoinder serve` and all commands use."""

import os
import secrets
import stat
import sys
from contextlib import suppress
from pathlib import Path

from dotenv import load_dotenv


def var() -> Path:
    """Return the folder of all persistent data: database, secrets, snapshot, builds."""
    return Path(os.environ.get("REJOINDER_VAR", "var"))


def load() -> None:
    """Load var/rejoinder.env and var/serve.env; variables that are already set win."""
    for name in ("rejoinder.env", "serve.env"):
        _make_private(var() / name)
        load_dotenv(var() / name, override=False)


def make_var() -> None:
    """Create the folder. Other users can traverse it to the built pages, but not list it."""
    if not var().exists():
        var().mkdir(parents=True)
        var().chmod(0o711)


def has_disappeared() -> bool:
    """Return whether the folder is missing or empty although a database was in use here.

    The service writes a marker beside the folder, which may be a volume that is not mounted.
    """
    here = var().absolute()
    marker = here.parent / f".{here.name}-databases.json"
    return marker.exists() and not (here.is_dir() and any(here.iterdir()))


def ensure_secrets() -> None:
    """Create var/rejoinder.env with new secrets, readable by its owner only, if it is missing."""
    path = var() / "rejoinder.env"
    make_var()
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
    """Store the address of the running service for commands in other terminals."""
    _write_private(var() / "serve.env", f"REJOINDER_SITE_URL={url}\nREJOINDER_SERVICE_URL={url}\n")


def _make_private(path: Path) -> None:
    """Remove other users' permissions from a file of secrets, as it may have been made by hand."""
    with suppress(OSError):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o007:
            path.chmod(0o600)
            note = f"{path} was open to other users ({mode:04o}); it is private now."
            print(note, file=sys.stderr)


def _write_private(path: Path, text: str) -> None:
    # Create it with its final mode, so that others can never read it.
    partial = path.with_name(path.name + ".new")
    partial.unlink(missing_ok=True)
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
