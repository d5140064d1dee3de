"""Mail that has to leave: written with its cause, leased by whoever sends it, settled after."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, func, insert, or_, select, update

from comments_service.domain.email_address import mailbox
from comments_service.store.tables import editor, mail_link, outbox

# A warning is due when something should have left this long ago.
LATE = timedelta(hours=1)


class State(StrEnum):
    """Where a mail stands."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


class NewMail(NamedTuple):
    """A mail as it is written; the same `cause` of a `kind` is mailed to an address once."""

    site_id: int
    kind: str
    cause: str
    to_address: str
    subject: str
    body: str
    created_at: datetime


class Mail(NamedTuple):
    """A mail that whoever asked for it may send until its lease is over."""

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
    """A mail as editors see it: no address, but the editor's name if it goes to one."""

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
    """Write mail, in the transaction of its cause; it may leave as soon as that commits."""
    if new:
        connection.execute(_ADD, [_values(one) for one in new])


def add_leased(connection: Connection, new: NewMail, until: datetime) -> Mail:
    """Write one mail that nobody else sends until then."""
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
    """Return whether there is something to send: a look that takes no lock."""
    return connection.execute(select(outbox.c.id).where(*_due(now)).limit(1)).first() is not None


def take(connection: Connection, *, now: datetime, until: datetime, most: int) -> list[Mail]:
    """Return up to `most` mails that are due, the longest due first; they are the caller's so long.

    Whoever takes them and dies has them until `until` only.
    """
    chosen = (
        select(outbox.c.id)
        .where(*_due(now))
        .order_by(outbox.c.next_at, outbox.c.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    # The conditions stand twice: a second worker that waited for the row must look again.
    query = update(outbox).where(outbox.c.id.in_(chosen), *_due(now)).values(leased_until=until)
    rows = connection.execute(query.returning(*_MAIL))
    return sorted((Mail._make(row) for row in rows), key=lambda one: one.id)


def _mine(mail: Mail) -> list[ColumnElement[bool]]:
    return [outbox.c.id == mail.id, _WAITING, outbox.c.leased_until == mail.leased_until]


def sent(connection: Connection, mail: Mail, *, now: datetime, words: str) -> None:
    """Record that the server took it, whoever has the lease by now.

    The text goes: it holds a reader's words and a link that acts. The address stays for as long as
    the row does, so that the same cause is not mailed twice and limits can be counted.
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
    """Give it back to be tried again at that time."""
    connection.execute(
        update(outbox)
        .where(*_mine(mail))
        .values(
            next_at=at, attempts=outbox.c.attempts + 1, leased_until=None, problem=problem[:500]
        )
    )


def failed(connection: Connection, mail: Mail, *, problem: str) -> None:
    """Give it up; an editor may try again."""
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
    """Give back what was taken and not tried."""
    for mail in mails:
        connection.execute(update(outbox).where(*_mine(mail)).values(leased_until=None))


def _chosen(site_id: int, mail_id: int | None) -> list[ColumnElement[bool]]:
    one = [] if mail_id is None else [outbox.c.id == mail_id]
    return [outbox.c.site_id == site_id, *one]


def retry(connection: Connection, site_id: int, mail_id: int | None, *, now: datetime) -> int:
    """Have one mail, or (None) all that failed or wait, tried now; return how many.

    What is being sent at the moment is left alone. The count of attempts starts again.
    """
    free = or_(outbox.c.leased_until.is_(None), outbox.c.leased_until <= now)
    states = outbox.c.state.in_([State.WAITING, State.FAILED])
    values = {"state": State.WAITING, "next_at": now, "attempts": 0, "leased_until": None}
    query = update(outbox).where(*_chosen(site_id, mail_id), states, free).values(**values)
    return connection.execute(query).rowcount


def forget(connection: Connection, site_id: int, mail_id: int) -> int:
    """Delete one mail that failed; return how many there were."""
    state = outbox.c.state == State.FAILED
    return connection.execute(delete(outbox).where(*_chosen(site_id, mail_id), state)).rowcount


def prune(connection: Connection, before: datetime, *, kind: str | None = None) -> int:
    """Delete what was sent or given up and was written before that time; return how many."""
    old = [~_WAITING, outbox.c.created_at < before]
    if kind is not None:
        old.append(outbox.c.kind == kind)
    return connection.execute(delete(outbox).where(*old)).rowcount


def drop(connection: Connection, mail: Mail) -> None:
    """Delete a mail that is not to be sent any more."""
    connection.execute(delete(outbox).where(*_mine(mail)))


def counts(connection: Connection, site_id: int) -> dict[str, int]:
    """Return how many mails of the site are in each state."""
    query = select(outbox.c.state, func.count()).where(outbox.c.site_id == site_id)
    found = {row[0]: row[1] for row in connection.execute(query.group_by(outbox.c.state))}
    return {state.value: found.get(state, 0) for state in State}


def listed(connection: Connection, site_id: int, state: str, *, limit: int) -> list[Listed]:
    """Return up to `limit` mails of a state: what waits by its next try, the rest newest first."""
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
    found = {row[0]: row[1] for row in connection.execute(query.group_by(outbox.c.state))}
    told = []
    if number := found.get(State.FAILED):
        told.append(f"{_mails(number)} could not be delivered")
    if number := found.get(State.WAITING):
        told.append(f"{_mails(number)} {'has' if number == 1 else 'have'} waited over an hour")
    return " and ".join(told) + "." if told else None


def _mails(number: int) -> str:
    return "1 mail" if number == 1 else f"{number:,} mails"


def latest(
    connection: Connection, site_id: int, kind: str, *, most: int
) -> list[tuple[str, datetime]]:
    """Return (address, when it was written) of the last `most` mails of a kind, newest first."""
    query = select(outbox.c.to_address, outbox.c.created_at)
    query = query.where(outbox.c.site_id == site_id, outbox.c.kind == kind)
    rows = connection.execute(query.order_by(outbox.c.id.desc()).limit(most))
    return [(row.to_address, row.created_at) for row in rows]


def last_about(
    connection: Connection, site_id: int, kind: str, comment: str
) -> tuple[datetime, str] | None:
    """Return (when it was written, its state) of the last mail of a kind about a reply, or None.

    For kinds whose cause begins with the reply's public id.
    """
    query = select(outbox.c.created_at, outbox.c.state).where(
        outbox.c.site_id == site_id,
        outbox.c.kind == kind,
        # A range, which the index of causes can answer.
        outbox.c.cause >= comment,
        outbox.c.cause < comment + "~",
    )
    row = connection.execute(query.order_by(outbox.c.id.desc()).limit(1)).first()
    return (row.created_at, row.state) if row else None


def forget_reply(connection: Connection, comment: str) -> None:
    """Delete every mail about a reply, sent or not; see `last_about` for which are found."""
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
    """Return how many mails of some kinds to an address were written after `since`.

    Those after `until` do not count: a clock that was set back since has dated them.
    """
    # Compared here: the database does not know which addresses are one. Limits keep them few.
    wanted = mailbox(address)
    query = select(outbox.c.to_address).where(
        outbox.c.site_id == site_id,
        outbox.c.kind.in_(kinds),
        outbox.c.created_at > since,
        outbox.c.created_at <= until,
    )
    return sum(mailbox(one) == wanted for one in connection.execute(query).scalars())


def forget_waiting(connection: Connection, mail_id: int) -> None:
    """Delete a mail that is not worth another try, unless somebody sends it just now."""
    connection.execute(
        delete(outbox).where(outbox.c.id == mail_id, _WAITING, outbox.c.leased_until.is_(None))
    )
