"""Authentication: editors' passwords, sessions and one-time links, and authors' private links."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from comments_service.domain import passwords
from comments_service.domain.comment_form import email_problem
from comments_service.domain.errors import Conflict, Invalid, NotFound
from comments_service.domain.models import Role
from comments_service.store import editors, sign_in_links
from comments_service.store.database import Database
from comments_service.store.editors import Editor, Session
from comments_service.store.sign_in_links import Link

LINK_LIFE = timedelta(hours=24)
NAME_MAX = 100
# The maximum of `Settings.session_days`; older sessions can be deleted.
_LONGEST_SESSION = timedelta(days=90)
_BROWSER_LENGTH = 200
# `seen_at` is updated at most this often, so that not every request is a write.
_TOUCH_EVERY = timedelta(minutes=1)

LINK_GONE = (
    "This link was used already or is too old. Ask an admin for a new one, or whoever runs this "
    "site: rejoinder editor link EMAIL"
)


class SignedIn(NamedTuple):
    """A new session: the value of its cookie, which is stored only as a hash, and its editor."""

    token: str
    editor: Editor


class LinkUse(NamedTuple):
    """The purpose of a one-time link: sign `editor` in, or create an editor.

    Without `editor`, `email` is the invited address, or None for the first editor.
    """

    editor: Editor | None
    email: str | None
    role: str


def author_token(secret: bytes, public_id: str) -> str:
    """Return the secret part of an author's private link (64 hexadecimal digits).

    Derived instead of stored, so that the same link can be returned again after a lost response.
    """
    return keyed(secret, "author:" + public_id)


def is_author_token(secret: bytes, public_id: str, token: str) -> bool:
    """Return whether the token is right; compares in constant time."""
    return hmac.compare_digest(author_token(secret, public_id).encode(), token.encode())


def keyed(secret: bytes, message: str) -> str:
    """Return HMAC-SHA-256 of `message` in hexadecimal."""
    return hmac.new(secret, message.encode(), hashlib.sha256).hexdigest()


def add_editor(
    db: Database,
    *,
    email: str,
    name: str,
    password: str,
    now: datetime,
    role: str | None = None,
    site_name: str = "",
) -> Editor:
    """Store an editor; without `role` as an admin if there is none yet, else as an editor.

    Raises `Invalid` for bad fields, and `Conflict` if an editor has the address already.
    """
    email, name = check_editor(email, name, password, site_name=site_name)
    password_hash = passwords.hashed(password)
    with db.write() as connection:
        if role is None:
            role = Role.EDITOR if editors.count_admins(connection) else Role.ADMIN
        return store_editor(connection, email, name, password_hash, role, now)


def change_password(db: Database, *, email: str, password: str, site_name: str = "") -> Editor:
    """Replace an editor's password, and end all their sessions.

    Raises `Invalid` and `NotFound`.
    """
    email, _ = check_editor(email, "", password, site_name=site_name)
    password_hash = passwords.hashed(password)
    with db.write() as connection:
        editor = _known(connection, email)
        editors.set_password(connection, editor.id, password_hash)
        return editor


def editor_of(db: Database, email: str) -> Editor:
    """Return the enabled editor with that address; raises `NotFound`, which says how to add one."""
    with db.read() as connection:
        return _known(connection, account_name(email))


def account_name(email: str) -> str:
    """Return an email address in the form in which accounts are stored."""
    return email.strip().lower()


def identify(db: Database, *, email: str, password: str) -> Editor | None:
    """Return the editor if the password is right, or None.

    An unknown address takes the same time as a wrong password.
    """
    with db.read() as connection:
        editor = editors.find(connection, account_name(email))
    right = passwords.matches(editor.password_hash if editor else None, password)
    return editor if right else None


def look_up(db: Database, account: str) -> Editor | None:
    """Return the enabled editor with an account name, or None, without checking a password."""
    with db.read() as connection:
        return editors.find(connection, account)


def open_session(db: Database, editor: Editor, *, now: datetime, browser: str = "") -> SignedIn:
    """Create a session; `browser` is the User-Agent."""
    token = secrets.token_urlsafe(32)
    agent = "".join(char for char in browser if char.isprintable())[:_BROWSER_LENGTH]
    with db.write() as connection:
        editors.drop_sessions_before(connection, now - _LONGEST_SESSION)
        csrf = secrets.token_urlsafe(32)
        editors.open_session(connection, digest(token), editor.id, csrf, now, agent)
    return SignedIn(token, editor)


def first_link(db: Database, *, now: datetime) -> str | None:
    """Return the token of a new one-time link for the first editor; None if there is an editor."""
    with db.write() as connection:
        if editors.count(connection):
            return None
        sign_in_links.drop_for_the_first_editor(connection)
        return new_link(connection, Link(None, now + LINK_LIFE, None, None))


def link_for(db: Database, *, email: str, now: datetime) -> str:
    """Return the token of a new one-time link that signs that editor in."""
    with db.write() as connection:
        editor = _known(connection, account_name(email))
        return new_link(connection, Link(editor.id, now + LINK_LIFE, None, None))


def new_link(connection: Connection, link: Link) -> str:
    """Store a link; return its token, which is stored only as a hash."""
    token = secrets.token_urlsafe(32)
    sign_in_links.add(connection, digest(token), link)
    return token


def look_at_link(db: Database, token: str, *, now: datetime) -> LinkUse:
    """Return the purpose of a one-time link, without using it.

    Raises `NotFound` for an unknown, used or expired link.
    """
    with db.read() as connection:
        return _usable_link(connection, token, now)


def use_link(db: Database, token: str, *, now: datetime) -> Editor:
    """Return the editor whom a one-time link signs in, and delete the link.

    If the editor has a second factor, `second_factor.use` deletes it later. Raises `NotFound` for
    an unknown, used or expired link.
    """
    with db.write() as connection:
        editor = _usable_link(connection, token, now).editor
        if editor is None:
            raise NotFound(LINK_GONE)
        if not editor.has_second_factor:
            sign_in_links.use(connection, digest(token))
        return editor


def check_editor(email: str, name: str, password: str, *, site_name: str = "") -> tuple[str, str]:
    """Return address and name, normalized; raises `Invalid`."""
    email = account_name(email)
    name = name.strip() or email.split("@")[0]
    problems = {}
    if problem := email_problem(email):
        problems["email"] = problem
    if len(name) > NAME_MAX:
        problems["name"] = f"Name must be {NAME_MAX} characters or fewer"
    if problem := passwords.problem(password, own=(email, name, site_name)):
        problems["password"] = problem
    if problems:
        raise Invalid(problems)
    return email, name


def store_editor(
    connection: Connection, email: str, name: str, password_hash: str, role: str, now: datetime
) -> Editor:
    """Store what `check_editor` returned; raises `Conflict` if the address has an editor."""
    if editors.knows(connection, email):
        raise Conflict(f"There is an editor {email} already.")
    # Links for the first editor are not needed any more, and would be a risk.
    sign_in_links.drop_for_the_first_editor(connection)
    sign_in_links.drop_invitations(connection, email)
    return editors.add(
        connection, email=email, name=name, password_hash=password_hash, role=role, now=now
    )


def find_session(
    db: Database, token: str, *, now: datetime, idle: timedelta, absolute: timedelta
) -> Session | None:
    """Return the session of that cookie, or None; deletes it if it has expired."""
    token_hash = digest(token)
    with db.read() as connection:
        session = editors.find_session(connection, token_hash)
    if session is None:
        return None
    if now - session.seen_at > idle or now - session.created_at > absolute:
        sign_out(db, token)
        return None
    if now - session.seen_at > _TOUCH_EVERY:
        with db.write() as connection:
            editors.touch_session(connection, token_hash, now)
    return session


def sign_out(db: Database, token: str) -> None:
    """Delete the session, so that its cookie does not work any more."""
    with db.write() as connection:
        editors.close_session(connection, digest(token))


def digest(token: str) -> str:
    """Return the SHA-256 under which a random token is stored."""
    return hashlib.sha256(token.encode()).hexdigest()


def _known(connection: Connection, email: str) -> Editor:
    editor = editors.find(connection, email)
    if editor is None:
        raise NotFound(f"There is no editor {email}; add one: rejoinder editor add {email}")
    return editor


def _usable_link(connection: Connection, token: str, now: datetime) -> LinkUse:
    link = sign_in_links.find(connection, digest(token))
    if link is None or link.expires_at <= now:
        raise NotFound(LINK_GONE)
    if link.editor_id is None:
        return LinkUse(None, link.email, link.role or Role.ADMIN)
    editor = editors.get(connection, link.editor_id)
    # The editor is disabled. This must not be treated as a link for the first editor.
    if editor is None:
        raise NotFound(LINK_GONE)
    return LinkUse(editor, None, editor.role)
