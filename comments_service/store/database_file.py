"""The SQLite database file: creation, permissions and damage check.

SQLite gives the files -wal and -shm the mode of the database file.
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
# Other users can reach the built pages below the folder, but not list the folder.
PASSAGE_FOLDER = 0o711
_BESIDE = ("", "-wal", "-shm", "-journal")
# The damage check tests its deadline after this many instructions of SQLite's virtual machine.
_INSTRUCTIONS = 50_000


def path_of(url: URL) -> Path | None:
    """Return the file of a SQLite database; None for one in memory and for other databases."""
    if url.get_backend_name() != "sqlite" or url.database in {None, "", ":memory:"}:
        return None
    if str(url.database).startswith("file:"):
        return None
    return Path(str(url.database)).absolute()


def connect(path: Path, patience: float) -> sqlite3.Connection:
    """Open the file; raises `sqlite3.OperationalError` if it does not exist.

    `patience` is how long to wait for a lock, in seconds.
    """
    return sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw", uri=True, timeout=patience, check_same_thread=False
    )


def create(path: Path, var: Path | None = None) -> None:
    """Create the file and its folder, private for any umask; do nothing if it exists.

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
    """Remove permissions of other users, which older versions gave; return a note per change."""
    notes = []
    for end in _BESIDE:
        file = path.with_name(path.name + end)
        with suppress(FileNotFoundError):
            notes += _restrict(file, PRIVATE_FILE)
    if _is_own_folder(path, var):
        notes += _restrict(path.parent, _folder_mode(path.parent, var))
    return notes


def check(path: Path, seconds: float) -> bool:
    """Check the file for damage; return False if the check could not finish within `seconds`.

    Raises `DatabaseDamaged`.
    """
    deadline = time.monotonic() + seconds
    try:
        with closing(connect(path, 1.0)) as connection:
            connection.set_progress_handler(lambda: time.monotonic() > deadline, _INSTRUCTIONS)
            lines = [str(row[0]) for row in connection.execute("PRAGMA quick_check(1)")]
    except sqlite3.OperationalError:
        # Interrupted, locked or not accessible, which is no damage. The next transaction raises
        # the exact error.
        return False
    except sqlite3.DatabaseError as error:
        raise DatabaseDamaged(str(error)) from error
    if lines != ["ok"]:
        # Without the lines, which may contain stored data.
        raise DatabaseDamaged("quick_check found errors")
    return True


def _folder_mode(folder: Path, var: Path | None) -> int:
    passes = var is not None and var.absolute().is_relative_to(folder)
    return PASSAGE_FOLDER if passes else PRIVATE_FOLDER


def _is_own_folder(path: Path, var: Path | None) -> bool:
    """Return whether the folder may be made private: `var`, or one with only the database."""
    if var is not None and var.absolute() == path.parent:
        return True
    own = {path.name + end for end in _BESIDE}
    return all(file.name in own for file in path.parent.iterdir())


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
