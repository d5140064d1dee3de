"""Days that somebody types into a filter: from one, until another."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

ENTER_DAY = "Enter a date like 2026-11-23"


def span(typed: Mapping[str, str]) -> tuple[dict[str, datetime], dict[str, str]]:
    """Return the moments of "since" and "until", as far as they are typed, and what is wrong.

    "until" is the end of its day: the day itself is meant too.
    """
    moments: dict[str, datetime] = {}
    problems: dict[str, str] = {}
    for name, more in (("since", 0), ("until", 1)):
        if name not in typed:
            continue
        try:
            day = datetime.combine(date.fromisoformat(typed[name]), time(), UTC)
            moments[name] = day + timedelta(days=more)
        except (ValueError, OverflowError):
            problems[name] = ENTER_DAY
    return moments, problems
