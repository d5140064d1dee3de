"""Queries about failed and unfinished sign-in attempts, stored under keyed hashes."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, exists, func, insert, or_, select

from comments_service.store.tables import sign_in_failure


class Recent(NamedTuple):
    """Number of attempts, and the time of the last one."""

    number: int
    last: datetime | None


def recent(connection: Connection, key: str, *, since: datetime, until: datetime) -> Recent:
    """Count the attempts under that key after `since` and not after `until`.

    `until` excludes attempts in the future, which were stored before the clock was set back.
    """
    query = select(func.count(), func.max(sign_in_failure.c.at)).where(
        sign_in_failure.c.key == key,
        sign_in_failure.c.at > since,
        sign_in_failure.c.at <= until,
    )
    number, last = connection.execute(query).one()
    return Recent(number, last)


def add(connection: Connection, keys: Collection[str], at: datetime) -> list[int]:
    """Store one attempt under each key; return the rows' ids."""
    new = insert(sign_in_failure).returning(sign_in_failure.c.id)
    return [connection.execute(new.values(key=key, at=at)).scalar_one() for key in keys]


def forget(connection: Connection, keys: Collection[str], ids: Collection[int]) -> None:
    """Delete every attempt under those keys, and those rows."""
    mine = or_(sign_in_failure.c.key.in_(keys), sign_in_failure.c.id.in_(ids))
    connection.execute(delete(sign_in_failure).where(mine))


def any_outside(connection: Connection, first: datetime, last: datetime) -> bool:
    """Return whether an attempt is dated `first` or earlier, or after `last`."""
    query = select(exists().where(_outside(first, last)))
    return bool(connection.execute(query).scalar_one())


def forget_outside(connection: Connection, first: datetime, last: datetime) -> None:
    """Delete the attempts dated `first` or earlier, and those after `last`."""
    connection.execute(delete(sign_in_failure).where(_outside(first, last)))


def _outside(first: datetime, last: datetime) -> ColumnElement[bool]:
    return or_(sign_in_failure.c.at <= first, sign_in_failure.c.at > last)
