"""Between the password and the code: who may now show the second factor, and until when.

No session: a text in the form, signed for the visit, that opens nothing but the question for the
code.
"""

import hmac
import re
from datetime import datetime, timedelta

from comments_service.auth import keyed
from comments_service.store import editors
from comments_service.store.database import Database
from comments_service.store.editors import Editor

LIFE = timedelta(minutes=10)
_PROOF = re.compile(r"([0-9]{1,15})\.([0-9]{1,11})\.([0-9a-f]{64})")


def proof_for(secret: bytes, visit: str, editor: Editor, now: datetime) -> str:
    """Return the proof that this visit knows the editor's password, or used their link."""
    until = int((now + LIFE).timestamp())
    return f"{editor.id}.{until}.{_mark(secret, visit, editor, until)}"


def whose(db: Database, secret: bytes, visit: str, proof: str, now: datetime) -> Editor | None:
    """Return the editor of a proof; None if it is too old, another visit's, or overtaken.

    Overtaken: the password or the second factor is another one by now.
    """
    match = _PROOF.fullmatch(proof)
    if match is None or int(match[2]) <= now.timestamp():
        return None
    with db.read() as connection:
        editor = editors.get(connection, int(match[1]))
    if editor is None:
        return None
    right = _mark(secret, visit, editor, int(match[2]))
    return editor if hmac.compare_digest(match[3], right) else None


def _mark(secret: bytes, visit: str, editor: Editor, until: int) -> str:
    known = f"{editor.id}:{until}:{editor.password_hash}:{editor.totp_secret}"
    return keyed(secret, f"half-way:{visit}:{known}")
