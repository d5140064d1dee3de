"""Counts what one network asks for in a minute. In memory: it keeps work away, it is no record."""

from datetime import datetime, timedelta

from comments_service.errors import TooMany

_MINUTE = timedelta(minutes=1)
# So many networks are counted in one minute.
_REMEMBERED = 10_000


class EachMinute:
    """Lets every network ask `most` times a minute."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._counts: dict[str, int] = {}
        self._until: datetime | None = None

    def count(self, network: str, now: datetime) -> None:
        """Count one more. Raises `TooMany`."""
        if self._until is None or now >= self._until or len(self._counts) >= _REMEMBERED:
            self._until, self._counts = now + _MINUTE, {}
        number = self._counts[network] = self._counts.get(network, 0) + 1
        if number > self._most:
            raise TooMany(self._until, now)
