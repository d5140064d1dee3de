"""An error as a log may tell it: what kind, what caused it, and where; never what readers wrote.

The text of an error can hold a reply, an address or a statement's values. Only texts that the
database or the operating system fixed are logged; otherwise the kind alone.
"""

import re
import sqlite3
from types import TracebackType

from sqlalchemy.exc import DBAPIError

_FRAMES = 12
# SQLite's general error repeats what was asked, which may be a reader's search; these do not.
_PLAIN = re.compile(r"no such table: [\w.]+")
_REPEATING = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH}
# A library's frames are many, and say little.
_FOREIGN = "lib:"
_PACKAGES = re.compile(r".*/(?:site-packages|lib/python[\d.]+)/")


def described(error: BaseException) -> str:
    """Return `error=KIND cause="TEXT" at="FRAMES"` for one line of a log."""
    root = _root(error)
    cause = _cause(root)
    told = f' cause="{cause}"' if cause else ""
    return f'error={type(root).__name__}{told} at="{_frames(error)}"'


def _root(error: BaseException) -> BaseException:
    """Return what the error began with: the driver's own, if a driver's is among its causes."""
    for _ in range(10):
        if isinstance(error, DBAPIError) and error.orig is not None:
            return error.orig
        if error.__cause__ is None:
            break
        error = error.__cause__
    return error


def _cause(error: BaseException) -> str:
    if isinstance(error, sqlite3.Error):
        return _of_sqlite(error)
    if isinstance(state := getattr(error, "sqlstate", None), str):
        # PostgreSQL's texts repeat values; its codes do not.
        return f"SQLSTATE {state}"
    if isinstance(error, OSError):
        return error.strerror or ""
    # `Unavailable` without a cause: a text of ours.
    return str(getattr(error, "reason", ""))[:200].replace('"', "'")


def _of_sqlite(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if code & 0xFF in _REPEATING:
        plain = _PLAIN.fullmatch(str(error))
        return plain[0] if plain else str(getattr(error, "sqlite_errorname", ""))
    return str(error)


def _frames(error: BaseException) -> str:
    """Return our own calls on the way to the error, the outermost first, and where it was raised.

    Files, lines and functions; no values.
    """
    told: list[str] = []
    part: BaseException | None = error
    while part is not None:
        told += _of(part.__traceback__)
        part = part.__cause__
    own = [one for one in told[:-1] if not one.startswith(_FOREIGN)]
    return " > ".join((own + told[-1:])[-_FRAMES:])


def _of(trace: TracebackType | None) -> list[str]:
    told = []
    while trace is not None:
        code = trace.tb_frame.f_code
        told.append(f"{_short(code.co_filename)}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return told


def _short(path: str) -> str:
    _, found, rest = path.rpartition("/comments_service/")
    return f"comments_service/{rest}" if found else _PACKAGES.sub(_FOREIGN, path)
