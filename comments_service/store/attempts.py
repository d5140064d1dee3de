"""Attempts to sign in that were not (yet) good, under keyed hashes."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, exists, func, insert, or_, select

from comments_service.tables import sign_in_failure


class Recent(NamedTuple):
    """How many attempts there were, and when the last one was."""

    number: int
    last: datetime | None


def recent(connection: Connection, key: str, since: datetime) -> Recent:
    """Return the attempts under that key after that moment."""
    query = select(func.count(), func.max(sign_in_failure.c.at)).where(
        sign_in_failure.c.key == key, sign_in_failure.c.at > since
    )
    number, last = connection.execute(query).one()
    return Recent(number, last)


def add(connection: Connection, keys: Collection[str], at: datetime) -> list[int]:
    """Store one attempt under each key; return the rows' ids."""
    new = insert(sign_in_failure).returning(sign_in_failure.c.id)
    return [connection.execute(new.values(key=key, at=at)).scalar_one() for key in keys]


def forget(connection: Connection, key: str, ids: Collection[int]) -> None:
    """Forget every attempt under that key, and those rows."""
    mine = or_(sign_in_failure.c.key == key, sign_in_failure.c.id.in_(ids))
    connection.execute(delete(sign_in_failure).where(mine))


def any_before(connection: Connection, moment: datetime) -> bool:
    """Return whether there is anything that is too old to matter."""
    query = select(exists().where(sign_in_failure.c.at <= moment))
    return bool(connection.execute(query).scalar_one())


def forget_before(connection: Connection, moment: datetime) -> None:
    """Forget what is too old to matter."""
    connection.execute(delete(sign_in_failure).where(sign_in_failure.c.at <= moment))
