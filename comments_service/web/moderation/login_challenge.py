"""Between the password and the code: who may now show the second factor, and until when.

No session: a text in the form, signed for the visit, that opens nothing but the question for the
code.
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

# After the longest wait for the next attempt there is still time to type the code.
LIFE = LONGEST_WAIT + timedelta(minutes=10)
_PROOF = re.compile(r"([0-9]{1,15})\.([0-9]{1,11})\.(?:([0-9a-f]{64})\.)?([0-9a-f]{64})")


class Proven(NamedTuple):
    """An editor who only has to show the second factor.

    `link` is the hash of the one-time link that they came by, or None after a password.
    """

    editor: Editor
    link: str | None = None


def proof_for(secret: bytes, visit: str, proven: Proven, now: datetime) -> str:
    """Return the proof that this visit knows the editor's password, or has a link of theirs."""
    until = int((now + LIFE).timestamp())
    parts = [str(proven.editor.id), str(until)]
    if proven.link is not None:
        parts.append(proven.link)
    return ".".join([*parts, _mark(secret, visit, proven, until)])


def read(db: Database, secret: bytes, visit: str, proof: str, now: datetime) -> Proven | None:
    """Return what a proof proves; None if it is too old, another visit's, or overtaken.

    Overtaken: the password or the second factor has changed since, or the link was used.
    """
    match = _PROOF.fullmatch(proof)
    if match is None or int(match[2]) <= now.timestamp():
        return None
    editor, link = accounts.find_with_link(db, int(match[1]), match[3])
    # Each page has a new proof, which must not make the link last for ever.
    if editor is None or (match[3] and (link is None or link.expires_at + LIFE <= now)):
        return None
    proven = Proven(editor, match[3])
    right = _mark(secret, visit, proven, int(match[2]))
    return proven if hmac.compare_digest(match[4], right) else None


def _mark(secret: bytes, visit: str, proven: Proven, until: int) -> str:
    editor = proven.editor
    known = f"{editor.id}:{until}:{proven.link}:{editor.password_hash}:{editor.totp_secret}"
    return keyed(secret, f"half-way:{visit}:{known}")
