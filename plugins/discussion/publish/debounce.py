"""A debounced queue of pending writes: a burst of changes becomes few writes."""

from __future__ import annotations

import time
from collections import deque


class Due:
    """Pending names, each returned at most `most` times in any `window` seconds.

    A change waits `patience` seconds, so that others can join it. Nothing is stored: after a
    restart, comparing revisions finds pending changes again.
    """

    def __init__(self, most: int, window: float, patience: float = 0.0) -> None:
        self._most = most
        self._window = window
        self._patience = patience
        self._ready: dict[str, float] = {}
        self._taken: dict[str, deque[float]] = {}

    def __len__(self) -> int:
        return len(self._ready)

    def add(self, name: str, delay: float = 0.0) -> None:
        """Add a name."""
        if name not in self._ready:
            earliest = time.monotonic() + self._patience + delay
            taken = self._taken.get(name)
            if taken is not None and len(taken) == self._most:
                earliest = max(earliest, taken[0] + self._window)
            self._ready[name] = earliest

    def take(self) -> str | None:
        """Return the name that may be written now and has waited longest, or None."""
        if not self._ready:
            return None
        name = min(self._ready, key=self._ready.__getitem__)
        now = time.monotonic()
        if self._ready[name] > now:
            return None
        del self._ready[name]
        self._taken.setdefault(name, deque(maxlen=self._most)).append(now)
        if len(self._taken) > 10_000:
            self._taken = {
                one: taken for one, taken in self._taken.items() if taken[-1] + self._window > now
            }
        return name

    def wait(self, longest: float) -> float:
        """Return the seconds until something may be written, at most `longest`."""
        if not self._ready:
            return longest
        return max(0.0, min(longest, min(self._ready.values()) - time.monotonic()))

    def clear(self) -> None:
        """Clear the queue."""
        self._ready.clear()
