"""Remembers outside the database that there is one, so that a missing one is noticed.

The marker is a small file beside REJOINDER_VAR, since all of that folder may be on a volume that
is not mounted; where that place cannot be written, it is inside.
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
    """What is remembered about the databases of one installation, whose folder is `var`."""

    def __init__(self, var: Path) -> None:
        self._var = var.absolute()

    def knows(self, url: URL) -> bool:
        """Return whether this database has been set up before."""
        name = self._name(url)
        return any(name in _read(path) for path in self._paths())

    def remember(self, url: URL, epoch: str) -> None:
        """Remember that this database exists; a place that cannot be written is left out."""
        name = self._name(url)
        for path in self._paths():
            known = _read(path)
            if known.get(name) == epoch:
                return
            with suppress(OSError):
                _write(path, known | {name: epoch})
                return

    def _paths(self) -> Iterator[Path]:
        name = f"{self._var.name or 'rejoinder'}-databases.json"
        yield self._var.parent / f".{name}"
        yield self._var / f".{name}"

    def _name(self, url: URL) -> str:
        """Name the database without user and password, and so that the project can be moved."""
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
