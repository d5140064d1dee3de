"""Tokens of links in mail: signed, stored as SHA-256, with an expiry time.

The outbox has only the seeds of tokens. The signatures are added when the mail is sent, so that
reading the database does not reveal working links.
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

# Control characters as delimiters: texts in mails never contain them.
_OPEN, _CLOSE = "\x02", "\x03"
_UNSIGNED = re.compile(f"{_OPEN}([A-Za-z0-9_-]{{22}}){_CLOSE}")


def new(
    secret: bytes, kind: str, comment: str, now: datetime, *, editor_id: int | None = None
) -> tuple[Link, str]:
    """Return a link to store, and the placeholder for its token in a mail's text."""
    seed = new_seed()
    link = Link(hash_of(secret, seed), kind, comment, editor_id, now + LIFE[kind])
    return link, unsigned(seed)


def new_seed() -> str:
    """Return a random seed of a token (22 characters)."""
    return secrets.token_urlsafe(16)


def unsigned(seed: str) -> str:
    """Return the placeholder for a seed's token in a mail's text or headers; see `sign`."""
    return _OPEN + seed + _CLOSE


def hash_of(secret: bytes, seed: str) -> str:
    """Return the hash under which the token of that seed is stored."""
    return digest(_token(secret, seed))


def seed_of(secret: bytes, token: str) -> str | None:
    """Return the seed of a token that this service signed, or None."""
    seed = token[:22]
    good = token.isascii() and hmac.compare_digest(token, _token(secret, seed))
    return seed if good else None


def sign(secret: bytes, text: str) -> str:
    """Replace the placeholders in a mail's text by tokens."""
    return _UNSIGNED.sub(lambda match: _token(secret, match[1]), text)


def digest(token: str) -> str:
    """Return the hash under which a token is stored."""
    return hashlib.sha256(token.encode()).hexdigest()


def find(connection: Connection, kind: str, token: str) -> Link:
    """Return the link, even if it is used or expired; raises `NotFound` for an unknown one."""
    link = mail_links.find(connection, kind, digest(token))
    if link is None:
        raise NotFound(UNKNOWN)
    return link


def _token(secret: bytes, seed: str) -> str:
    signature = hmac.new(secret, b"mail-link:" + seed.encode(), hashlib.sha256).digest()
    return seed + base64.urlsafe_b64encode(signature).rstrip(b"=").decode()
