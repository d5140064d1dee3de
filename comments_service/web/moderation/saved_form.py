"""Preserves a form whose session had expired until the editor has signed in again.

Nothing is stored on the server. The form travels through the sign-in pages in one hidden field,
signed for the visit, so that nobody else can inject a form.
"""

import hmac
import json
from collections.abc import Mapping
from typing import NamedTuple

from starlette.requests import Request

from comments_service.services.auth import keyed
from comments_service.web.support.request_path import path_of

# Prefixes of fields with secrets, which must never be written into a page.
_SECRET = ("password", "code")
_TOKEN = "token"  # noqa: S105 - the field's name
# Longer values are shown in a text area, so that they can be read and edited.
_LONG = 60


class Kept(NamedTuple):
    """A saved form: `action` is its path; `fields` are without its expired token."""

    action: str
    fields: dict[str, str]

    @property
    def long(self) -> dict[str, str]:
        """The fields with text that an editor wrote."""
        return {name: text for name, text in self.fields.items() if _is_long(text)}

    @property
    def short(self) -> dict[str, str]:
        """The other fields: hidden inputs, buttons, short values."""
        return {name: text for name, text in self.fields.items() if not _is_long(text)}


def keep(request: Request, form: Mapping[str, str]) -> Kept | None:
    """Return the form to save; None if it is empty or contains a secret.

    Call it only from a matched route, so that the path is one of the service's own.
    """
    fields = {name: text for name, text in form.items() if name != _TOKEN}
    if not fields or any(name.startswith(_SECRET) for name in fields):
        return None
    return Kept(path_of(request), fields)


def pack(secret: bytes, visit: str, kept: Kept) -> str:
    """Return the value of the hidden field, signed for the visit."""
    text = json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
    return _mark(secret, visit, text) + text


def unpack(secret: bytes, visit: str, packed: str) -> Kept | None:
    """Return the form that `pack` signed for this visit; None if the signature is wrong."""
    mark, text = packed[:64], packed[64:]
    if not hmac.compare_digest(mark.encode(), _mark(secret, visit, text).encode()):
        return None
    action, fields = json.loads(text)
    return Kept(action, fields)


def _mark(secret: bytes, visit: str, text: str) -> str:
    return keyed(secret, f"kept:{visit}:{text}")


def _is_long(text: str) -> bool:
    return len(text) > _LONG or "\n" in text
