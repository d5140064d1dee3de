"""Formats exceptions for the log without private data: class, cause and stack frames.

The message of an exception can contain a reply, an address or a statement's values. It is logged
only if it is a fixed text of the database or the operating system.
"""

import re
import sqlite3
from types import TracebackType

from sqlalchemy.exc import DBAPIError

_FRAMES = 12
# Messages with these codes can repeat parts of a query, such as a reader's search. `_PLAIN` matches
# one that is safe.
_PLAIN = re.compile(r"no such table: [\w.]+")
_REPEATING = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH}
# Marks frames of libraries, which are left out except for the last one.
_FOREIGN = "lib:"
_PACKAGES = re.compile(r".*/(?:site-packages|lib/python[\d.]+)/")


def described(error: BaseException) -> str:
    """Return `error=KIND cause="TEXT" at="FRAMES"` for one line of a log."""
    root = _root(error)
    cause = _cause(root)
    part = f' cause="{cause}"' if cause else ""
    return f'error={type(root).__name__}{part} at="{_frames(error)}"'


def _root(error: BaseException) -> BaseException:
    """Return the root cause of the error, or the database driver's error if there is one."""
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
        # PostgreSQL's messages repeat values, so only the code is logged.
        return f"SQLSTATE {state}"
    if isinstance(error, OSError):
        return error.strerror or ""
    # `Unavailable` without a cause has a fixed text.
    return str(getattr(error, "reason", ""))[:200].replace('"', "'")


def _of_sqlite(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if code & 0xFF in _REPEATING:
        plain = _PLAIN.fullmatch(str(error))
        return plain[0] if plain else str(getattr(error, "sqlite_errorname", ""))
    return str(error)


def _frames(error: BaseException) -> str:
    """Return the last frames of this project, outermost first, and the frame that raised.

    Frames are "FILE:LINE FUNCTION", without values.
    """
    frames: list[str] = []
    part: BaseException | None = error
    while part is not None:
        frames += _of(part.__traceback__)
        part = part.__cause__
    own = [frame for frame in frames[:-1] if not frame.startswith(_FOREIGN)]
    return " > ".join((own + frames[-1:])[-_FRAMES:])


def _of(trace: TracebackType | None) -> list[str]:
    frames = []
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{_short(code.co_filename)}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return frames


def _short(path: str) -> str:
    _, found, rest = path.rpartition("/comments_service/")
    return f"comments_service/{rest}" if found else _PACKAGES.sub(_FOREIGN, path)
