"""Counts what one network asks for in a minute.

In the memory of this process, where it costs nothing: it keeps work away. What must hold for all
processes is counted in the database (`rate_limit`).
"""

from datetime import datetime, timedelta

from comments_service.domain.errors import TooMany

_MINUTE = timedelta(minutes=1)
# How many networks are counted in one minute.
_REMEMBERED = 10_000


class MinuteLimit:
    """Lets every network ask `most` times a minute; any number of times where that is 0."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._counts: dict[str, int] = {}
        self._until: datetime | None = None

    def count(self, network: str, now: datetime) -> None:
        """Count one more. Raises `TooMany`."""
        if not self._most:
            return
        # Also where the minute lies ahead: the clock was set back.
        over = self._until is None or not self._until - _MINUTE <= now < self._until
        if self._until is None or over or len(self._counts) >= _REMEMBERED:
            self._until, self._counts = now + _MINUTE, {}
        number = self._counts[network] = self._counts.get(network, 0) + 1
        if number > self._most:
            raise TooMany(self._until, now)
