"""Private contact data. Nothing that goes public is read from here."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, literal, select, update

from comments_service.domain.email_address import fold
from comments_service.store.tables import comment, contact, subscription

_BATCH = 500


class Contact(NamedTuple):
    """A reader's address, and the public id of the reply that it was given with.

    Of somebody who follows a discussion, the reply is "".
    """

    email: str
    reply: str


class Origin(NamedTuple):
    """Where a reply came from, as far as that is kept, and the reply's public id."""

    network: str
    reply: str


# One reply is enough, and a network may have thousands.
_ORIGINS = (
    select(contact.c.network, func.min(comment.c.public_id))
    .join(comment, comment.c.id == contact.c.comment_id)
    .group_by(contact.c.network)
)
_CONTACTS = select(contact.c.email, comment.c.public_id).join(
    comment, comment.c.id == contact.c.comment_id
)


_FOLLOWERS = select(subscription.c.email, literal("")).distinct()


def with_addresses(connection: Connection, addresses: Collection[str]) -> Iterator[Contact]:
    """Yield a contact for each of the addresses, given as `fold` makes them, that is stored."""
    wanted = sorted(addresses)
    for start in range(0, len(wanted), _BATCH):
        batch = wanted[start : start + _BATCH]
        query = _CONTACTS.where(contact.c.folded.in_(batch))
        known = set()
        for row in connection.execute(query):
            known.add(fold(row.email))
            yield Contact(*row)
        rest = [one for one in batch if one not in known]
        for row in connection.execute(_FOLLOWERS.where(subscription.c.folded.in_(rest))):
            yield Contact(*row)


def with_networks(connection: Connection, networks: Collection[str]) -> Iterator[Origin]:
    """Yield a reply for each of the networks or addresses, written as stored, that is stored."""
    wanted = sorted(networks)
    for start in range(0, len(wanted), _BATCH):
        query = _ORIGINS.where(contact.c.network.in_(wanted[start : start + _BATCH]))
        for row in connection.execute(query):
            yield Origin(*row)


def everyone(connection: Connection) -> Iterator[Contact]:
    """Yield every contact, a few at a time."""
    for query in (_CONTACTS, _FOLLOWERS):
        for row in connection.execution_options(yield_per=1000).execute(query):
            yield Contact(*row)


class Given(NamedTuple):
    """The address that a reply came with, since when it is its author's, and the network."""

    email: str
    verified_at: datetime | None
    network: str | None


def given(connection: Connection, public_id: str) -> Given | None:
    """Return the address of that reply's author, or None if there is no such reply."""
    query = select(contact.c.email, contact.c.verified_at, contact.c.network).join(
        comment, comment.c.id == contact.c.comment_id
    )
    row = connection.execute(query.where(comment.c.public_id == public_id)).first()
    return Given._make(row) if row else None


def stand_for(connection: Connection, public_id: str, fingerprint: str) -> None:
    """Let a resend of this fingerprint lead to the reply; with "" none does any more."""
    of_reply = select(comment.c.id).where(comment.c.public_id == public_id).scalar_subquery()
    connection.execute(
        update(contact).where(contact.c.comment_id == of_reply).values(fingerprint=fingerprint)
    )


def verify(connection: Connection, public_id: str, now: datetime) -> None:
    """Record that the reply's author owns the address, if that was not known before."""
    of_reply = select(comment.c.id).where(comment.c.public_id == public_id).scalar_subquery()
    connection.execute(
        update(contact)
        .where(contact.c.comment_id == of_reply, contact.c.verified_at.is_(None))
        .values(verified_at=now)
    )


def with_network(
    connection: Connection, *, submitted_before: datetime | None, full_only: bool, limit: int
) -> list[tuple[int, str]]:
    """Return (row id of the reply, network) of up to `limit` contacts that still have one.

    `full_only` leaves out those of which only a prefix is kept.
    """
    query = (
        select(contact.c.comment_id, contact.c.network)
        .where(contact.c.network.is_not(None))
        .limit(limit)
    )
    if submitted_before is not None:
        query = query.join(comment, comment.c.id == contact.c.comment_id)
        query = query.where(comment.c.submitted_at < submitted_before)
    if full_only:
        query = query.where(contact.c.network.not_like("%/%"))
    return [(row.comment_id, row.network) for row in connection.execute(query)]


def set_network(connection: Connection, comment_id: int, network: str | None) -> None:
    """Keep less of where a reply came from, or nothing."""
    connection.execute(
        update(contact).where(contact.c.comment_id == comment_id).values(network=network)
    )
