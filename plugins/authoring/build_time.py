"""The time for which a site is built (DESK_NOW, or now)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from .errors import DeskError


def moment_of(settings: Mapping[str, Any], now: datetime | None = None) -> datetime:
    """Return DESK_NOW, `now` or the clock's time; always with a time zone.

    A DESK_NOW without an offset is in the site's TIMEZONE. Raises DeskError.
    """
    given = settings.get("DESK_NOW")
    if given is None:
        return now or datetime.now(UTC)
    try:
        moment = given if isinstance(given, datetime) else datetime.fromisoformat(str(given))
    except ValueError:
        raise DeskError(
            f"DESK_NOW is {given!r}; set it to a moment such as 2026-12-24T08:00, or to None"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(str(settings.get("TIMEZONE", "UTC"))))
    return moment
