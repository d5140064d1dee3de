"""Checks of the database before the service or a migration uses it."""

from pathlib import Path

from comments_service.domain.errors import DatabaseDamaged, StartupError, Unavailable
from comments_service.store import database_file, schema
from comments_service.store.database import Database
from comments_service.store.database_marker import Marker

# Time limit of the damage check, which does not finish for a large database.
CHECK_SECONDS = 5.0


def prepare(db: Database, var: Path, *, create: bool, accept_empty: bool = False) -> list[str]:
    """Check that the database can be used; return notes for the operator, in sentences.

    With `create` an empty database is accepted, except where one was in use before, unless
    `accept_empty`. `var` is REJOINDER_VAR. Raises `StartupError`.
    """
    notes = []
    if db.file is not None and db.file.exists():
        notes += _check(db.file)
        notes += database_file.make_private(db.file, var)
    try:
        empty = schema.epoch(db) is None
    except Unavailable as error:
        raise StartupError(f"The database cannot be used: {error.reason}") from None
    if empty and Marker(var).knows(db.url) and not accept_empty:
        raise StartupError(_disappeared(db))
    if empty and not create:
        raise StartupError(f"{_where(db)} has not been set up; run: rejoinder migrate")
    return notes


def remember(db: Database, var: Path) -> None:
    """Record in the marker file that this database exists."""
    epoch = schema.epoch(db)
    if epoch is not None:
        Marker(var).remember(db.url, epoch)


def _check(path: Path) -> list[str]:
    if path.stat().st_size == 0:
        return []
    try:
        whole = database_file.check(path, CHECK_SECONDS)
    except DatabaseDamaged as error:
        raise StartupError(
            f"The database {path} is damaged ({error}). Nothing was changed. Stop everything that "
            "uses it and restore the newest backup. Without one, save what can be read:\n"
            f"  sqlite3 {path} .recover | sqlite3 recovered.sqlite3\n"
            "then put recovered.sqlite3 in its place and remove the files -wal and -shm beside it. "
            "The published pages keep their replies meanwhile."
        ) from None
    if whole:
        return []
    return [f"{path} could not be checked for damage within {CHECK_SECONDS:.0f} seconds."]


def _disappeared(db: Database) -> str:
    return (
        f"{_where(db)} is missing or empty, but it was in use before. Nothing was changed. Mount "
        "its volume, restore the file or correct REJOINDER_DATABASE, then start again. To start "
        "with an empty database, add --accept-empty to rejoinder serve (or migrate) once."
    )


def _where(db: Database) -> str:
    return f"The database {db.file or db.url.render_as_string(hide_password=True)}"
