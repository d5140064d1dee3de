"""Throttling of sign-in attempts, against guessing of passwords and codes.

Every attempt is counted before it is checked, so that concurrent attempts are all counted. A
successful one is removed again. Attempts for unknown accounts are counted in the same way.

A browser with a device cookie (`known_browser`) has only its own counter. Only somebody who stole
the cookie could use that up: from the same network, or at the second factor if they have the
password too. All other browsers share counters by network and by account. Each one-time link has
its own counter for codes.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from comments_service.domain import ip_prefix
from comments_service.domain.errors import TooMany
from comments_service.services.auth import keyed
from comments_service.store import login_attempts
from comments_service.store.database import Database


class Limit(NamedTuple):
    """`free` attempts within `window` without a wait; the wait doubles with each further one."""

    free: int
    window: timedelta


_QUARTER = timedelta(minutes=15)
_HOUR = timedelta(hours=1)
# For one account, from one network or one browser with a device cookie.
ACCOUNT = Limit(5, _QUARTER)
# For one account, from all other browsers; only attacks from many networks reach it.
EVERYWHERE = Limit(200, _HOUR)
# For all accounts. Many people can share an IP address, and even more a provider's network.
NETWORK = Limit(20, _QUARTER)
WIDE_NETWORK = Limit(100, _QUARTER)
# For codes. There are only a million, so wrong ones count for a day, or until a right one.
CODE = Limit(5, timedelta(days=1))

FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = _QUARTER
_REMEMBERED = max(one.window for one in (ACCOUNT, EVERYWHERE, NETWORK, WIDE_NETWORK, CODE))
# Interval of deleting old attempts.
FORGET_SECONDS = 600


class Counter(NamedTuple):
    """A counter of attempts. A successful attempt resets the `own` counters."""

    name: str
    limit: Limit
    own: bool = False


class Attempt(NamedTuple):
    """An attempt that was counted and may be checked: keys of its own counters, ids of its rows."""

    own: list[str]
    rows: list[int]


def for_password(account: str, client: str | None, browser: str | None) -> list[Counter]:
    """Return the counters of a password at sign-in.

    `account` is the email address that was typed, `client` the IP address, and `browser` the id
    from the device cookie, if it is valid for this account.
    """
    where = ip_prefix.household(client)
    if browser is not None:
        # By network as well, so that a stolen cookie in another network has another counter.
        return [Counter(f"browser:{browser}:{where}:{account}", ACCOUNT, own=True)]
    return [
        Counter(f"account:{account}:{where}", ACCOUNT, own=True),
        Counter(f"account:{account}", EVERYWHERE),
        *_networks(client),
    ]


def for_code(
    editor_id: int,
    client: str | None,
    browser: str | None,
    *,
    link: str | None = None,
    recovery: bool = False,
) -> list[Counter]:
    """Return the counters of a code of a second factor, which follows a password or a link.

    `client` and `browser` are as for `for_password`, `link` is the hash of a one-time link.
    Recovery codes (`recovery`) and codes of the app have separate counters.
    """
    kind = "recovery" if recovery else "code"
    if link is not None:
        # Only admins and the operator can create links, so each link can have its own attempts.
        return [Counter(f"{kind}:link:{link}", CODE, own=True)]
    if browser is not None:
        # Not by network: somebody with cookie and password must not get five attempts in each.
        return [Counter(f"{kind}:{editor_id}:{browser}", CODE, own=True)]
    if recovery:
        # By network: 16 digits cannot be guessed from any number of networks, and with one counter
        # for all, somebody with the password could block the editor's recovery codes.
        where = ip_prefix.household(client)
        return [Counter(f"{kind}:{editor_id}:{where}", CODE, own=True), *_networks(client)]
    return [Counter(f"{kind}:{editor_id}", CODE, own=True), *_networks(client)]


def for_session(editor_id: int, session_id: str) -> list[Counter]:
    """Return the counters of the password that a signed-in editor has to confirm."""
    return [Counter(f"confirm:{editor_id}:{session_id}", ACCOUNT, own=True)]


def _networks(client: str | None) -> list[Counter]:
    return [
        Counter(f"network:{ip_prefix.household(client)}", NETWORK),
        Counter(f"wide:{ip_prefix.wide(client)}", WIDE_NETWORK),
    ]


def attempt(db: Database, secret: bytes, counters: Sequence[Counter], *, now: datetime) -> Attempt:
    """Count an attempt. If it has to wait, it is not counted, and `TooMany` is raised."""
    keys = {keyed(secret, "attempt:" + counter.name): counter for counter in counters}
    with db.write() as connection:
        _forget(connection, now)
        until = max(_free_at(connection, key, one.limit, now) for key, one in keys.items())
        if until > now:
            raise TooMany(until, now)
        rows = login_attempts.add(connection, list(keys), now)
    return Attempt([key for key, one in keys.items() if one.own], rows)


def forget_old(db: Database, *, now: datetime) -> None:
    """Delete attempts that no limit counts any more; writes nothing if there are none."""
    with db.read() as connection:
        due = login_attempts.any_outside(connection, now - _REMEMBERED, now + _REMEMBERED)
    if due:
        with db.write() as connection:
            _forget(connection, now)


def _forget(connection: Connection, now: datetime) -> None:
    # Also attempts far in the future, written before the clock was set back.
    login_attempts.forget_outside(connection, now - _REMEMBERED, now + _REMEMBERED)


def good(db: Database, done: Attempt) -> None:
    """Delete a successful attempt, and the failed ones under its own counters."""
    with db.write() as connection:
        login_attempts.forget(connection, done.own, done.rows)


def withdraw(db: Database, uncounted: Attempt) -> None:
    """Delete an attempt that was counted but not checked."""
    with db.write() as connection:
        login_attempts.forget(connection, [], uncounted.rows)


def _free_at(connection: Connection, key: str, limit: Limit, now: datetime) -> datetime:
    number, last = login_attempts.recent(connection, key, since=now - limit.window, until=now)
    if last is None or number < limit.free:
        return now
    # 30 seconds, then 1, 2, 4, 8 and at most 15 minutes.
    wait: timedelta = FIRST_WAIT * 2 ** min(number - limit.free, 10)
    return last + min(wait, LONGEST_WAIT)
