"""Detects when a site must be built again because a scheduled article becomes public."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

NAME = ".discussion/due.json"
# Pauses between attempts, so that a failing build is not repeated every second.
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Due:
    """The next moment of a build, and its settings file, or None."""

    moment: datetime
    settings: str | None


class Alarm:
    """Watches the build that `output` shows; nothing is lost by a restart."""

    def __init__(self, output: Path) -> None:
        self._output = output
        self._rung_for: datetime | None = None
        self._pause = FIRST_PAUSE
        self._not_before = datetime.min.replace(tzinfo=UTC)

    def rings(self, now: datetime) -> Due | None:
        """Return what is due at `now`, even long ago; None if nothing is, or it was just tried."""
        due = next_due(self._output)
        if due is None or due.moment > now:
            return None
        if due.moment == self._rung_for:
            # If the clock was set back, the pause is invalid.
            waits = self._not_before - self._pause <= now < self._not_before
            if waits:
                return None
            self._pause = min(LONGEST_PAUSE, self._pause * 2)
        else:
            self._rung_for, self._pause = due.moment, FIRST_PAUSE
        self._not_before = now + self._pause
        return due


def path_of(output: Path) -> Path:
    """Return the file with a build's moments."""
    return output / NAME


def next_due(output: Path) -> Due | None:
    """Return the earliest moment that the shown build waits for; None without one."""
    try:
        data = json.loads(path_of(output).read_bytes())
        moments = [datetime.fromisoformat(one) for one in data["moments"]]
        settings = data["settings"]
        if settings is not None and not isinstance(settings, str):
            return None
        return Due(min(one.astimezone(UTC) for one in moments), settings)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # a build from before, or one that is being swapped
