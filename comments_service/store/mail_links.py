"""Queries about one-time links in mail, stored as SHA-256 with an expiry time."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from comments_service.store.tables import mail_link


class Link(NamedTuple):
    """A link in a mail: `kind` is "decide" (for an editor) or "verify" (for an author)."""

    token_hash: str
    kind: str
    comment: str
    editor_id: int | None
    expires_at: datetime
    used_at: datetime | None = None


_ADD = insert(mail_link)


def add(connection: Connection, new: Sequence[Link]) -> None:
    """Store links."""
    if new:
        connection.execute(_ADD, [link._asdict() for link in new])


def find(connection: Connection, kind: str, token_hash: str) -> Link | None:
    """Return the link, used or not, or None; the caller must check `expires_at`."""
    columns = [mail_link.c[name] for name in Link._fields]
    query = select(*columns).where(mail_link.c.token_hash == token_hash, mail_link.c.kind == kind)
    row = connection.execute(query).first()
    return Link._make(row) if row else None


def use(connection: Connection, token_hash: str, now: datetime) -> bool:
    """Mark the link as used; False if it was used before or has expired."""
    query = update(mail_link).where(
        mail_link.c.token_hash == token_hash,
        mail_link.c.used_at.is_(None),
        mail_link.c.expires_at > now,
    )
    return connection.execute(query.values(used_at=now)).rowcount == 1


def prune(connection: Connection, before: datetime) -> None:
    """Delete the links that expired before that time."""
    connection.execute(delete(mail_link).where(mail_link.c.expires_at < before))
