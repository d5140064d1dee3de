"""Administration of editors: invite, withdraw an invitation, set the role, disable, enable.

Each action is one transaction that writes the change and its event in the audit log. Events have
the id and name of the editor, never a password or a token.
"""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from comments_service.domain import passwords
from comments_service.domain.actor import Actor
from comments_service.domain.comment_form import email_problem
from comments_service.domain.errors import Conflict, Invalid, NotFound
from comments_service.domain.models import Role
from comments_service.services import auth
from comments_service.services.pages import the_site
from comments_service.store import editors, events, sign_in_links, sites
from comments_service.store.database import Database
from comments_service.store.editors import Editor, Member
from comments_service.store.events import Event
from comments_service.store.sign_in_links import Invitation, Link

LAST_ADMIN = (
    "{name} is the only admin, and without one nobody could look after settings and editors. "
    "Make somebody else an admin first."
)


class Team(NamedTuple):
    """All editors, and the open invitations."""

    members: list[Member]
    invitations: list[Invitation]


def team(db: Database, *, now: datetime) -> Team:
    """Return every editor, and the invitations that have not expired."""
    with db.read() as connection:
        return Team(editors.members(connection), sign_in_links.invitations(connection, now))


def invite(db: Database, *, email: str, role: str, by: Actor, now: datetime) -> str:
    """Invite an address; return the token of the one-time link, which can be shown only now.

    Replaces an older invitation of the address. Raises `Invalid` for bad fields.
    """
    email = auth.account_name(email)
    problems = {}
    if problem := email_problem(email):
        problems["email"] = problem.replace("your email", "an email")
    if role not in set(Role):
        problems["role"] = "Choose what the new editor may do"
    if problems:
        raise Invalid(problems)
    with db.write() as connection:
        number = _number(connection)
        if editors.knows(connection, email):
            raise Invalid({"email": "There is an editor with that address already; see the list"})
        sign_in_links.drop_invitations(connection, email)
        token = auth.new_link(connection, Link(None, now + auth.LINK_LIFE, email, role))
        # By address, because there is no id and name yet.
        _log(connection, number, "invite", None, {"email": email, "role": role}, by, now)
        return token


def withdraw(db: Database, *, email: str, by: Actor, now: datetime) -> None:
    """Delete the invitation of that address; raises `NotFound` if there is none."""
    with db.write() as connection:
        number = _number(connection)
        gone = sign_in_links.drop_invitations(connection, email)
        if not gone:
            raise NotFound("That invitation was used or withdrawn already.")
        before = {"email": gone[0].email, "role": gone[0].role}
        _log(connection, number, "withdraw", before, None, by, now)


def join(
    db: Database,
    token: str,
    *,
    email: str,
    name: str,
    password: str,
    site_name: str,
    now: datetime,
) -> Editor:
    """Create an editor by an invitation, or the first editor by the printed link; use the link.

    The address of an invitation takes precedence over `email`. Raises `Invalid` for bad fields, and
    `NotFound` for an unknown, used or expired link.
    """
    use = auth.look_at_link(db, token, now=now)
    email, name = auth.check_editor(use.email or email, name, password, site_name=site_name)
    password_hash = passwords.hashed(password)
    with db.write() as connection:
        number = _number(connection)
        link = sign_in_links.find(connection, auth.digest(token))
        if link is None or link.editor_id is not None or link.expires_at <= now:
            raise NotFound(auth.LINK_GONE)
        sign_in_links.use(connection, auth.digest(token))
        editor = auth.store_editor(connection, email, name, password_hash, use.role, now)
        after = {"editor": editor.id, "name": editor.name, "role": editor.role}
        _log(connection, number, "join", None, after, Actor(editor.name, editor.id), now)
        return editor


def set_role(db: Database, editor_id: int, role: str, *, by: Actor, now: datetime) -> Member:
    """Change an editor's role. Raises `Conflict` for the last admin."""
    if role not in set(Role):
        raise Invalid({"role": "Choose what the editor may do"})
    with db.write() as connection:
        number, member = _take(connection, editor_id)
        if member.role == role:
            raise Conflict(f"{member.name} has that role already.")
        _keep_an_admin(connection, member)
        editors.set_role(connection, member.id, role)
        who = {"editor": member.id, "name": member.name}
        before, after = who | {"role": member.role}, who | {"role": role}
        _log(connection, number, "role", before, after, by, now)
        return member


def disable(db: Database, editor_id: int, *, by: Actor, now: datetime) -> Member:
    """Disable an editor and end all their sessions. Raises `Conflict` for the last admin."""
    with db.write() as connection:
        number, member = _take(connection, editor_id)
        if member.disabled_at is not None:
            raise Conflict(f"{member.name} is disabled already.")
        _keep_an_admin(connection, member)
        editors.set_disabled(connection, member.id, now)
        editors.shut_out(connection, member.id)
        _log_state(connection, number, "disable", member, by, now)
        return member


def enable(db: Database, editor_id: int, *, by: Actor, now: datetime) -> Member:
    """Enable a disabled editor; raises `Conflict` if the editor is enabled."""
    with db.write() as connection:
        number, member = _take(connection, editor_id)
        if member.disabled_at is None:
            raise Conflict(f"{member.name} can sign in already.")
        editors.set_disabled(connection, member.id, None)
        _log_state(connection, number, "enable", member, by, now)
        return member


def _keep_an_admin(connection: Connection, member: Member) -> None:
    is_admin = member.role == Role.ADMIN and member.disabled_at is None
    if is_admin and editors.count_admins(connection) == 1:
        raise Conflict(LAST_ADMIN.format(name=member.name))


def _take(connection: Connection, editor_id: int) -> tuple[int, Member]:
    number = _number(connection)
    member = editors.member(connection, editor_id)
    if member is None:
        raise NotFound("There is no such editor.")
    return number, member


def _number(connection: Connection) -> int:
    # Taken first, because it locks the site, so that two admins cannot demote each other at once.
    return sites.next_number(connection, the_site(connection).id)


def _log_state(
    connection: Connection, number: int, action: str, member: Member, by: Actor, now: datetime
) -> None:
    who = {"editor": member.id, "name": member.name}
    was, is_now = ("enabled", "disabled") if action == "disable" else ("disabled", "enabled")
    _log(connection, number, action, who | {"state": was}, who | {"state": is_now}, by, now)


def _log(
    connection: Connection,
    number: int,
    action: str,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    by: Actor,
    now: datetime,
) -> None:
    entry = Event(number, now, by.name, action, None, None, before, after, None)
    events.add(connection, the_site(connection).id, entry, editor_id=by.editor_id)
