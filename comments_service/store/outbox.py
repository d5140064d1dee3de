"""Queries about the outbox: mail to send, leased by workers while they send it."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, func, insert, or_, select, update

from comments_service.domain.email_address import mailbox
from comments_service.store.tables import editor, mail_link, outbox

# Mail that waits longer than this causes an alert.
LATE = timedelta(hours=1)


class State(StrEnum):
    """The state of a mail."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


class NewMail(NamedTuple):
    """A mail to store. Each combination of `kind`, `cause` and address is mailed once."""

    site_id: int
    kind: str
    cause: str
    to_address: str
    subject: str
    body: str
    created_at: datetime


class Mail(NamedTuple):
    """A mail that a worker has leased until `leased_until`."""

    id: int
    kind: str
    cause: str
    to_address: str
    subject: str
    body: str
    headers: dict[str, str]
    attempts: int
    created_at: datetime
    leased_until: datetime


class Listed(NamedTuple):
    """A mail as editors see it: without its address, but with the name of an editor it goes to."""

    id: int
    kind: str
    subject: str
    state: str
    attempts: int
    created_at: datetime
    next_at: datetime
    leased_until: datetime | None
    sent_at: datetime | None
    problem: str | None
    editor_name: str | None


_ADD = insert(outbox)
_MAIL = tuple(outbox.c[name] for name in Mail._fields)
_WAITING = outbox.c.state == State.WAITING


def add(connection: Connection, new: Sequence[NewMail]) -> None:
    """Store mail, in the transaction of its cause; it is sent after the commit."""
    if new:
        connection.execute(_ADD, [_values(mail) for mail in new])


def add_leased(connection: Connection, new: NewMail, until: datetime) -> Mail:
    """Store one mail that is leased by the caller until `until`."""
    query = insert(outbox).values(**_values(new), leased_until=until).returning(*_MAIL)
    return Mail._make(connection.execute(query).one())


def _values(new: NewMail) -> dict[str, Any]:
    return {
        **new._asdict(),
        "headers": {},
        "state": State.WAITING,
        "next_at": new.created_at,
    }


def _due(now: datetime) -> list[ColumnElement[bool]]:
    free = or_(outbox.c.leased_until.is_(None), outbox.c.leased_until <= now)
    return [_WAITING, outbox.c.next_at <= now, free]


def is_due(connection: Connection, now: datetime) -> bool:
    """Return whether there is mail to send now; without a lock."""
    return connection.execute(select(outbox.c.id).where(*_due(now)).limit(1)).first() is not None


def take(connection: Connection, *, now: datetime, until: datetime, most: int) -> list[Mail]:
    """Lease up to `most` due mails, the longest due first, until `until`.

    If the worker crashes, other workers can take them after that time.
    """
    chosen = (
        select(outbox.c.id)
        .where(*_due(now))
        .order_by(outbox.c.next_at, outbox.c.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    # The conditions are repeated, because another worker may have taken a row while this one
    # waited for its lock.
    query = update(outbox).where(outbox.c.id.in_(chosen), *_due(now)).values(leased_until=until)
    rows = connection.execute(query.returning(*_MAIL))
    return sorted((Mail._make(row) for row in rows), key=lambda mail: mail.id)


def _mine(mail: Mail) -> list[ColumnElement[bool]]:
    return [outbox.c.id == mail.id, _WAITING, outbox.c.leased_until == mail.leased_until]


def sent(connection: Connection, mail: Mail, *, now: datetime, words: str) -> None:
    """Record that the mail server accepted the mail, even if the lease is over.

    The text is deleted, because it contains a reader's words and working links. The address is
    kept, so that the same cause is not mailed twice and mail limits can be counted.
    """
    connection.execute(
        update(outbox)
        .where(outbox.c.id == mail.id)
        .values(
            state=State.SENT,
            sent_at=now,
            body="",
            attempts=outbox.c.attempts + 1,
            leased_until=None,
            problem=words or None,
        )
    )


def later(connection: Connection, mail: Mail, *, at: datetime, problem: str) -> None:
    """Schedule the next attempt at `at`, and end the lease."""
    connection.execute(
        update(outbox)
        .where(*_mine(mail))
        .values(
            next_at=at, attempts=outbox.c.attempts + 1, leased_until=None, problem=problem[:500]
        )
    )


def failed(connection: Connection, mail: Mail, *, problem: str) -> None:
    """Mark the mail as failed; an editor can retry it."""
    connection.execute(
        update(outbox)
        .where(*_mine(mail))
        .values(
            state=State.FAILED,
            attempts=outbox.c.attempts + 1,
            leased_until=None,
            problem=problem[:500],
        )
    )


def release(connection: Connection, mails: Sequence[Mail]) -> None:
    """End the leases of mails that were not tried."""
    for mail in mails:
        connection.execute(update(outbox).where(*_mine(mail)).values(leased_until=None))


def _chosen(site_id: int, mail_id: int | None) -> list[ColumnElement[bool]]:
    one = [] if mail_id is None else [outbox.c.id == mail_id]
    return [outbox.c.site_id == site_id, *one]


def retry(connection: Connection, site_id: int, mail_id: int | None, *, now: datetime) -> int:
    """Schedule one mail, or (None) all failed and waiting ones, for now; return how many.

    Leased mails are left out. The count of attempts starts again.
    """
    free = or_(outbox.c.leased_until.is_(None), outbox.c.leased_until <= now)
    states = outbox.c.state.in_([State.WAITING, State.FAILED])
    values = {"state": State.WAITING, "next_at": now, "attempts": 0, "leased_until": None}
    query = update(outbox).where(*_chosen(site_id, mail_id), states, free).values(**values)
    return connection.execute(query).rowcount


def forget(connection: Connection, site_id: int, mail_id: int) -> int:
    """Delete one failed mail; return how many were deleted."""
    state = outbox.c.state == State.FAILED
    return connection.execute(delete(outbox).where(*_chosen(site_id, mail_id), state)).rowcount


def prune(connection: Connection, before: datetime, *, kind: str | None = None) -> int:
    """Delete sent and failed mails created before that time; return how many."""
    old = [~_WAITING, outbox.c.created_at < before]
    if kind is not None:
        old.append(outbox.c.kind == kind)
    return connection.execute(delete(outbox).where(*old)).rowcount


def drop(connection: Connection, mail: Mail) -> None:
    """Delete a leased mail that need not be sent any more."""
    connection.execute(delete(outbox).where(*_mine(mail)))


def counts(connection: Connection, site_id: int) -> dict[str, int]:
    """Return how many mails of the site are in each state."""
    query = select(outbox.c.state, func.count()).where(outbox.c.site_id == site_id)
    numbers = {row[0]: row[1] for row in connection.execute(query.group_by(outbox.c.state))}
    return {state.value: numbers.get(state, 0) for state in State}


def listed(connection: Connection, site_id: int, state: str, *, limit: int) -> list[Listed]:
    """Return up to `limit` mails of a state: waiting ones by next attempt, others newest first."""
    columns = [outbox.c[name] for name in Listed._fields if name != "editor_name"]
    query = (
        select(*columns, editor.c.name)
        .outerjoin(editor, editor.c.email == outbox.c.to_address)
        .where(outbox.c.site_id == site_id, outbox.c.state == state)
        .limit(limit)
    )
    waiting = state == State.WAITING
    query = query.order_by(*([outbox.c.next_at] if waiting else []), outbox.c.id.desc())
    return [Listed._make(row) for row in connection.execute(query)]


def trouble(connection: Connection, *, now: datetime) -> str | None:
    """Return one sentence if mail failed, or has been waiting for more than an hour; else None."""
    late = (outbox.c.state == State.WAITING) & (outbox.c.created_at < now - LATE)
    query = select(outbox.c.state, func.count()).where(or_(outbox.c.state == State.FAILED, late))
    numbers = {row[0]: row[1] for row in connection.execute(query.group_by(outbox.c.state))}
    parts = []
    if number := numbers.get(State.FAILED):
        parts.append(f"{_mails(number)} could not be delivered")
    if number := numbers.get(State.WAITING):
        parts.append(f"{_mails(number)} {'has' if number == 1 else 'have'} waited over an hour")
    return " and ".join(parts) + "." if parts else None


def _mails(number: int) -> str:
    return "1 mail" if number == 1 else f"{number:,} mails"


def latest(
    connection: Connection, site_id: int, kind: str, *, most: int
) -> list[tuple[str, datetime]]:
    """Return (address, creation time) of the last `most` mails of a kind, newest first."""
    query = select(outbox.c.to_address, outbox.c.created_at)
    query = query.where(outbox.c.site_id == site_id, outbox.c.kind == kind)
    rows = connection.execute(query.order_by(outbox.c.id.desc()).limit(most))
    return [(row.to_address, row.created_at) for row in rows]


def last_about(
    connection: Connection, site_id: int, kind: str, comment: str
) -> tuple[datetime, str] | None:
    """Return (creation time, state) of the last mail of a kind about a reply, or None.

    Only for kinds whose cause begins with the reply's public id.
    """
    query = select(outbox.c.created_at, outbox.c.state).where(
        outbox.c.site_id == site_id,
        outbox.c.kind == kind,
        # A range instead of LIKE, so that the index is used.
        outbox.c.cause >= comment,
        outbox.c.cause < comment + "~",
    )
    row = connection.execute(query.order_by(outbox.c.id.desc()).limit(1)).first()
    return (row.created_at, row.state) if row else None


def forget_reply(connection: Connection, comment: str) -> None:
    """Delete every mail and mail link about a reply; mails are found as by `last_about`."""
    about = (outbox.c.cause >= comment, outbox.c.cause < comment + "~")
    connection.execute(delete(outbox).where(*about))
    connection.execute(delete(mail_link).where(mail_link.c.comment == comment))


def count_between(
    connection: Connection,
    site_id: int,
    kinds: Collection[str],
    since: datetime,
    until: datetime,
    *,
    address: str,
) -> int:
    """Return how many mails of some kinds to an address were created after `since`.

    Mails after `until`, dated before the clock was set back, do not count.
    """
    # Compared in Python, because SQL cannot compare mailboxes. The mail limits keep the rows few.
    wanted = mailbox(address)
    query = select(outbox.c.to_address).where(
        outbox.c.site_id == site_id,
        outbox.c.kind.in_(kinds),
        outbox.c.created_at > since,
        outbox.c.created_at <= until,
    )
    return sum(mailbox(other) == wanted for other in connection.execute(query).scalars())


def forget_waiting(connection: Connection, mail_id: int) -> None:
    """Delete a waiting mail unless it is leased."""
    connection.execute(
        delete(outbox).where(outbox.c.id == mail_id, _WAITING, outbox.c.leased_until.is_(None))
    )
