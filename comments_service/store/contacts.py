"""Queries about authors' email addresses and networks. Private: never read for public output."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, literal, select, update

from comments_service.domain.email_address import fold
from comments_service.store.tables import comment, contact, subscription

_BATCH = 500


class Contact(NamedTuple):
    """A reader's email address, and the public id of the reply that came with it.

    For a follower without a reply, `reply` is "".
    """

    email: str
    reply: str


class Origin(NamedTuple):
    """The stored IP address or network of a reply, and the reply's public id."""

    network: str
    reply: str


# One reply per network, because a network may have thousands.
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
    """Yield the stored contacts of the addresses, which are given as `fold` values."""
    wanted = sorted(addresses)
    for start in range(0, len(wanted), _BATCH):
        batch = wanted[start : start + _BATCH]
        query = _CONTACTS.where(contact.c.folded.in_(batch))
        seen = set()
        for row in connection.execute(query):
            seen.add(fold(row.email))
            yield Contact(*row)
        rest = [address for address in batch if address not in seen]
        for row in connection.execute(_FOLLOWERS.where(subscription.c.folded.in_(rest))):
            yield Contact(*row)


def with_networks(connection: Connection, networks: Collection[str]) -> Iterator[Origin]:
    """Yield one reply for each of the networks or IP addresses that occur, written as stored."""
    wanted = sorted(networks)
    for start in range(0, len(wanted), _BATCH):
        query = _ORIGINS.where(contact.c.network.in_(wanted[start : start + _BATCH]))
        for row in connection.execute(query):
            yield Origin(*row)


def everyone(connection: Connection) -> Iterator[Contact]:
    """Yield every contact; rows are fetched in batches."""
    for query in (_CONTACTS, _FOLLOWERS):
        for row in connection.execution_options(yield_per=1000).execute(query):
            yield Contact(*row)


class Given(NamedTuple):
    """The email address of a reply, when it was confirmed, and the IP address or network."""

    email: str
    verified_at: datetime | None
    network: str | None


def given(connection: Connection, public_id: str) -> Given | None:
    """Return the contact data of a reply, or None if there is no such reply."""
    query = select(contact.c.email, contact.c.verified_at, contact.c.network).join(
        comment, comment.c.id == contact.c.comment_id
    )
    row = connection.execute(query.where(comment.c.public_id == public_id)).first()
    return Given._make(row) if row else None


def stand_for(connection: Connection, public_id: str, fingerprint: str) -> None:
    """Set the fingerprint by which a resent reply is recognized; "" for none."""
    of_reply = select(comment.c.id).where(comment.c.public_id == public_id).scalar_subquery()
    connection.execute(
        update(contact).where(contact.c.comment_id == of_reply).values(fingerprint=fingerprint)
    )


def verify(connection: Connection, public_id: str, now: datetime) -> None:
    """Record that the reply's author confirmed the address, unless that is recorded already."""
    of_reply = select(comment.c.id).where(comment.c.public_id == public_id).scalar_subquery()
    connection.execute(
        update(contact)
        .where(contact.c.comment_id == of_reply, contact.c.verified_at.is_(None))
        .values(verified_at=now)
    )


def with_network(
    connection: Connection, *, submitted_before: datetime | None, full_only: bool, limit: int
) -> list[tuple[int, str]]:
    """Return (row id of the reply, network) of up to `limit` contacts that have a network.

    `full_only` leaves out those with only a prefix.
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
    """Replace the stored network of a reply, by a prefix or None."""
    connection.execute(
        update(contact).where(contact.c.comment_id == comment_id).values(network=network)
    )
