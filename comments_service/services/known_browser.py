"""Browsers in which an editor has signed in before, told by a signed cookie (OWASP device cookie).

The cookie opens nothing. It gives the browser a counter of failed sign-ins of its own, so that
strangers who guess the account's password do not keep its editor out. Nothing is stored for it but
the editor's epoch: a higher one makes every cookie of the editor worthless.
"""

import hmac
import re
import secrets
from datetime import datetime, timedelta

from comments_service.services.auth import keyed
from comments_service.store.editors import Editor

LIFE = timedelta(days=180)
_COOKIE = re.compile(r"([A-Za-z0-9_-]{22})\.([0-9]{1,11})\.([0-9a-f]{64})")


def cookie_for(secret: bytes, editor: Editor, now: datetime) -> str:
    """Return a new cookie for a browser that has just signed in completely."""
    browser, issued = secrets.token_urlsafe(16), str(int(now.timestamp()))
    return f"{browser}.{issued}.{_mark(secret, browser, issued, editor)}"


def recognise(secret: bytes, cookie: str, editor: Editor | None, now: datetime) -> str | None:
    """Return the id of a browser known for that account, or None.

    `editor` is None for an unknown account, which takes as long.
    """
    match = _COOKIE.fullmatch(cookie)
    if match is None:
        return None
    browser, issued, mark = match.groups()
    is_ours = hmac.compare_digest(mark, _mark(secret, browser, issued, editor))
    # A clock that was set back makes it seem to be of the future; it is signed all the same.
    is_young = now.timestamp() - int(issued) < LIFE.total_seconds()
    return browser if is_ours and is_young and editor is not None else None


def _mark(secret: bytes, browser: str, issued: str, editor: Editor | None) -> str:
    whose = f"{editor.id}:{editor.browsers_epoch}" if editor is not None else "nobody"
    return keyed(secret, f"known-browser:{whose}:{browser}:{issued}")
