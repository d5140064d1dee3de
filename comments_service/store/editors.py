"""Queries about editors and their sessions. Callers pass hashes of tokens, never tokens."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from comments_service.domain.models import Role
from comments_service.store.tables import editor, event, session, sign_in_link

# A session's id in its editor's own list is the beginning of its hash, which grants no access.
_ID_LENGTH = 16


class Editor(NamedTuple):
    """An enabled editor, as needed for signing in."""

    id: int
    email: str
    name: str
    password_hash: str
    role: str
    totp_secret: str | None
    totp_step: int | None
    shortcuts: bool
    mail: str
    browsers_epoch: int

    @property
    def is_admin(self) -> bool:
        """Whether they may change settings and editors."""
        return self.role == Role.ADMIN

    @property
    def has_second_factor(self) -> bool:
        """Whether signing in requires a code besides the password."""
        return self.totp_secret is not None


class Session(NamedTuple):
    """A signed-in browser."""

    editor: Editor
    csrf: str
    created_at: datetime
    seen_at: datetime
    id: str


class Browser(NamedTuple):
    """A session as its editor's list shows it; `agent` is the browser's user agent."""

    id: str
    agent: str
    created_at: datetime
    seen_at: datetime


class Member(NamedTuple):
    """An editor, enabled or disabled, as the admins' list shows them."""

    id: int
    email: str
    name: str
    role: str
    disabled_at: datetime | None
    second_factor: bool
    seen_at: datetime | None


_EDITOR = tuple(editor.c[name] for name in Editor._fields)
_ENABLED = editor.c.disabled_at.is_(None)
_SESSION_ID = func.substr(session.c.token_hash, 1, _ID_LENGTH)


def add(
    connection: Connection,
    *,
    email: str,
    name: str,
    password_hash: str,
    role: str,
    now: datetime,
) -> Editor:
    """Store an editor. The address must be new: check with `knows` in the same transaction."""
    row = (
        insert(editor)
        .values(email=email, name=name, password_hash=password_hash, role=role, created_at=now)
        .returning(*_EDITOR)
    )
    return Editor(*connection.execute(row).one())


def set_password(connection: Connection, editor_id: int, password_hash: str) -> None:
    """Replace the password and revoke all access of the editor (`shut_out`)."""
    connection.execute(
        update(editor).where(editor.c.id == editor_id).values(password_hash=password_hash)
    )
    shut_out(connection, editor_id)


def shut_out(connection: Connection, editor_id: int) -> None:
    """Delete all sessions and sign-in links of an editor, and invalidate their device cookies."""
    close_sessions(connection, editor_id)
    forget_browsers(connection, editor_id)
    connection.execute(delete(sign_in_link).where(sign_in_link.c.editor_id == editor_id))


def forget_browsers(connection: Connection, editor_id: int) -> int:
    """Invalidate all device cookies of an editor; return the new epoch."""
    query = (
        update(editor)
        .where(editor.c.id == editor_id)
        .values(browsers_epoch=editor.c.browsers_epoch + 1)
        .returning(editor.c.browsers_epoch)
    )
    return int(connection.execute(query).scalar_one())


def set_role(connection: Connection, editor_id: int, role: str) -> None:
    """Change an editor's role; it applies from their next request on."""
    connection.execute(update(editor).where(editor.c.id == editor_id).values(role=role))


def set_disabled(connection: Connection, editor_id: int, disabled_at: datetime | None) -> None:
    """Disable an editor, with the time, or (None) enable them again."""
    connection.execute(
        update(editor).where(editor.c.id == editor_id).values(disabled_at=disabled_at)
    )


def set_preferences(connection: Connection, editor_id: int, *, shortcuts: bool, mail: str) -> None:
    """Store an editor's preferences."""
    connection.execute(
        update(editor).where(editor.c.id == editor_id).values(shortcuts=shortcuts, mail=mail)
    )


def find(connection: Connection, email: str) -> Editor | None:
    """Return the enabled editor with that address, or None."""
    row = connection.execute(select(*_EDITOR).where(editor.c.email == email, _ENABLED)).first()
    return Editor(*row) if row else None


def knows(connection: Connection, email: str) -> bool:
    """Return whether an editor, enabled or disabled, has that address."""
    return (
        connection.execute(select(editor.c.id).where(editor.c.email == email)).first() is not None
    )


def get(connection: Connection, editor_id: int) -> Editor | None:
    """Return the enabled editor of that row id, or None."""
    row = connection.execute(select(*_EDITOR).where(editor.c.id == editor_id, _ENABLED)).first()
    return Editor(*row) if row else None


def count(connection: Connection) -> int:
    """Return how many editors can sign in."""
    query = select(func.count()).select_from(editor).where(_ENABLED)
    return connection.execute(query).scalar_one()


def count_admins(connection: Connection) -> int:
    """Return how many admins can sign in."""
    query = select(func.count()).select_from(editor)
    return connection.execute(query.where(_ENABLED, editor.c.role == Role.ADMIN)).scalar_one()


def members(connection: Connection) -> list[Member]:
    """Return every editor, the enabled ones first, by name."""
    # Ended sessions are deleted, so the time of the last event counts too.
    seen = (
        select(func.max(session.c.seen_at))
        .where(session.c.editor_id == editor.c.id)
        .correlate(editor)
        .scalar_subquery()
    )
    acted = (
        select(func.max(event.c.at))
        .where(event.c.editor_id == editor.c.id)
        .correlate(editor)
        .scalar_subquery()
    )
    query = select(
        editor.c.id,
        editor.c.email,
        editor.c.name,
        editor.c.role,
        editor.c.disabled_at,
        editor.c.totp_secret.is_not(None).label("second_factor"),
        seen.label("seen"),
        acted.label("acted"),
    ).order_by(editor.c.disabled_at.is_not(None), func.lower(editor.c.name), editor.c.id)
    result = []
    for row in connection.execute(query):
        times = [time for time in (row.seen, row.acted) if time is not None]
        result.append(
            Member(
                id=row.id,
                email=row.email,
                name=row.name,
                role=row.role,
                disabled_at=row.disabled_at,
                second_factor=row.second_factor,
                seen_at=max(times, default=None),
            )
        )
    return result


def member(connection: Connection, editor_id: int) -> Member | None:
    """Return one editor, enabled or disabled, or None."""
    return next((entry for entry in members(connection) if entry.id == editor_id), None)


def open_session(
    connection: Connection,
    token_hash: str,
    editor_id: int,
    csrf: str,
    now: datetime,
    browser: str = "",
) -> None:
    """Store a session."""
    connection.execute(
        insert(session).values(
            token_hash=token_hash,
            editor_id=editor_id,
            csrf=csrf,
            created_at=now,
            seen_at=now,
            browser=browser,
        )
    )


def find_session(connection: Connection, token_hash: str) -> Session | None:
    """Return the session of an enabled editor, or None; the caller must check its age."""
    query = (
        select(*_EDITOR, session.c.csrf, session.c.created_at, session.c.seen_at)
        .join(editor, editor.c.id == session.c.editor_id)
        .where(session.c.token_hash == token_hash, _ENABLED)
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    whose = Editor._make(row[: len(_EDITOR)])
    return Session(whose, row.csrf, row.created_at, row.seen_at, token_hash[:_ID_LENGTH])


def sessions_of(connection: Connection, editor_id: int) -> list[Browser]:
    """Return an editor's sessions, last used first; the caller must check their age."""
    query = (
        select(_SESSION_ID, session.c.browser, session.c.created_at, session.c.seen_at)
        .where(session.c.editor_id == editor_id)
        .order_by(session.c.seen_at.desc(), session.c.token_hash)
    )
    return [Browser(*row) for row in connection.execute(query)]


def touch_session(connection: Connection, token_hash: str, now: datetime) -> None:
    """Record that the session was used."""
    connection.execute(
        update(session).where(session.c.token_hash == token_hash).values(seen_at=now)
    )


def close_session(connection: Connection, token_hash: str) -> None:
    """Delete the session."""
    connection.execute(delete(session).where(session.c.token_hash == token_hash))


def close_session_of(connection: Connection, editor_id: int, session_id: str) -> bool:
    """Delete one session of an editor by its `Browser.id`; return whether it existed."""
    mine = delete(session).where(session.c.editor_id == editor_id, _SESSION_ID.in_([session_id]))
    return connection.execute(mine).rowcount > 0


def close_sessions(connection: Connection, editor_id: int) -> None:
    """Delete every session of an editor."""
    connection.execute(delete(session).where(session.c.editor_id == editor_id))


def drop_sessions_before(connection: Connection, moment: datetime) -> None:
    """Delete the sessions created before that time, which have expired."""
    connection.execute(delete(session).where(session.c.created_at < moment))
