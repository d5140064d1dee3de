"""Editors and their sessions. Tokens come in already hashed."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from comments_service.domain.models import Role
from comments_service.store.tables import editor, event, session, sign_in_link

# A session's name in its editor's own list: the beginning of its hash, which opens nothing.
_ID_LENGTH = 16


class Editor(NamedTuple):
    """Somebody who may sign in to the queue."""

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
        """Whether settings and editors are theirs to change."""
        return self.role == Role.ADMIN

    @property
    def has_second_factor(self) -> bool:
        """Whether a password alone does not let them in."""
        return self.totp_secret is not None


class Session(NamedTuple):
    """A signed-in browser."""

    editor: Editor
    csrf: str
    created_at: datetime
    seen_at: datetime
    id: str


class Browser(NamedTuple):
    """A session as its editor's list shows it; `agent` is what the browser said it is."""

    id: str
    agent: str
    created_at: datetime
    seen_at: datetime


class Member(NamedTuple):
    """An editor as the admins' list shows them, also one who is disabled."""

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
    """Replace the password; end every session and every link that could open one."""
    connection.execute(
        update(editor).where(editor.c.id == editor_id).values(password_hash=password_hash)
    )
    shut_out(connection, editor_id)


def shut_out(connection: Connection, editor_id: int) -> None:
    """End every session of an editor, every link that could open one, and forget browsers."""
    close_sessions(connection, editor_id)
    forget_browsers(connection, editor_id)
    connection.execute(delete(sign_in_link).where(sign_in_link.c.editor_id == editor_id))


def forget_browsers(connection: Connection, editor_id: int) -> int:
    """Make every known browser of an editor unknown; return the new epoch."""
    query = (
        update(editor)
        .where(editor.c.id == editor_id)
        .values(browsers_epoch=editor.c.browsers_epoch + 1)
        .returning(editor.c.browsers_epoch)
    )
    return int(connection.execute(query).scalar_one())


def set_role(connection: Connection, editor_id: int, role: str) -> None:
    """Give an editor another role; it holds from their next request on."""
    connection.execute(update(editor).where(editor.c.id == editor_id).values(role=role))


def set_disabled(connection: Connection, editor_id: int, disabled_at: datetime | None) -> None:
    """Disable an editor from that moment on, or (None) enable one again."""
    connection.execute(
        update(editor).where(editor.c.id == editor_id).values(disabled_at=disabled_at)
    )


def set_preferences(connection: Connection, editor_id: int, *, shortcuts: bool, mail: str) -> None:
    """Store what an editor chose on their own page."""
    connection.execute(
        update(editor).where(editor.c.id == editor_id).values(shortcuts=shortcuts, mail=mail)
    )


def find(connection: Connection, email: str) -> Editor | None:
    """Return the enabled editor with that address, or None."""
    row = connection.execute(select(*_EDITOR).where(editor.c.email == email, _ENABLED)).first()
    return Editor(*row) if row else None


def knows(connection: Connection, email: str) -> bool:
    """Say whether an editor has that address, be they enabled or not."""
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
    # Sessions go when they end, so what an editor did last counts too.
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
    found = []
    for row in connection.execute(query):
        times = [one for one in (row.seen, row.acted) if one is not None]
        found.append(
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
    return found


def member(connection: Connection, editor_id: int) -> Member | None:
    """Return one editor, be they enabled or not, or None."""
    return next((one for one in members(connection) if one.id == editor_id), None)


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
    """Return the session with its enabled editor, or None; its age is the caller's to check."""
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
    """Return an editor's sessions, the last used first; their age is the caller's to check."""
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
    """Forget the session."""
    connection.execute(delete(session).where(session.c.token_hash == token_hash))


def close_session_of(connection: Connection, editor_id: int, session_id: str) -> bool:
    """Forget one session of an editor by its name in their list; say whether there was one."""
    mine = delete(session).where(session.c.editor_id == editor_id, _SESSION_ID.in_([session_id]))
    return connection.execute(mine).rowcount > 0


def close_sessions(connection: Connection, editor_id: int) -> None:
    """Forget every session of an editor."""
    connection.execute(delete(session).where(session.c.editor_id == editor_id))


def drop_sessions_before(connection: Connection, moment: datetime) -> None:
    """Forget the sessions that began before that: nobody can use them any more."""
    connection.execute(delete(session).where(session.c.created_at < moment))
