"""Queries about one-time sign-in links, links for the first editor and invitations.

Callers pass hashes of tokens, never tokens.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select

from comments_service.store.tables import sign_in_link


class Link(NamedTuple):
    """A one-time link: signs in `editor_id`, invites `email`, or else creates the first editor."""

    editor_id: int | None
    expires_at: datetime
    email: str | None
    role: str | None


class Invitation(NamedTuple):
    """An invitation that was not used yet."""

    email: str
    role: str
    expires_at: datetime


_LINK = tuple(sign_in_link.c[name] for name in Link._fields)
_FOR_THE_FIRST = sign_in_link.c.editor_id.is_(None) & sign_in_link.c.email.is_(None)


def add(connection: Connection, token_hash: str, link: Link) -> None:
    """Store a link."""
    connection.execute(insert(sign_in_link).values(token_hash=token_hash, **link._asdict()))


def find(connection: Connection, token_hash: str) -> Link | None:
    """Return the unused link, or None; the caller must check `expires_at`."""
    query = select(*_LINK).where(sign_in_link.c.token_hash == token_hash)
    row = connection.execute(query).first()
    return Link(*row) if row else None


def use(connection: Connection, token_hash: str) -> bool:
    """Delete the link, because it works once; False if it does not exist any more."""
    gone = delete(sign_in_link).where(sign_in_link.c.token_hash == token_hash)
    return connection.execute(gone).rowcount == 1


def drop_for_the_first_editor(connection: Connection) -> None:
    """Delete every link for creating the first editor; invitations stay."""
    connection.execute(delete(sign_in_link).where(_FOR_THE_FIRST))


def drop_invitations(connection: Connection, email: str) -> list[Invitation]:
    """Delete every invitation of that address and return them."""
    gone = delete(sign_in_link).where(sign_in_link.c.email == email)
    columns = (sign_in_link.c.email, sign_in_link.c.role, sign_in_link.c.expires_at)
    return [Invitation(*row) for row in connection.execute(gone.returning(*columns))]


def invitations(connection: Connection, now: datetime) -> list[Invitation]:
    """Return the invitations that have not expired, latest expiry first."""
    query = (
        select(sign_in_link.c.email, sign_in_link.c.role, sign_in_link.c.expires_at)
        .where(sign_in_link.c.email.is_not(None), sign_in_link.c.expires_at > now)
        .order_by(sign_in_link.c.expires_at.desc(), sign_in_link.c.email)
    )
    return [Invitation(*row) for row in connection.execute(query)]
