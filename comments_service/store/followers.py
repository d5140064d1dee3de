"""Queries about followers (table `subscription`). Private: never read for public output."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    alias,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from comments_service.domain.email_address import fold, mailbox
from comments_service.store.tables import comment, contact, outbox, page, subscription

# The kinds of mail that followers get: a request to confirm, and notifications.
ASK, NEWS = "follow", "news"


class Kind(StrEnum):
    """Which replies a follower gets mail about; see `subscription.kind`."""

    ALL = "all"
    REPLIES = "replies"


class State(StrEnum):
    """The state of a subscription."""

    ASKED = "asked"
    CONFIRMED = "confirmed"
    ENDED = "ended"


class Subscription(NamedTuple):
    """A subscription with its page; `mailbox` is equal only for addresses of the same owner."""

    id: int
    site_id: int
    page_id: int
    comment_id: int | None
    kind: str
    state: str
    email: str
    mailbox: str
    seed: str
    confirm_until: datetime | None
    asked_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None
    page_key: str
    page_url: str
    page_title: str


class NewSubscription(NamedTuple):
    """A subscription to store; it is confirmed from the start if `confirmed_at` is set."""

    site_id: int
    page_id: int
    comment_id: int | None
    kind: Kind
    email: str
    seed: str
    asked_at: datetime
    confirmed_at: datetime | None = None


_table = subscription.c
_LIVE = _table.state != State.ENDED
_other = alias(subscription).c
_SUBSCRIPTIONS = select(
    *(_table[name] for name in Subscription._fields[:13]),
    page.c.key.label("page_key"),
    page.c.url.label("page_url"),
    page.c.title.label("page_title"),
).join(page, page.c.id == _table.page_id)


def add(connection: Connection, new: NewSubscription) -> int:
    """Store a subscription; return its row id."""
    state = State.ASKED if new.confirmed_at is None else State.CONFIRMED
    values = new._asdict() | {
        "folded": fold(new.email),
        "mailbox": mailbox(new.email),
        "state": state,
    }
    query = insert(subscription).values(**values).returning(_table.id)
    return int(connection.execute(query).scalar_one())


def of_address(connection: Connection, page_id: int, email: str) -> list[Subscription]:
    """Return the asked and confirmed subscriptions of an address to a page, oldest first."""
    query = _SUBSCRIPTIONS.where(_table.page_id == page_id, _table.mailbox == mailbox(email), _LIVE)
    return [Subscription._make(row) for row in connection.execute(query.order_by(_table.id))]


def of_reply(connection: Connection, public_id: str) -> list[Subscription]:
    """Return the subscriptions made with that reply or on its status page, newest first."""
    mine = select(comment.c.id).where(comment.c.public_id == public_id).scalar_subquery()
    query = _SUBSCRIPTIONS.where(_table.comment_id == mine).order_by(_table.id.desc())
    return [Subscription._make(row) for row in connection.execute(query)]


def by_confirm_hash(connection: Connection, confirm_hash: str) -> Subscription | None:
    """Return the subscription whose confirmation mail has the token with this hash, or None."""
    row = connection.execute(_SUBSCRIPTIONS.where(_table.confirm_hash == confirm_hash)).first()
    return Subscription._make(row) if row else None


def by_seed(connection: Connection, seed: str) -> Subscription | None:
    """Return the subscription with the unsubscribe link of this seed, in any state, or None."""
    row = connection.execute(_SUBSCRIPTIONS.where(_table.seed == seed)).first()
    return Subscription._make(row) if row else None


def question(
    connection: Connection,
    page_id: int,
    email: str,
    row_id: int,
    confirm_hash: str,
    until: datetime,
) -> None:
    """Store the token of a confirmation mail; earlier ones for the address and page expire."""
    open_ones = (_table.page_id == page_id) & (_table.mailbox == mailbox(email))
    connection.execute(
        update(subscription)
        .where(open_ones, _table.state == State.ASKED)
        .values(confirm_hash=None, confirm_until=None)
    )
    connection.execute(
        update(subscription)
        .where(_table.id == row_id)
        .values(confirm_hash=confirm_hash, confirm_until=until)
    )


def confirm(connection: Connection, row_ids: Sequence[int], now: datetime) -> None:
    """Confirm those of the subscriptions that are in state "asked"."""
    query = update(subscription).where(_table.id.in_(row_ids), _table.state == State.ASKED)
    connection.execute(query.values(state=State.CONFIRMED, confirmed_at=now))


def end(
    connection: Connection,
    site_id: int,
    email: str,
    now: datetime,
    *,
    page_id: int | None = None,
    comment_id: int | None = None,
) -> int:
    """End the subscriptions of an address: all, those of a page, or those made with a reply.

    Returns how many were ended.
    """
    which: list[ColumnElement[bool]] = [
        _table.site_id == site_id, _table.mailbox == mailbox(email), _LIVE
    ]  # fmt: skip
    if page_id is not None:
        which.append(_table.page_id == page_id)
    if comment_id is not None:
        which.append(_table.comment_id == comment_id)
    query = update(subscription).where(*which).values(state=State.ENDED, ended_at=now)
    return connection.execute(query).rowcount


def counts(connection: Connection, page_ids: Sequence[int]) -> dict[int, int]:
    """Return how many addresses follow each of the pages."""
    query = (
        select(_table.page_id, func.count(_table.mailbox.distinct()))
        .where(_table.page_id.in_(page_ids), _table.state == State.CONFIRMED)
        .group_by(_table.page_id)
    )
    found = {row[0]: row[1] for row in connection.execute(query)}
    return {page_id: found.get(page_id, 0) for page_id in page_ids}


def prune(connection: Connection, before: datetime) -> None:
    """Delete subscriptions that ended before that time, or were never confirmed until then.

    An ended one is kept while the address has another subscription to the page, because the
    unsubscribe link of an older mail must be able to end that one.
    """
    too_late = or_(_table.confirm_until < before, _table.confirm_until.is_(None))
    never = (_table.state == State.ASKED) & (_table.asked_at < before) & too_late
    since = or_(_other.state != State.ENDED, _other.ended_at >= before)
    ended = (_table.state == State.ENDED) & (_table.ended_at < before) & ~_same(since)
    connection.execute(delete(subscription).where(or_(never, ended)))


def _same(which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the address has a subscription to the same page that meets the condition."""
    same = (_other.page_id == _table.page_id) & (_other.mailbox == _table.mailbox)
    return exists().where(same, which)


def forget_reply(connection: Connection, site_id: int, comment_id: int, email: str) -> None:
    """Delete the subscriptions made with an erased reply.

    If no other reply has the author's address, everything about that address is deleted, with the
    mail to it. A subscription whose links were mailed is kept as ended while the address has
    another subscription to the page.
    """
    others = (
        select(contact.c.email)
        .distinct()
        .where(contact.c.folded == fold(email), contact.c.comment_id != comment_id)
    )
    owner = mailbox(email)
    if all(mailbox(other) != owner for other in connection.execute(others).scalars()):
        forget_address(connection, site_id, email)
    mine = _table.comment_id == comment_id
    live = (_other.state != State.ENDED) & _other.comment_id.is_distinct_from(comment_id)
    connection.execute(
        update(subscription)
        .where(mine, _table.state != State.ASKED, _same(live))
        .values(
            comment_id=None,
            state=State.ENDED,
            ended_at=func.coalesce(_table.ended_at, _table.confirmed_at, _table.asked_at),
            confirm_hash=None,
            confirm_until=None,
        )
    )
    connection.execute(delete(subscription).where(mine))


def forget_address(connection: Connection, site_id: int, email: str) -> None:
    """Delete all subscriptions of an address, and the mail about them."""
    theirs = (_table.site_id == site_id, _table.mailbox == mailbox(email))
    # In all spellings that were typed: `lower` in the database may fold ASCII only.
    typed = {email, *connection.execute(select(_table.email).where(*theirs)).scalars()}
    connection.execute(delete(subscription).where(*theirs))
    connection.execute(
        delete(outbox).where(
            outbox.c.site_id == site_id,
            outbox.c.kind.in_([ASK, NEWS]),
            func.lower(outbox.c.to_address).in_([func.lower(one) for one in sorted(typed)]),
        )
    )
