"""Queries about notification rounds: mailings to the followers of one page.

`news` has one row for each reply to notify about. A reply is mailed once, even if it is hidden and
published again.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    alias,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.sql import FromClause

from comments_service.domain.email_address import mailbox
from comments_service.domain.models import Origin
from comments_service.store.followers import NEWS, Kind, State
from comments_service.store.tables import (
    UTCDateTime,
    comment,
    contact,
    news,
    news_round,
    outbox,
    page,
    subscription,
)
from comments_service.store.visibility import IS_PUBLIC

# Used for every approval, so both are built once.
_NOTE = insert(news).from_select(
    ["page_id", "comment_id", "at"],
    select(comment.c.page_id, comment.c.id, bindparam("now", type_=UTCDateTime)).where(
        comment.c.id == bindparam("of_comment"),
        comment.c.origin != Origin.DEMO,
        exists().where(
            subscription.c.page_id == comment.c.page_id,
            subscription.c.state.in_([State.ASKED, State.CONFIRMED]),
        ),
        ~exists().where(news.c.comment_id == comment.c.id),
    ),
)
_TAKE_BACK = delete(news).where(
    news.c.comment_id == bindparam("of_comment"), news.c.round_id.is_(None)
)


def note(connection: Connection, comment_id: int, now: datetime) -> None:
    """Record that a reply became public, if the page has followers.

    Call it in the transaction that publishes the reply.
    """
    connection.execute(_NOTE, {"of_comment": comment_id, "now": now})


def take_back(connection: Connection, comment_id: int) -> None:
    """Delete the row of a reply that is not public any more, unless a round has it already."""
    connection.execute(_TAKE_BACK, {"of_comment": comment_id})


class Round(NamedTuple):
    """A round that is not complete. `reached` is the last subscription with a mail."""

    id: int
    site_id: int
    page_id: int
    reached: int


class Recipient(NamedTuple):
    """A follower to write a mail for: id of the subscription, and email address."""

    id: int
    email: str


class Told(NamedTuple):
    """A public reply of a round. The author's address is for comparison only, never for output."""

    comment_id: int
    public_id: str
    parent_id: int | None
    author_name: str
    text: str
    submitted_at: datetime
    at: datetime
    author_email: str


def due(connection: Connection, *, settled: datetime, last: datetime) -> list[tuple[int, int]]:
    """Return (site id, page id) of the pages for which a round should begin now.

    These have a new reply that was published by `settled`, no round that began after `last`, and
    no unfinished round.
    """
    busy = exists().where(
        news_round.c.page_id == news.c.page_id,
        or_(news_round.c.begun_at > last, news_round.c.done_at.is_(None)),
    )
    query = (
        select(page.c.site_id, news.c.page_id)
        .join(page, page.c.id == news.c.page_id)
        .where(news.c.round_id.is_(None), ~busy)
        .group_by(page.c.site_id, news.c.page_id)
        .having(func.min(news.c.at) <= settled)
    )
    return [(row.site_id, row.page_id) for row in connection.execute(query)]


def begin(connection: Connection, site_id: int, page_id: int, now: datetime) -> None:
    """Begin a round with all new replies of the page."""
    new = insert(news_round).values(site_id=site_id, page_id=page_id, begun_at=now)
    round_id = connection.execute(new.returning(news_round.c.id)).scalar_one()
    untold = (news.c.page_id == page_id) & news.c.round_id.is_(None)
    connection.execute(update(news).where(untold).values(round_id=round_id))


def going_on(connection: Connection) -> Round | None:
    """Return the oldest unfinished round, or None."""
    columns = [news_round.c[name] for name in Round._fields]
    query = select(*columns).where(news_round.c.done_at.is_(None)).order_by(news_round.c.id)
    row = connection.execute(query.limit(1)).first()
    return Round._make(row) if row else None


def waiting(connection: Connection, most: int) -> int:
    """Return how many notification mails wait in the outbox; counts up to `most`."""
    query = select(outbox.c.id).where(outbox.c.state == "waiting", outbox.c.kind == NEWS)
    return len(connection.execute(query.limit(most)).all())


def recipients(connection: Connection, one: Round, limit: int) -> list[Recipient]:
    """Return the next up to `limit` followers that the round concerns, each mailbox once."""
    parents = (
        select(comment.c.parent_id)
        .join(news, news.c.comment_id == comment.c.id)
        .where(news.c.round_id == one.id, comment.c.parent_id.is_not(None))
    )

    def concerned(whose: FromClause) -> list[ColumnElement[bool]]:
        return [
            whose.c.page_id == one.page_id,
            whose.c.state == State.CONFIRMED,
            or_(whose.c.kind == Kind.ALL, whose.c.comment_id.in_(parents)),
        ]

    other = alias(subscription)
    earlier = exists().where(
        *concerned(other),
        other.c.mailbox == subscription.c.mailbox,
        other.c.id < subscription.c.id,
    )
    query = (
        select(subscription.c.id, subscription.c.email)
        .where(*concerned(subscription), subscription.c.id > one.reached, ~earlier)
        .order_by(subscription.c.id)
        .limit(limit)
    )
    return [Recipient._make(row) for row in connection.execute(query)]


def already(connection: Connection, one: Round, addresses: Sequence[str]) -> set[str]:
    """Return the `mailbox` values of those addresses that have a mail of this round."""
    # `lower` in SQL on both sides, because databases differ in what they fold.
    query = select(outbox.c.to_address).where(
        outbox.c.kind == NEWS,
        outbox.c.cause == str(one.id),
        func.lower(outbox.c.to_address).in_([func.lower(address) for address in addresses]),
    )
    return {mailbox(address) for address in connection.execute(query).scalars()}


def reached(connection: Connection, one: Round, row_id: int) -> None:
    """Store the id of the last subscription for which a mail was written."""
    query = update(news_round).where(news_round.c.id == one.id)
    connection.execute(query.values(reached=row_id))


def done(connection: Connection, one: Round, now: datetime) -> None:
    """Record that the round is complete."""
    connection.execute(update(news_round).where(news_round.c.id == one.id).values(done_at=now))


def page_of(connection: Connection, round_id: int) -> int | None:
    """Return the page id of a round, or None if the page is not registered any more."""
    query = (
        select(page.c.id)
        .join(news_round, news_round.c.page_id == page.c.id)
        .where(news_round.c.id == round_id, page.c.registered)
    )
    return connection.execute(query).scalar()


def told(connection: Connection, round_id: int) -> list[Told]:
    """Return the replies of a round that are public now, in order of submission."""
    query = (
        select(
            comment.c.id,
            comment.c.public_id,
            comment.c.parent_id,
            comment.c.author_name,
            comment.c.text,
            comment.c.submitted_at,
            news.c.at,
            contact.c.email,
        )
        .join(news, news.c.comment_id == comment.c.id)
        .join(contact, contact.c.comment_id == comment.c.id)
        .where(news.c.round_id == round_id, IS_PUBLIC)
        .order_by(comment.c.submitted_at, comment.c.id)
    )
    return [Told._make(row) for row in connection.execute(query)]
