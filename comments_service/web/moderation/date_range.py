"""Parses the date range of a filter form (`since` and `until`)."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

ENTER_DAY = "Enter a date like 2026-11-23"


def span(typed: Mapping[str, str]) -> tuple[dict[str, datetime], dict[str, str]]:
    """Return the parsed dates and the error messages, both by field name.

    Dates are UTC datetimes. `until` is inclusive: the result is the end of that day. Fields that
    are missing from `typed` are missing from both results.
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
