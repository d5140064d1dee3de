"""Template filters for days, numbers and lists in the site's language.

English is implemented here, so that a site in English need not load Babel's data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment

if TYPE_CHECKING:
    from babel import Locale

ENGLISH = "en"
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


class Format:
    """A filter with a digest of everything that its result depends on (plugins/quick)."""

    def __init__(self, language: str, write: Callable[..., str]) -> None:
        self._language, self._write = language, write

    def __call__(self, *values: Any) -> str:
        """Format the values."""
        return self._write(self._language, *values)

    def quick_digest(self) -> bytes:
        """Return the name of the format and the language."""
        return f"{self._write.__name__} {self._language}".encode()


def install(env: Environment, language: str) -> None:
    """Install the filters for this language."""
    for write in (day, day_of_year, span, number, joint, direction):
        env.filters[write.__name__] = Format(language, write)


def direction(_site: str, language: str) -> str:
    """Return `ltr` or `rtl` for the attribute `dir` of this language; `ltr` if unknown."""
    if _is_english(language):
        return "ltr"
    try:
        return locale_of(language).text_direction
    except ValueError:
        # An article may be in a language that Babel does not know.
        return "ltr"


def day(language: str, moment: date) -> str:
    """Format a day, for instance `23 November 2026`."""
    if _is_english(language):
        return f"{moment.day} {MONTHS[moment.month - 1]} {moment.year}"
    return _formatted(_as_date(moment), "long", language)


def day_of_year(language: str, moment: date) -> str:
    """Format a day without its year, for instance `23 November`."""
    if _is_english(language):
        return f"{moment.day} {MONTHS[moment.month - 1]}"
    return _by_skeleton(_as_date(moment), "MMMMd", language)


def span(language: str, numbers: Sequence[int]) -> str:
    """Format a year, a month of a year or a day, for instance `November 2026`."""
    first = date(*[*numbers, 1, 1][:3])
    if len(numbers) == 3:
        return day(language, first)
    if len(numbers) == 1:
        return str(first.year)
    if _is_english(language):
        return f"{MONTHS[first.month - 1]} {first.year}"
    return _by_skeleton(first, "yMMMM", language)


def number(language: str, value: int) -> str:
    """Format a number with thousands separators, for instance `10,000`."""
    if _is_english(language):
        return f"{value:,}"
    from babel.numbers import format_decimal

    return format_decimal(value, locale=locale_of(language))


def joint(language: str, index: int, length: int) -> str:
    """Return the text before an item of a list in a sentence, such as `, ` or ` and `."""
    if index == 0:
        return ""
    if _is_english(language):
        return " and " if index == length - 1 else ", "
    patterns = locale_of(language).list_patterns["standard"]
    kind = "2" if length == 2 else "end" if index == length - 1 else "middle"
    return str(patterns[kind]).replace("{0}", "").replace("{1}", "")


def moment(language: str, value: datetime) -> str:
    """Format a time in UTC, for instance `23 November 2026, 14:05 UTC`."""
    time = f"{value.astimezone(UTC):%H:%M} UTC"
    if _is_english(language):
        return f"{day(language, value)}, {time}"
    both = str(locale_of(language).datetime_formats["medium"])
    return both.replace("'", "").format(time, day(language, value))


def check(language: str) -> None:
    """Raise ValueError for an invalid language tag."""
    if language != ENGLISH:
        locale_of(language)


@lru_cache(maxsize=16)
def locale_of(language: str) -> Locale:
    """Return Babel's data for a language tag; ValueError if there are none."""
    from babel import Locale, UnknownLocaleError

    try:
        return Locale.parse(language.replace("_", "-"), sep="-")
    except UnknownLocaleError as error:
        raise ValueError(str(error)) from None


@lru_cache(maxsize=4096)
def _formatted(moment: date, pattern: str, language: str) -> str:
    from babel.dates import format_date

    return format_date(moment, pattern, locale=locale_of(language))


@lru_cache(maxsize=4096)
def _by_skeleton(moment: date, skeleton: str, language: str) -> str:
    from babel.dates import format_skeleton

    return format_skeleton(skeleton, moment, locale=locale_of(language))


def _as_date(moment: date) -> date:
    # Pelican's dates are of a subclass of datetime.
    return date(moment.year, moment.month, moment.day)


def _is_english(language: str) -> bool:
    return language.replace("_", "-").partition("-")[0].lower() == ENGLISH
