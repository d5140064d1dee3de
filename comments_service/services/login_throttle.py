"""Slows down guessing of passwords and codes.

Every attempt is counted before it is checked, so that a hundred attempts at once are a hundred, and
a successful one is removed again. Accounts that do not exist are counted in the same way.

A browser in which the editor has signed in before (`known_browser`) has a counter of its own and no
other. Only a thief of its cookie can use that up: from the same network, or at the second factor if
the thief has the password too. All other browsers share counters by network and by account. Each
one-time link has its own counter for codes.
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
    """`free` attempts within `window`; each further one has to wait, longer each time."""

    free: int
    window: timedelta


_QUARTER = timedelta(minutes=15)
_HOUR = timedelta(hours=1)
# One account from one network, or from one known browser.
ACCOUNT = Limit(5, _QUARTER)
# One account from all unknown browsers together: only an attack from many networks gets there.
EVERYWHERE = Limit(200, _HOUR)
# Any accounts. Many people can share an address, and more of them a provider's network.
NETWORK = Limit(20, _QUARTER)
WIDE_NETWORK = Limit(100, _QUARTER)
# An app has only a million codes of six digits: wrong ones count for a day, or until a right one.
CODE = Limit(5, timedelta(days=1))

FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = _QUARTER
_REMEMBERED = max(one.window for one in (ACCOUNT, EVERYWHERE, NETWORK, WIDE_NETWORK, CODE))
# How often the service deletes old attempts, so that each is gone a day after its window.
FORGET_SECONDS = 600


class Counter(NamedTuple):
    """What attempts are counted under. A success sets the `own` counters back to zero."""

    name: str
    limit: Limit
    own: bool = False


class Attempt(NamedTuple):
    """An attempt that was counted and may be checked now: its rows, and the keys to clear."""

    own: list[str]
    rows: list[int]


def for_password(account: str, client: str | None, browser: str | None) -> list[Counter]:
    """Return the counters of a password at sign-in.

    `account` is the address that was typed, `client` the address of the client, and `browser` the
    id of a browser that is known for this account.
    """
    where = ip_prefix.household(client)
    if browser is not None:
        # By network as well: a thief of the cookie in another network uses up another counter.
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
    """Return the counters of a code of a second factor; asked for after a password or a link only.

    `client` and `browser` are those of `for_password`, `link` is the hash of a one-time link.
    `recovery` tells recovery codes from those of the app, which never share a counter.
    """
    kind = "recovery" if recovery else "code"
    if link is not None:
        # Only who runs the site, or an admin, makes links: each one may have its own attempts.
        return [Counter(f"{kind}:link:{link}", CODE, own=True)]
    if browser is not None:
        # Not by network: a thief who has the password too must not get five codes in each.
        return [Counter(f"{kind}:{editor_id}:{browser}", CODE, own=True)]
    if recovery:
        # By network: 16 digits are not guessed from any number of networks, and one counter for all
        # would let somebody with the password keep the editor from a recovery code.
        where = ip_prefix.household(client)
        return [Counter(f"{kind}:{editor_id}:{where}", CODE, own=True), *_networks(client)]
    return [Counter(f"{kind}:{editor_id}", CODE, own=True), *_networks(client)]


def for_session(editor_id: int, session_id: str) -> list[Counter]:
    """Return the counters of the password that a signed-in editor is asked for."""
    return [Counter(f"confirm:{editor_id}:{session_id}", ACCOUNT, own=True)]


def _networks(client: str | None) -> list[Counter]:
    return [
        Counter(f"network:{ip_prefix.household(client)}", NETWORK),
        Counter(f"wide:{ip_prefix.wide(client)}", WIDE_NETWORK),
    ]


def attempt(db: Database, secret: bytes, counters: Sequence[Counter], *, now: datetime) -> Attempt:
    """Count an attempt. Raises `TooMany` while it has to wait, and does not count it then."""
    keys = {keyed(secret, "attempt:" + one.name): one for one in counters}
    with db.write() as connection:
        _forget(connection, now)
        until = max(_free_at(connection, key, one.limit, now) for key, one in keys.items())
        if until > now:
            raise TooMany(until, now)
        rows = login_attempts.add(connection, list(keys), now)
    return Attempt([key for key, one in keys.items() if one.own], rows)


def forget_old(db: Database, *, now: datetime) -> None:
    """Delete attempts that no limit counts any more; writes nothing when there are none."""
    with db.read() as connection:
        due = login_attempts.any_outside(connection, now - _REMEMBERED, now + _REMEMBERED)
    if due:
        with db.write() as connection:
            _forget(connection, now)


def _forget(connection: Connection, now: datetime) -> None:
    # Those of a far future were written before the clock was set back.
    login_attempts.forget_outside(connection, now - _REMEMBERED, now + _REMEMBERED)


def good(db: Database, done: Attempt) -> None:
    """Delete a successful attempt, and the failed ones under its own counters."""
    with db.write() as connection:
        login_attempts.forget(connection, done.own, done.rows)


def withdraw(db: Database, uncounted: Attempt) -> None:
    """Delete an attempt that was counted and then not checked."""
    with db.write() as connection:
        login_attempts.forget(connection, [], uncounted.rows)


def _free_at(connection: Connection, key: str, limit: Limit, now: datetime) -> datetime:
    number, last = login_attempts.recent(connection, key, since=now - limit.window, until=now)
    if last is None or number < limit.free:
        return now
    # 30 seconds, a minute, two, four, eight; then a quarter of an hour, and never longer.
    wait: timedelta = FIRST_WAIT * 2 ** min(number - limit.free, 10)
    return last + min(wait, LONGEST_WAIT)
