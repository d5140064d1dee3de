"""The time for which a site is built (AUTHORING_NOW, or now)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from .errors import AuthoringError
from .renamed_settings import setting


def moment_of(settings: Mapping[str, Any], now: datetime | None = None) -> datetime:
    """Return AUTHORING_NOW, `now` or the clock's time; always with a time zone.

    A AUTHORING_NOW without an offset is in the site's TIMEZONE. Raises AuthoringError.
    """
    given = setting(settings, "AUTHORING_NOW")
    if given is None:
        return now or datetime.now(UTC)
    try:
        moment = given if isinstance(given, datetime) else datetime.fromisoformat(str(given))
    except ValueError:
        raise AuthoringError(
            f"AUTHORING_NOW is {given!r}; set it to a moment such as 2026-12-24T08:00, or to None"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(str(settings.get("TIMEZONE", "UTC"))))
    return moment
