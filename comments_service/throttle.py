"""Slows guessing down: every attempt is counted before it is looked at, and a good one forgotten.

Counted first, so that a hundred attempts at once are a hundred. Nothing here knows which accounts
there are: an unknown one is slowed down just the same.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from comments_service.auth import keyed
from comments_service.errors import TooMany
from comments_service.store import attempts
from comments_service.store.database import Database


class Limit(NamedTuple):
    """So many attempts are free within `window`; each further one has to wait, and longer."""

    free: int
    window: timedelta


_QUARTER = timedelta(minutes=15)
ACCOUNT = Limit(5, _QUARTER)
# Many people can share an address.
NETWORK = Limit(20, _QUARTER)
# Six digits are soon tried out: these are remembered until one was right, or for a day.
CODE = Limit(5, timedelta(days=1))

FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = _QUARTER
_REMEMBERED = max(limit.window for limit in (ACCOUNT, NETWORK, CODE))
# How often the service forgets them though nobody tries: so that each is gone a day after its
# window at the latest, also of the shortest window.
FORGET_SECONDS = 600


class Attempt(NamedTuple):
    """One that was counted and may now be looked at."""

    account: str
    rows: list[int]


def attempt(
    db: Database,
    secret: bytes,
    *,
    account: str,
    network: str,
    now: datetime,
    limit: Limit = ACCOUNT,
) -> Attempt:
    """Count an attempt. Raises `TooMany` while it has to wait; what waits is not counted."""
    keys = {
        keyed(secret, "attempt:account:" + account): limit,
        keyed(secret, "attempt:network:" + network): NETWORK,
    }
    with db.write() as connection:
        attempts.forget_before(connection, now - _REMEMBERED)
        until = max(_free_at(connection, key, one, now) for key, one in keys.items())
        if until > now:
            raise TooMany(until, now)
        return Attempt(next(iter(keys)), attempts.add(connection, list(keys), now))


def forget_old(db: Database, *, now: datetime) -> None:
    """Forget what no limit counts any more; writes nothing when there is nothing."""
    with db.read() as connection:
        due = attempts.any_before(connection, now - _REMEMBERED)
    if due:
        with db.write() as connection:
            attempts.forget_before(connection, now - _REMEMBERED)


def good(db: Database, done: Attempt) -> None:
    """Forget that attempt and all of its account's: it was the right one."""
    with db.write() as connection:
        attempts.forget(connection, done.account, done.rows)


def _free_at(connection: Connection, key: str, limit: Limit, now: datetime) -> datetime:
    number, last = attempts.recent(connection, key, now - limit.window)
    if last is None or number < limit.free:
        return now
    # 30 seconds, a minute, two, four, eight; then a quarter of an hour, and never longer.
    wait: timedelta = FIRST_WAIT * 2 ** min(number - limit.free, 10)
    return last + min(wait, LONGEST_WAIT)
