"""Who may enter the queue: passwords, sessions, one-time links, and the authors' private links."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from functools import cache
from typing import NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection

from comments_service.draft import email_problem
from comments_service.errors import Conflict, Invalid, NotFound
from comments_service.store import editors
from comments_service.store.database import Database
from comments_service.store.editors import Editor, Session

PASSWORD_MIN = 12
PASSWORD_MAX = 200
LINK_LIFE = timedelta(hours=24)
# Writing at every request would make each page view a write.
_TOUCH_EVERY = timedelta(minutes=1)

LINK_GONE = "This link was used already or is too old. Make a new one: rejoinder editor link EMAIL"

_hasher = PasswordHasher()


class SignedIn(NamedTuple):
    """A new session: the cookie's value, shown once, and whose it is."""

    token: str
    editor: Editor


def author_token(secret: bytes, public_id: str) -> str:
    """Return the unguessable part of an author's private link (43 characters, URL-safe).

    Derived instead of stored, so that the same link can be given again after a lost answer.
    """
    return keyed(secret, "author:" + public_id)


def is_author_token(secret: bytes, public_id: str, token: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(author_token(secret, public_id).encode(), token.encode())


def keyed(secret: bytes, message: str) -> str:
    """Return HMAC-SHA-256 of `message` in hexadecimal."""
    return hmac.new(secret, message.encode(), hashlib.sha256).hexdigest()


def add_editor(db: Database, *, email: str, name: str, password: str, now: datetime) -> Editor:
    """Store an editor. Raises `Invalid` for fields, `Conflict` if the address has one already."""
    email, name = _check_editor(email, name, password)
    password_hash = _hasher.hash(password)
    with db.write() as connection:
        return _store_editor(connection, email, name, password_hash, now)


def change_password(db: Database, *, email: str, password: str) -> Editor:
    """Replace an editor's password and sign every browser of theirs out."""
    email, _ = _check_editor(email, "", password)
    password_hash = _hasher.hash(password)
    with db.write() as connection:
        editor = editors.find(connection, email)
        if editor is None:
            raise NotFound(f"There is no editor {email}; add one: rejoinder editor add {email}")
        editors.set_password(connection, editor.id, password_hash)
        return editor


def sign_in(db: Database, *, email: str, password: str, now: datetime) -> SignedIn | None:
    """Open a session, or return None: unknown address and wrong password look and last the same."""
    with db.read() as connection:
        editor = editors.find(connection, email.strip().lower())
    try:
        _hasher.verify(editor.password_hash if editor else _nobodys_hash(), password)
    except (VerificationError, InvalidHashError):
        return None
    return _open_session(db, editor, now) if editor else None


def first_link(db: Database, *, now: datetime) -> str | None:
    """Return a fresh one-time token that creates the first editor; None if there is one already."""
    with db.write() as connection:
        if editors.count(connection):
            return None
        editors.drop_first_editor_links(connection)
        token = secrets.token_urlsafe(32)
        editors.add_link(connection, _digest(token), None, now + LINK_LIFE)
    return token


def link_for(db: Database, *, email: str, now: datetime) -> str:
    """Return a fresh one-time token that signs that editor in."""
    with db.write() as connection:
        editor = editors.find(connection, email.strip().lower())
        if editor is None:
            raise NotFound(f"There is no editor {email}; add one: rejoinder editor add {email}")
        token = secrets.token_urlsafe(32)
        editors.add_link(connection, _digest(token), editor.id, now + LINK_LIFE)
    return token


def look_at_link(db: Database, token: str, *, now: datetime) -> Editor | None:
    """Return whom a one-time link signs in, None for one that creates the first editor.

    Changes nothing. Raises `NotFound` for a link that is unknown, used or too old.
    """
    with db.read() as connection:
        link = editors.find_link(connection, _digest(token))
        if link is None or link.expires_at <= now:
            raise NotFound(LINK_GONE)
        if link.editor_id is None:
            return None
        editor = editors.get(connection, link.editor_id)
        # None would mean a link for a first editor; this one's editor is disabled.
        if editor is None:
            raise NotFound(LINK_GONE)
        return editor


def use_link(db: Database, token: str, *, now: datetime) -> SignedIn:
    """Sign in by a one-time link, which is gone afterwards."""
    with db.write() as connection:
        link = editors.find_link(connection, _digest(token))
        editor = None
        if link is not None and link.editor_id is not None and link.expires_at > now:
            editor = editors.get(connection, link.editor_id)
        if editor is None:
            raise NotFound(LINK_GONE)
        editors.use_link(connection, _digest(token))
    return _open_session(db, editor, now)


def create_first_editor(
    db: Database, token: str, *, email: str, name: str, password: str, now: datetime
) -> SignedIn:
    """Create the first editor by the printed one-time link, and sign them in."""
    email, name = _check_editor(email, name, password)
    password_hash = _hasher.hash(password)
    with db.write() as connection:
        link = editors.find_link(connection, _digest(token))
        if link is None or link.editor_id is not None or link.expires_at <= now:
            raise NotFound(LINK_GONE)
        editor = _store_editor(connection, email, name, password_hash, now)
    return _open_session(db, editor, now)


def find_session(
    db: Database, token: str, *, now: datetime, idle: timedelta, absolute: timedelta
) -> Session | None:
    """Return the living session of that cookie, or None."""
    digest = _digest(token)
    with db.read() as connection:
        found = editors.find_session(connection, digest)
    if found is None:
        return None
    if now - found.seen_at > idle or now - found.created_at > absolute:
        sign_out(db, token)
        return None
    if now - found.seen_at > _TOUCH_EVERY:
        with db.write() as connection:
            editors.touch_session(connection, digest, now)
    return found


def sign_out(db: Database, token: str) -> None:
    """End the session on the server, whatever the browser keeps."""
    with db.write() as connection:
        editors.close_session(connection, _digest(token))


def _open_session(db: Database, editor: Editor, now: datetime) -> SignedIn:
    token = secrets.token_urlsafe(32)
    with db.write() as connection:
        editors.open_session(connection, _digest(token), editor.id, secrets.token_urlsafe(32), now)
    return SignedIn(token, editor)


def _store_editor(
    connection: Connection, email: str, name: str, password_hash: str, now: datetime
) -> Editor:
    if editors.find(connection, email) is not None:
        raise Conflict(f"There is an editor {email} already.")
    # Links for a first editor are of no more use, and of much harm.
    editors.drop_first_editor_links(connection)
    return editors.add(connection, email=email, name=name, password_hash=password_hash, now=now)


def _check_editor(email: str, name: str, password: str) -> tuple[str, str]:
    """Return the address and the name as they are stored, or raise `Invalid`."""
    email = email.strip().lower()
    name = name.strip() or email.split("@")[0]
    problems = {}
    if problem := email_problem(email):
        problems["email"] = problem
    if len(name) > 100:
        problems["name"] = "Name must be 100 characters or fewer"
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        problems["password"] = (
            f"Password must have between {PASSWORD_MIN} and {PASSWORD_MAX} characters"
        )
    if problems:
        raise Invalid(problems)
    return email, name


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@cache
def _nobodys_hash() -> str:
    # Verified against when the address is unknown, so that the answer takes as long.
    return _hasher.hash(secrets.token_urlsafe(32))
