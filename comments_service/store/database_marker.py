"""Marker file that records which databases exist, so that a missing database is noticed.

The file is beside REJOINDER_VAR, because that folder may be on a volume that is not mounted. If it
cannot be written there, it is inside the folder.
"""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from sqlalchemy import URL

from comments_service.store import database_file


class Marker:
    """The marker file of an installation whose REJOINDER_VAR is `var`."""

    def __init__(self, var: Path) -> None:
        self._var = var.absolute()

    def knows(self, url: URL) -> bool:
        """Return whether this database has been set up before."""
        name = self._name(url)
        return any(name in _read(path) for path in self._paths())

    def remember(self, url: URL, epoch: str) -> None:
        """Record that this database exists; does nothing if no marker file can be written."""
        name = self._name(url)
        for path in self._paths():
            epochs = _read(path)
            if epochs.get(name) == epoch:
                return
            with suppress(OSError):
                _write(path, epochs | {name: epoch})
                return

    def _paths(self) -> Iterator[Path]:
        name = f"{self._var.name or 'rejoinder'}-databases.json"
        yield self._var.parent / f".{name}"
        yield self._var / f".{name}"

    def _name(self, url: URL) -> str:
        """Return a name without user and password; relative, so that the project can be moved."""
        path = database_file.path_of(url)
        if path is None:
            return f"{url.get_backend_name()}://{url.host or ''}:{url.port or ''}/{url.database}"
        beside = self._var.parent
        return str(path.relative_to(beside) if path.is_relative_to(beside) else path)


def _read(path: Path) -> dict[str, str]:
    try:
        known = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(path: Path, known: dict[str, str]) -> None:
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        partial.write_text(json.dumps(known, indent=1) + "\n", "utf-8")
        os.replace(partial, path)  # noqa: PTH105
    except OSError:
        partial.unlink(missing_ok=True)
        raise
