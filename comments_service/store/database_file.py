"""The SQLite file itself: created private, never created by accident, checked for damage.

SQLite gives -wal and -shm the mode of the database file. Other databases keep their own files.
"""

import os
import sqlite3
import stat
import time
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL

from comments_service.domain.errors import DatabaseDamaged

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
# Others may pass through to the built pages, but not look what else there is.
PASSAGE_FOLDER = 0o711
_BESIDE = ("", "-wal", "-shm", "-journal")
# How often the check looks at the clock, in SQLite's virtual machine instructions.
_INSTRUCTIONS = 50_000


def path_of(url: URL) -> Path | None:
    """Return the file of a SQLite database; None for one in memory and for other databases."""
    if url.get_backend_name() != "sqlite" or url.database in {None, "", ":memory:"}:
        return None
    if str(url.database).startswith("file:"):
        return None
    return Path(str(url.database)).absolute()


def connect(path: Path, patience: float) -> sqlite3.Connection:
    """Open the file; one that is not there is an error, not an empty database.

    `patience` is how long to wait for a lock, in seconds.
    """
    return sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw", uri=True, timeout=patience, check_same_thread=False
    )


def create(path: Path, var: Path | None = None) -> None:
    """Create the file and its folder, private whatever the umask; do nothing if it exists.

    `var` is the folder with the built pages, which a web server of another user must reach.
    """
    if not path.parent.exists():
        path.parent.mkdir(parents=True)
        # mkdir's own mode is subject to the umask, and parents do not get it.
        path.parent.chmod(_folder_mode(path.parent, var))
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE))
        path.chmod(PRIVATE_FILE)


def make_private(path: Path, var: Path | None = None) -> list[str]:
    """Take from other users what older versions gave them; return what was changed, in words."""
    notes = []
    for end in _BESIDE:
        file = path.with_name(path.name + end)
        with suppress(FileNotFoundError):
            notes += _restrict(file, PRIVATE_FILE)
    if _is_own_folder(path, var):
        notes += _restrict(path.parent, _folder_mode(path.parent, var))
    return notes


def check(path: Path, seconds: float) -> bool:
    """Look for damage; return False if it took longer than `seconds` and was not finished.

    Raises `DatabaseDamaged`.
    """
    deadline = time.monotonic() + seconds
    try:
        with closing(connect(path, 1.0)) as connection:
            connection.set_progress_handler(lambda: time.monotonic() > deadline, _INSTRUCTIONS)
            found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(1)")]
    except sqlite3.OperationalError:
        # Interrupted, locked or not accessible: no damage. The next transaction reports which.
        return False
    except sqlite3.DatabaseError as error:
        raise DatabaseDamaged(str(error)) from error
    if found != ["ok"]:
        # Only the kind: the rest may name what is stored.
        raise DatabaseDamaged("quick_check found errors")
    return True


def _folder_mode(folder: Path, var: Path | None) -> int:
    passes = var is not None and var.absolute().is_relative_to(folder)
    return PASSAGE_FOLDER if passes else PRIVATE_FOLDER


def _is_own_folder(path: Path, var: Path | None) -> bool:
    """Whether the folder is ours to close: `var`, or one that holds nothing but the database."""
    if var is not None and var.absolute() == path.parent:
        return True
    own = {path.name + end for end in _BESIDE}
    return all(one.name in own for one in path.parent.iterdir())


def _restrict(path: Path, most: int) -> list[str]:
    mode = stat.S_IMODE(path.stat().st_mode)
    wanted = mode & (most | 0o700)
    if wanted == mode:
        return []
    try:
        path.chmod(wanted)
    except PermissionError:
        return [f"{path} is open to other users ({mode:04o}); its owner has to run: chmod go-rwx"]
    return [f"{path} was open to other users ({mode:04o}); its mode is {wanted:04o} now."]
