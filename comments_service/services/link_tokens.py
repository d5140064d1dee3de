"""Links in mail: signed, kept as SHA-256, each for one use and a time.

What a token is made of stands in the outbox, its signature does not: it is put in when the mail
leaves, so that nobody can act with what is read from the database.
"""

import base64
import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta

from sqlalchemy import Connection

from comments_service.domain.errors import NotFound
from comments_service.domain.i18n import sentence
from comments_service.store import mail_links
from comments_service.store.mail_links import Link

DECIDE, VERIFY, FOLLOW = "decide", "verify", "follow"
LIFE = {DECIDE: timedelta(days=7), VERIFY: timedelta(days=3), FOLLOW: timedelta(days=3)}

UNKNOWN = sentence(
    "This link is not known here. Check that it was copied whole, to its last character."
)

# Control characters, which no reply and no title can bring into a mail.
_OPEN, _CLOSE = "\x02", "\x03"
_UNSIGNED = re.compile(f"{_OPEN}([A-Za-z0-9_-]{{22}}){_CLOSE}")


def new(
    secret: bytes, kind: str, comment: str, now: datetime, *, editor_id: int | None = None
) -> tuple[Link, str]:
    """Return a link to store, and what stands for its token in a mail's text."""
    seed = new_seed()
    link = Link(hash_of(secret, seed), kind, comment, editor_id, now + LIFE[kind])
    return link, unsigned(seed)


def new_seed() -> str:
    """Return what a token is made of."""
    return secrets.token_urlsafe(16)


def unsigned(seed: str) -> str:
    """Return what stands for that seed's token in a mail's text or headers."""
    return _OPEN + seed + _CLOSE


def hash_of(secret: bytes, seed: str) -> str:
    """Return what is kept of that seed's token."""
    return digest(_token(secret, seed))


def seed_of(secret: bytes, token: str) -> str | None:
    """Return the seed of a token that this service signed, or None."""
    seed = token[:22]
    good = token.isascii() and hmac.compare_digest(token, _token(secret, seed))
    return seed if good else None


def sign(secret: bytes, text: str) -> str:
    """Put the tokens into a mail's text."""
    return _UNSIGNED.sub(lambda match: _token(secret, match[1]), text)


def digest(token: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def find(connection: Connection, kind: str, token: str) -> Link:
    """Return the link, used, too old or not; raises `NotFound` for one that never was."""
    found = mail_links.find(connection, kind, digest(token))
    if found is None:
        raise NotFound(UNKNOWN)
    return found


def _token(secret: bytes, seed: str) -> str:
    signature = hmac.new(secret, b"mail-link:" + seed.encode(), hashlib.sha256).digest()
    return seed + base64.urlsafe_b64encode(signature).rstrip(b"=").decode()
