"""What somebody wrote while their session ended: kept in the page until they are signed in again.

Nothing of it is stored. It travels through the sign-in pages in one hidden field, signed for the
browser that it came from, so that nobody can slip a form in there.
"""

import hmac
import json
from collections.abc import Mapping
from typing import NamedTuple

from starlette.requests import Request

from comments_service.services.auth import keyed
from comments_service.web.support.request_path import path_of

# A page must not hold a password or a code, not even the one of its own reader.
_SECRET = ("password", "code")
_TOKEN = "token"  # noqa: S105 - the field's name
# From here on a field is for reading, and for going on writing.
_LONG = 60


class Kept(NamedTuple):
    """A form that was sent: where to, and what it said, without its old token."""

    action: str
    fields: dict[str, str]

    @property
    def long(self) -> dict[str, str]:
        """What somebody wrote."""
        return {name: text for name, text in self.fields.items() if _is_long(text)}

    @property
    def short(self) -> dict[str, str]:
        """What the page had filled in, or a button said."""
        return {name: text for name, text in self.fields.items() if not _is_long(text)}


def keep(request: Request, form: Mapping[str, str]) -> Kept | None:
    """Return the form as it is kept; None if it says nothing, or holds a secret.

    Call it behind a route: that makes its path one of ours.
    """
    fields = {name: text for name, text in form.items() if name != _TOKEN}
    if not fields or any(name.startswith(_SECRET) for name in fields):
        return None
    return Kept(path_of(request), fields)


def pack(secret: bytes, visit: str, kept: Kept) -> str:
    """Return the text of the hidden field, good for that visit only."""
    text = json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
    return _mark(secret, visit, text) + text


def unpack(secret: bytes, visit: str, packed: str) -> Kept | None:
    """Return what `pack` was given, or None for anything else."""
    mark, text = packed[:64], packed[64:]
    if not hmac.compare_digest(mark.encode(), _mark(secret, visit, text).encode()):
        return None
    action, fields = json.loads(text)
    return Kept(action, fields)


def _mark(secret: bytes, visit: str, text: str) -> str:
    return keyed(secret, f"kept:{visit}:{text}")


def _is_long(text: str) -> bool:
    return len(text) > _LONG or "\n" in text
