"""In-memory rate limit per client network and minute.

It is cheap and sheds load, but counts only this process's requests and resets on restart. Limits
that must hold across processes are in the database (`services/rate_limit.py`).
"""

from datetime import datetime, timedelta

from comments_service.domain.errors import TooMany

_MINUTE = timedelta(minutes=1)
# Maximum number of networks counted per minute; above it, all counts are reset.
_REMEMBERED = 10_000


class MinuteLimit:
    """Allows each network `most` requests per minute; 0 means no limit."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._counts: dict[str, int] = {}
        self._until: datetime | None = None

    def count(self, network: str, now: datetime) -> None:
        """Count a request. Raises `TooMany` if it exceeds the limit."""
        if not self._most:
            return
        # Also start a new minute if the current one lies in the future: the clock was set back.
        over = self._until is None or not self._until - _MINUTE <= now < self._until
        if self._until is None or over or len(self._counts) >= _REMEMBERED:
            self._until, self._counts = now + _MINUTE, {}
        number = self._counts[network] = self._counts.get(network, 0) + 1
        if number > self._most:
            raise TooMany(self._until, now)
