"""Links in mail, kept as SHA-256: each works once and until a time."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from comments_service.store.tables import mail_link


class Link(NamedTuple):
    """What a link in a mail is for: `kind` is "decide" (an editor's) or "verify" (an author's)."""

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
        connection.execute(_ADD, [one._asdict() for one in new])


def find(connection: Connection, kind: str, token_hash: str) -> Link | None:
    """Return the link, used or not; its age is the caller's to check."""
    columns = [mail_link.c[name] for name in Link._fields]
    query = select(*columns).where(mail_link.c.token_hash == token_hash, mail_link.c.kind == kind)
    row = connection.execute(query).first()
    return Link._make(row) if row else None


def use(connection: Connection, token_hash: str, now: datetime) -> bool:
    """Use the link up; False if it was used already or is too old."""
    query = update(mail_link).where(
        mail_link.c.token_hash == token_hash,
        mail_link.c.used_at.is_(None),
        mail_link.c.expires_at > now,
    )
    return connection.execute(query.values(used_at=now)).rowcount == 1


def prune(connection: Connection, before: datetime) -> None:
    """Forget the links that could not be used any more at that time."""
    connection.execute(delete(mail_link).where(mail_link.c.expires_at < before))
