"""Who may enter the queue: passwords, sessions, one-time links, and the authors' private links."""

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
# No session may live longer (`Settings.session_days`), so older ones are nobody's.
_LONGEST_SESSION = timedelta(days=90)
_BROWSER_LENGTH = 200
# Writing at every request would make each page view a write.
_TOUCH_EVERY = timedelta(minutes=1)

LINK_GONE = (
    "This link was used already or is too old. Ask an admin for a new one, or whoever runs this "
    "site: rejoinder editor link EMAIL"
)


class SignedIn(NamedTuple):
    """A new session: the cookie's value, shown once, and whose it is."""

    token: str
    editor: Editor


class LinkUse(NamedTuple):
    """What a one-time link is for: to sign `editor` in, or to make an editor.

    Without an editor, `email` is whom it invites, or None for the first editor.
    """

    editor: Editor | None
    email: str | None
    role: str


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
    """Store an editor; with no `role` an admin if there is none yet, or else an editor.

    Raises `Invalid` for fields, `Conflict` if the address has an editor already.
    """
    email, name = check_editor(email, name, password, site_name=site_name)
    password_hash = passwords.hashed(password)
    with db.write() as connection:
        if role is None:
            role = Role.EDITOR if editors.count_admins(connection) else Role.ADMIN
        return store_editor(connection, email, name, password_hash, role, now)


def change_password(db: Database, *, email: str, password: str, site_name: str = "") -> Editor:
    """Replace an editor's password and sign every browser of theirs out."""
    email, _ = check_editor(email, "", password, site_name=site_name)
    password_hash = passwords.hashed(password)
    with db.write() as connection:
        editor = _known(connection, email)
        editors.set_password(connection, editor.id, password_hash)
        return editor


def editor_of(db: Database, email: str) -> Editor:
    """Return the enabled editor with that address; raises `NotFound` with the mend."""
    with db.read() as connection:
        return _known(connection, account_name(email))


def account_name(email: str) -> str:
    """Return an address as accounts are looked up."""
    return email.strip().lower()


def identify(db: Database, *, email: str, password: str) -> Editor | None:
    """Return whose password that is, or None: unknown address and wrong one last the same."""
    with db.read() as connection:
        editor = editors.find(connection, account_name(email))
    right = passwords.matches(editor.password_hash if editor else None, password)
    return editor if right else None


def look_up(db: Database, account: str) -> Editor | None:
    """Return the enabled editor of an account name, or None; says nothing about a password."""
    with db.read() as connection:
        return editors.find(connection, account)


def open_session(db: Database, editor: Editor, *, now: datetime, browser: str = "") -> SignedIn:
    """Sign a browser in; `browser` is what it says it is (its User-Agent)."""
    token = secrets.token_urlsafe(32)
    agent = "".join(one for one in browser if one.isprintable())[:_BROWSER_LENGTH]
    with db.write() as connection:
        editors.drop_sessions_before(connection, now - _LONGEST_SESSION)
        csrf = secrets.token_urlsafe(32)
        editors.open_session(connection, digest(token), editor.id, csrf, now, agent)
    return SignedIn(token, editor)


def first_link(db: Database, *, now: datetime) -> str | None:
    """Return a fresh one-time token that creates the first editor; None if there is one already."""
    with db.write() as connection:
        if editors.count(connection):
            return None
        sign_in_links.drop_for_the_first_editor(connection)
        return new_link(connection, Link(None, now + LINK_LIFE, None, None))


def link_for(db: Database, *, email: str, now: datetime) -> str:
    """Return a fresh one-time token that signs that editor in."""
    with db.write() as connection:
        editor = _known(connection, account_name(email))
        return new_link(connection, Link(editor.id, now + LINK_LIFE, None, None))


def new_link(connection: Connection, link: Link) -> str:
    """Store a link; return its token, which is not kept."""
    token = secrets.token_urlsafe(32)
    sign_in_links.add(connection, digest(token), link)
    return token


def look_at_link(db: Database, token: str, *, now: datetime) -> LinkUse:
    """Return what a one-time link is for.

    Changes nothing. Raises `NotFound` for a link that is unknown, used or too old.
    """
    with db.read() as connection:
        return _usable_link(connection, token, now)


def use_link(db: Database, token: str, *, now: datetime) -> Editor:
    """Return whom a one-time link signs in; the link is gone afterwards.

    It stays where a second factor is asked for: `second_factor.use` deletes it with the right code.
    Raises `NotFound` for a link that is unknown, used or too old.
    """
    with db.write() as connection:
        editor = _usable_link(connection, token, now).editor
        if editor is None:
            raise NotFound(LINK_GONE)
        if not editor.has_second_factor:
            sign_in_links.use(connection, digest(token))
        return editor


def check_editor(email: str, name: str, password: str, *, site_name: str = "") -> tuple[str, str]:
    """Return the address and the name as they are stored, or raise `Invalid`."""
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
    # Links for a first editor are of no more use, and of much harm.
    sign_in_links.drop_for_the_first_editor(connection)
    sign_in_links.drop_invitations(connection, email)
    return editors.add(
        connection, email=email, name=name, password_hash=password_hash, role=role, now=now
    )


def find_session(
    db: Database, token: str, *, now: datetime, idle: timedelta, absolute: timedelta
) -> Session | None:
    """Return the living session of that cookie, or None."""
    token_hash = digest(token)
    with db.read() as connection:
        found = editors.find_session(connection, token_hash)
    if found is None:
        return None
    if now - found.seen_at > idle or now - found.created_at > absolute:
        sign_out(db, token)
        return None
    if now - found.seen_at > _TOUCH_EVERY:
        with db.write() as connection:
            editors.touch_session(connection, token_hash, now)
    return found


def sign_out(db: Database, token: str) -> None:
    """End the session on the server, whatever the browser keeps."""
    with db.write() as connection:
        editors.close_session(connection, digest(token))


def digest(token: str) -> str:
    """Return SHA-256 of a random token: all that is kept of it."""
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
    # Never taken for a link of a first editor: this one's editor is disabled.
    if editor is None:
        raise NotFound(LINK_GONE)
    return LinkUse(editor, None, editor.role)
