"""Formats an unexpected error for the log: kind, cause, and stack frames without values.

Never the error's own text, which may hold a reply: only texts that the operating system or SQLite
fixed. Errors that were planned for (`DiscussionError`) have texts of their own.
"""

from __future__ import annotations

import re
import sqlite3
from types import TracebackType

_FRAMES = 12
# SQLite's general error quotes the statement; constraint errors name stored values.
_REPEATING = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH}
# A library's frames are many and of little use.
_FOREIGN = "lib:"
_OWN = re.compile(r".*/(?=plugins/)")
_PACKAGES = re.compile(r".*/(?:site-packages|lib/python[\d.]+)/")


def described(error: BaseException) -> str:
    """Return `error=KIND cause="TEXT" at="FRAMES"` for one line of a log."""
    root = error
    frames = _frames(error.__traceback__)
    while root.__cause__ is not None:
        root = root.__cause__
        frames += _frames(root.__traceback__)
    cause = _cause(root)
    told = f' cause="{cause}"' if cause else ""
    own = [one for one in frames[:-1] if not one.startswith(_FOREIGN)]
    places = " > ".join((own + frames[-1:])[-_FRAMES:])
    return f'error={type(root).__name__}{told} at="{places}"'


def _cause(error: BaseException) -> str:
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        fixed = code & 0xFF not in _REPEATING
        return str(error) if fixed else str(getattr(error, "sqlite_errorname", ""))
    return (error.strerror or "") if isinstance(error, OSError) else ""


def _frames(trace: TracebackType | None) -> list[str]:
    """Return file, line and function of each call, the outermost first, without values."""
    told = []
    while trace is not None:
        code = trace.tb_frame.f_code
        path = _PACKAGES.sub(_FOREIGN, _OWN.sub("", code.co_filename))
        told.append(f"{path}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return told
