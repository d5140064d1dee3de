"""Rate limits that all processes of a service share: token buckets in the database.

A bucket holds as many tokens as its limit allows. Each action takes one, and they are refilled
evenly over the limit's window. The only stored state is the time when the bucket is full again. A
refused action takes no token, so that retrying does not prolong the wait.

Networks are stored as keyed hashes. The caller must have locked the site (`sites.lock`), so that no
two transactions take the same token.
"""

import hashlib
import hmac
import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from comments_service.domain import ip_prefix
from comments_service.domain.errors import TooMany
from comments_service.settings import Settings
from comments_service.store import rate_limits, sites
from comments_service.store.database import Database

logger = logging.getLogger("rejoinder.service")

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_LONGEST = _HOUR
# Factors for the limits of a network around a household (an IPv4 /24, an IPv6 /48).
WIDE_POSTS = 4
WIDE_MAILS = 2


class Limit(NamedTuple):
    """`number` actions within `window`."""

    number: int
    window: timedelta


class Bucket(NamedTuple):
    """A token bucket: a limit of an action, for a household, a wider network, or the site."""

    action: str
    scope: str
    whose: str
    limit: Limit

    def key(self, secret: bytes) -> str:
        """Return the key of the bucket's row, which reveals nothing without the secret."""
        window = int(self.limit.window.total_seconds())
        message = f"rate-limit:{self.action}:{self.scope}:{window}:{self.whose}"
        return hmac.new(secret, message.encode(), hashlib.sha256).hexdigest()


class RateLimited(TooMany):
    """A bucket is empty; `action` and `scope` are the bucket's, for the log."""

    def __init__(self, bucket: Bucket, until: datetime, now: datetime) -> None:
        super().__init__(until, now)
        self.action, self.scope = bucket.action, bucket.scope


class Limits(NamedTuple):
    """The limits of an action: for a household, for the wider network, and for the site."""

    action: str
    household: Sequence[Limit]
    wide: Sequence[Limit]
    site: Sequence[Limit]

    def buckets(self, client: str | None) -> list[Bucket]:
        """Return the buckets for an action of the client at that IP address."""
        scopes = (
            ("network", ip_prefix.household(client), self.household),
            ("wide-network", ip_prefix.wide(client), self.wide),
            ("site", "", self.site),
        )
        return [
            Bucket(self.action, scope, whose, limit)
            for scope, whose, limits in scopes
            for limit in limits
        ]


def for_posts(settings: Settings) -> Limits:
    """Return the limits of posting replies."""
    return Limits(
        "post",
        _posts_of_network(settings, 1),
        _posts_of_network(settings, WIDE_POSTS),
        _limits((settings.site_posts_per_minute, _MINUTE)),
    )


def for_changes(settings: Settings) -> Limits:
    """Return the limits of authors' actions on their replies: edit, remove, ask the editors."""
    wide = _posts_of_network(settings, WIDE_POSTS)
    return Limits("change", _posts_of_network(settings, 1), wide, [])


def for_mail(settings: Settings) -> Limits:
    """Return the limits of mail that anybody can cause, such as links that confirm an address."""
    return Limits(
        "mail",
        _limits((settings.mails_per_hour, _HOUR)),
        _limits((settings.mails_per_hour * WIDE_MAILS, _HOUR)),
        _limits((settings.site_mails_per_hour, _HOUR)),
    )


def _posts_of_network(settings: Settings, factor: int) -> list[Limit]:
    return _limits(
        (settings.posts_per_minute * factor, _MINUTE),
        (settings.posts_per_hour * factor, _HOUR),
    )


def _limits(*pairs: tuple[int, timedelta]) -> list[Limit]:
    # 0 in the settings means no limit.
    return [Limit(number, window) for number, window in pairs if number]


class Counting:
    """The buckets of one transaction: read once, changed in memory, written once by `save`."""

    def __init__(self, connection: Connection, secret: bytes, buckets: Iterable[Bucket]) -> None:
        self._connection = connection
        self._keys = {bucket: bucket.key(secret) for bucket in buckets}
        self._stored = rate_limits.find(connection, self._keys.values()) if self._keys else {}
        self._changed: dict[str, datetime] = {}

    def take(self, buckets: Sequence[Bucket], now: datetime) -> None:
        """Take a token from each bucket; if one is empty, take none and raise `RateLimited`."""
        after = {bucket: self._full_at(bucket, now) + _step(bucket.limit) for bucket in buckets}
        waits = {bucket: full - bucket.limit.window for bucket, full in after.items()}
        if waits:
            worst = max(waits, key=lambda bucket: waits[bucket])
            if waits[worst] > now:
                raise RateLimited(worst, waits[worst], now)
        self._changed |= {self._keys[bucket]: full for bucket, full in after.items()}

    def save(self) -> None:
        """Store the changed buckets."""
        new = {key: at for key, at in self._changed.items() if key not in self._stored}
        known = {key: at for key, at in self._changed.items() if key in self._stored}
        rate_limits.add(self._connection, new)
        rate_limits.update(self._connection, known)

    def _full_at(self, bucket: Bucket, now: datetime) -> datetime:
        key = self._keys[bucket]
        full = self._changed.get(key) or self._stored.get(key) or now
        # Ignore times further away than a window, written before the clock was set back.
        return full if now < full <= now + bucket.limit.window else now


def log(error: Exception, client: str | None) -> None:
    """Log a rate limit if `error` or its cause is one, with the network but no full address."""
    for one in (error, error.__cause__):
        if isinstance(one, RateLimited):
            where = ip_prefix.kept(client, "prefix") or "-"
            logger.warning(
                "event=rate-limited action=%s scope=%s network=%s", one.action, one.scope, where
            )


def _step(limit: Limit) -> timedelta:
    # Rounded down, so that the bucket holds the whole number.
    return limit.window // limit.number


def take(connection: Connection, secret: bytes, buckets: Sequence[Bucket], now: datetime) -> None:
    """Take a token from each bucket, in the caller's transaction. Raises `RateLimited`."""
    if buckets:
        sites.lock(connection)
        counting = Counting(connection, secret, buckets)
        counting.take(buckets, now)
        counting.save()


def count(db: Database, secret: bytes, buckets: Sequence[Bucket], *, now: datetime) -> None:
    """Take a token from each bucket, in its own transaction. Raises `RateLimited`."""
    if buckets:
        with db.write() as connection:
            take(connection, secret, buckets, now)


def forget_old(db: Database, *, now: datetime) -> None:
    """Delete the rows of full buckets; writes nothing if there are none."""
    # Also rows with impossible times, written before the clock was set back.
    with db.read() as connection:
        due = rate_limits.any_outside(connection, now, now + _LONGEST)
    if due:
        with db.write() as connection:
            rate_limits.forget_outside(connection, now, now + _LONGEST)
