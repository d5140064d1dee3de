"""Who follows a discussion by mail. Private: nothing that goes public is read from here."""

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

# The kinds of mail that followers get: the question whether they agree, and news.
ASK, NEWS = "follow", "news"


class Kind(StrEnum):
    """What a follower is told of."""

    ALL = "all"
    REPLIES = "replies"


class State(StrEnum):
    """Where a subscription stands."""

    ASKED = "asked"
    CONFIRMED = "confirmed"
    ENDED = "ended"


class Subscription(NamedTuple):
    """One wish to be told, with its page; `mailbox` is the same for all addresses of one owner."""

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
    """A wish as it is stored; confirmed at once where `confirmed_at` is set."""

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
    """Store a wish; return its row id."""
    state = State.ASKED if new.confirmed_at is None else State.CONFIRMED
    values = new._asdict() | {
        "folded": fold(new.email),
        "mailbox": mailbox(new.email),
        "state": state,
    }
    query = insert(subscription).values(**values).returning(_table.id)
    return int(connection.execute(query).scalar_one())


def of_address(connection: Connection, page_id: int, email: str) -> list[Subscription]:
    """Return what this address follows, or was asked about, on one page; the oldest first."""
    query = _SUBSCRIPTIONS.where(_table.page_id == page_id, _table.mailbox == mailbox(email), _LIVE)
    return [Subscription._make(row) for row in connection.execute(query.order_by(_table.id))]


def of_reply(connection: Connection, public_id: str) -> list[Subscription]:
    """Return what was asked for with that reply or on its status page; the newest first."""
    mine = select(comment.c.id).where(comment.c.public_id == public_id).scalar_subquery()
    query = _SUBSCRIPTIONS.where(_table.comment_id == mine).order_by(_table.id.desc())
    return [Subscription._make(row) for row in connection.execute(query)]


def by_confirm_hash(connection: Connection, confirm_hash: str) -> Subscription | None:
    """Return the subscription whose mailed question has this token, or None."""
    row = connection.execute(_SUBSCRIPTIONS.where(_table.confirm_hash == confirm_hash)).first()
    return Subscription._make(row) if row else None


def by_seed(connection: Connection, seed: str) -> Subscription | None:
    """Return the subscription that this link ends, whatever its state, or None."""
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
    """Record the question that is mailed about a subscription; earlier ones are worth nothing."""
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
    """Confirm what was asked."""
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
    """End what this address follows: all of it, on one page, or asked with one reply."""
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
    """Forget what ended before that time, and what was asked before it and never confirmed.

    What ended stays while the address follows the page by another wish: the link of an older mail
    must be able to end that one.
    """
    too_late = or_(_table.confirm_until < before, _table.confirm_until.is_(None))
    never = (_table.state == State.ASKED) & (_table.asked_at < before) & too_late
    since = or_(_other.state != State.ENDED, _other.ended_at >= before)
    ended = (_table.state == State.ENDED) & (_table.ended_at < before) & ~_same(since)
    connection.execute(delete(subscription).where(or_(never, ended)))


def _same(which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the address has a wish of that sort on the same page."""
    same = (_other.page_id == _table.page_id) & (_other.mailbox == _table.mailbox)
    return exists().where(same, which)


def forget_reply(connection: Connection, site_id: int, comment_id: int, email: str) -> None:
    """Delete what was asked for with an erased reply.

    Once no other reply has its author's address, all of that address, with the mail to it. Of a
    wish that mailed links the end is kept while the address follows the page by another wish.
    """
    others = (
        select(contact.c.email)
        .distinct()
        .where(contact.c.folded == fold(email), contact.c.comment_id != comment_id)
    )
    owner = mailbox(email)
    if all(mailbox(one) != owner for one in connection.execute(others).scalars()):
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
    """Delete all that is kept of an address as a follower's, with the mail to it."""
    theirs = (_table.site_id == site_id, _table.mailbox == mailbox(email))
    # However it was typed: the database may fold ASCII only, and then both sides of a comparison.
    typed = {email, *connection.execute(select(_table.email).where(*theirs)).scalars()}
    connection.execute(delete(subscription).where(*theirs))
    connection.execute(
        delete(outbox).where(
            outbox.c.site_id == site_id,
            outbox.c.kind.in_([ASK, NEWS]),
            func.lower(outbox.c.to_address).in_([func.lower(one) for one in sorted(typed)]),
        )
    )
