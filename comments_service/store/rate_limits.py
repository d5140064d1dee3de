"""Queries about the buckets of rate limits that all processes share.

Callers must have locked the site's row.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    delete,
    exists,
    insert,
    or_,
    select,
)
from sqlalchemy import update as update_rows

from comments_service.store.tables import rate_limit

# Used for every submission, so they are built once: building one costs more than running it.
_FIND = select(rate_limit.c.key, rate_limit.c.full_at).where(
    rate_limit.c.key.in_(bindparam("keys", expanding=True))
)
_ADD = insert(rate_limit)
_UPDATE = (
    update_rows(rate_limit)
    .where(rate_limit.c.key == bindparam("of_key"))
    .values(full_at=bindparam("at"))
)


def find(connection: Connection, keys: Iterable[str]) -> dict[str, datetime]:
    """Return the time when each stored bucket is full again, by key."""
    rows = connection.execute(_FIND, {"keys": list(keys)})
    return {row.key: row.full_at for row in rows}


def add(connection: Connection, full_at: Mapping[str, datetime]) -> None:
    """Insert buckets."""
    if full_at:
        rows = [{"key": key, "full_at": at} for key, at in full_at.items()]
        connection.execute(_ADD, rows)


def update(connection: Connection, full_at: Mapping[str, datetime]) -> None:
    """Update stored buckets."""
    if full_at:
        rows = [{"of_key": key, "at": at} for key, at in full_at.items()]
        connection.execute(_UPDATE, rows)


def any_outside(connection: Connection, first: datetime, last: datetime) -> bool:
    """Return whether a bucket is full again by `first`, or only after `last`."""
    query = select(exists().where(_outside(first, last)))
    return bool(connection.execute(query).scalar_one())


def forget_outside(connection: Connection, first: datetime, last: datetime) -> None:
    """Delete the buckets that are full again by `first`, or only after `last`."""
    connection.execute(delete(rate_limit).where(_outside(first, last)))


def _outside(first: datetime, last: datetime) -> ColumnElement[bool]:
    return or_(rate_limit.c.full_at <= first, rate_limit.c.full_at > last)
