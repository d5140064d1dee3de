"""Signed proof of the first sign-in step (password or link), required by the second-factor step.

It is a hidden form field, signed for one visit. It is not a session: it gives access to the code
form only.
"""

import hmac
import re
from datetime import datetime, timedelta
from typing import NamedTuple

from comments_service.services import accounts
from comments_service.services.auth import keyed
from comments_service.services.login_throttle import LONGEST_WAIT
from comments_service.store.database import Database
from comments_service.store.editors import Editor

# Leaves time to type the code after the longest throttling wait.
LIFE = LONGEST_WAIT + timedelta(minutes=10)
_PROOF = re.compile(r"([0-9]{1,15})\.([0-9]{1,11})\.(?:([0-9a-f]{64})\.)?([0-9a-f]{64})")


class Proven(NamedTuple):
    """An editor who has passed the first step and still needs the second factor.

    `link` is the hash of the one-time link that was used, or None after a password.
    """

    editor: Editor
    link: str | None = None


def proof_for(secret: bytes, visit: str, proven: Proven, now: datetime) -> str:
    """Return the proof that this visit gave the editor's password or opened their one-time link."""
    until = int((now + LIFE).timestamp())
    parts = [str(proven.editor.id), str(until)]
    if proven.link is not None:
        parts.append(proven.link)
    return ".".join([*parts, _mark(secret, visit, proven, until)])


def read(db: Database, secret: bytes, visit: str, proof: str, now: datetime) -> Proven | None:
    """Verify a proof. Returns None if it has expired, belongs to another visit or is outdated.

    It is outdated if the password or second factor has changed since, or the link was used.
    """
    match = _PROOF.fullmatch(proof)
    if match is None or int(match[2]) <= now.timestamp():
        return None
    editor, link = accounts.find_with_link(db, int(match[1]), match[3])
    # Each page renews the proof; without this check, that would extend the link for ever.
    if editor is None or (match[3] and (link is None or link.expires_at + LIFE <= now)):
        return None
    proven = Proven(editor, match[3])
    right = _mark(secret, visit, proven, int(match[2]))
    return proven if hmac.compare_digest(match[4], right) else None


def _mark(secret: bytes, visit: str, proven: Proven, until: int) -> str:
    editor = proven.editor
    known = f"{editor.id}:{until}:{proven.link}:{editor.password_hash}:{editor.totp_secret}"
    return keyed(secret, f"half-way:{visit}:{known}")
