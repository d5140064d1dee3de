"""An editor's own account: password, signed-in browsers, preferences."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from comments_service.domain import passwords
from comments_service.domain.errors import Invalid, NotFound
from comments_service.store import editors, sign_in_links
from comments_service.store.database import Database
from comments_service.store.editors import Browser, Editor
from comments_service.store.sign_in_links import Link

MAIL = {
    "none": "No mail",
    "each": "One mail for each reply that waits",
    "digest": "One mail a day, if replies wait",
}


def change_password(db: Database, editor: Editor, *, password: str, site_name: str) -> Editor:
    """Replace the password, and end all sessions, sign-in links and device cookies of the editor.

    Returns the editor as stored. Raises `Invalid` for an unsuitable password. The caller must have
    checked the identity of the editor.
    """
    own = (editor.email, editor.name, site_name)
    if problem := passwords.problem(password, own=own):
        raise Invalid({"password-new": problem})
    password_hash = passwords.hashed(password)
    with db.write() as connection:
        editors.set_password(connection, editor.id, password_hash)
        return editors.get(connection, editor.id) or editor


def browsers(
    db: Database, editor: Editor, *, now: datetime, idle: timedelta, absolute: timedelta
) -> list[Browser]:
    """Return the editor's signed-in browsers, last used first."""
    with db.read() as connection:
        return [
            session
            for session in editors.sessions_of(connection, editor.id)
            if now - session.seen_at <= idle and now - session.created_at <= absolute
        ]


def sign_out_browser(db: Database, editor: Editor, session_id: str) -> Editor:
    """End one session of the editor, and invalidate all their device cookies.

    Returns the editor as stored. Raises `NotFound` if the editor has no such session.
    """
    with db.write() as connection:
        if not editors.close_session_of(connection, editor.id, session_id):
            raise NotFound("That browser is signed out already.")
        epoch = editors.forget_browsers(connection, editor.id)
    return editor._replace(browsers_epoch=epoch)


def sign_out_everywhere(db: Database, editor: Editor) -> None:
    """End every session of the editor, including this one, and invalidate all device cookies."""
    with db.write() as connection:
        editors.close_sessions(connection, editor.id)
        editors.forget_browsers(connection, editor.id)


def prefer(db: Database, editor: Editor, form: Mapping[str, str]) -> None:
    """Store the preferences of a form: `shortcuts` (a checkbox) and `mail` (a key of `MAIL`)."""
    mail = form.get("mail", "")
    if mail not in MAIL:
        raise Invalid({"mail": "Choose when to get mail"})
    with db.write() as connection:
        editors.set_preferences(connection, editor.id, shortcuts="shortcuts" in form, mail=mail)


def find_with_link(
    db: Database, editor_id: int, link_hash: str | None
) -> tuple[Editor | None, Link | None]:
    """Return an editor and, by its hash, a sign-in link; None for each that does not exist."""
    with db.read() as connection:
        link = sign_in_links.find(connection, link_hash) if link_hash is not None else None
        return editors.get(connection, editor_id), link
