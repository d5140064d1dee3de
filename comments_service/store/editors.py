"""Editors, their sessions and their one-time links. Tokens come in already hashed."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from comments_service.tables import editor, session, sign_in_link


class Editor(NamedTuple):
    """Somebody who may sign in to the queue."""

    id: int
    email: str
    name: str
    password_hash: str


class Session(NamedTuple):
    """A signed-in browser."""

    editor: Editor
    csrf: str
    created_at: datetime
    seen_at: datetime


class Link(NamedTuple):
    """A one-time link; without an editor it makes one."""

    editor_id: int | None
    expires_at: datetime


_EDITOR = tuple(editor.c[name] for name in Editor._fields)
_ENABLED = editor.c.disabled_at.is_(None)


def add(
    connection: Connection, *, email: str, name: str, password_hash: str, now: datetime
) -> Editor:
    """Store an editor. The address must be new: check with `find` in the same transaction."""
    row = (
        insert(editor)
        .values(email=email, name=name, password_hash=password_hash, created_at=now)
        .returning(editor.c.id)
    )
    return Editor(connection.execute(row).scalar_one(), email, name, password_hash)


def set_password(connection: Connection, editor_id: int, password_hash: str) -> None:
    """Replace the password; end every session and every link that could open one."""
    connection.execute(
        update(editor).where(editor.c.id == editor_id).values(password_hash=password_hash)
    )
    connection.execute(delete(session).where(session.c.editor_id == editor_id))
    connection.execute(delete(sign_in_link).where(sign_in_link.c.editor_id == editor_id))


def find(connection: Connection, email: str) -> Editor | None:
    """Return the enabled editor with that address, or None."""
    row = connection.execute(select(*_EDITOR).where(editor.c.email == email, _ENABLED)).first()
    return Editor(*row) if row else None


def get(connection: Connection, editor_id: int) -> Editor | None:
    """Return the enabled editor of that row id, or None."""
    row = connection.execute(select(*_EDITOR).where(editor.c.id == editor_id, _ENABLED)).first()
    return Editor(*row) if row else None


def count(connection: Connection) -> int:
    """Return how many editors can sign in."""
    query = select(func.count()).select_from(editor).where(_ENABLED)
    return connection.execute(query).scalar_one()


def open_session(
    connection: Connection, token_hash: str, editor_id: int, csrf: str, now: datetime
) -> None:
    """Store a session."""
    connection.execute(
        insert(session).values(
            token_hash=token_hash, editor_id=editor_id, csrf=csrf, created_at=now, seen_at=now
        )
    )


def find_session(connection: Connection, token_hash: str) -> Session | None:
    """Return the session with its enabled editor, or None; its age is the caller's to check."""
    query = (
        select(*_EDITOR, session.c.csrf, session.c.created_at, session.c.seen_at)
        .join(editor, editor.c.id == session.c.editor_id)
        .where(session.c.token_hash == token_hash, _ENABLED)
    )
    row = connection.execute(query).first()
    return Session(Editor._make(row[:4]), row.csrf, row.created_at, row.seen_at) if row else None


def touch_session(connection: Connection, token_hash: str, now: datetime) -> None:
    """Record that the session was used."""
    connection.execute(
        update(session).where(session.c.token_hash == token_hash).values(seen_at=now)
    )


def close_session(connection: Connection, token_hash: str) -> None:
    """Forget the session."""
    connection.execute(delete(session).where(session.c.token_hash == token_hash))


def add_link(
    connection: Connection, token_hash: str, editor_id: int | None, expires_at: datetime
) -> None:
    """Store a one-time link."""
    connection.execute(
        insert(sign_in_link).values(
            token_hash=token_hash, editor_id=editor_id, expires_at=expires_at
        )
    )


def find_link(connection: Connection, token_hash: str) -> Link | None:
    """Return the link that was not used yet, or None; its age is the caller's to check."""
    query = select(sign_in_link.c.editor_id, sign_in_link.c.expires_at).where(
        sign_in_link.c.token_hash == token_hash
    )
    row = connection.execute(query).first()
    return Link(*row) if row else None


def use_link(connection: Connection, token_hash: str) -> None:
    """Forget the link: it works once."""
    connection.execute(delete(sign_in_link).where(sign_in_link.c.token_hash == token_hash))


def drop_first_editor_links(connection: Connection) -> None:
    """Forget every link that would make an editor."""
    connection.execute(delete(sign_in_link).where(sign_in_link.c.editor_id.is_(None)))
