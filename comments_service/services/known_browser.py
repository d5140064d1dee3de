"""Device cookies: signed cookies of browsers in which an editor has signed in before (OWASP).

The cookie grants no access. It gives the browser its own counter of failed sign-ins, so that
attackers who guess passwords cannot lock the editor out. Only the editor's `browsers_epoch` is
stored for it; increasing the epoch invalidates all device cookies of the editor.
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
    """Return a new cookie value for a browser that has just completed a sign-in."""
    browser, issued = secrets.token_urlsafe(16), str(int(now.timestamp()))
    return f"{browser}.{issued}.{_mark(secret, browser, issued, editor)}"


def recognise(secret: bytes, cookie: str, editor: Editor | None, now: datetime) -> str | None:
    """Return the id of a browser known for that account, or None.

    `editor` is None for an unknown account, for which the check takes the same time.
    """
    match = _COOKIE.fullmatch(cookie)
    if match is None:
        return None
    browser, issued, mark = match.groups()
    is_ours = hmac.compare_digest(mark, _mark(secret, browser, issued, editor))
    # After the clock was set back, the time may be in the future; the signature is valid anyway.
    is_young = now.timestamp() - int(issued) < LIFE.total_seconds()
    return browser if is_ours and is_young and editor is not None else None


def _mark(secret: bytes, browser: str, issued: str, editor: Editor | None) -> str:
    whose = f"{editor.id}:{editor.browsers_epoch}" if editor is not None else "nobody"
    return keyed(secret, f"known-browser:{whose}:{browser}:{issued}")
