"""Translation of the service's texts with the gettext catalogs in `locales/`.

Texts in the code and the templates are English. The language is a setting of the site
(REJOINDER_LANGUAGE) and global to the process: `use` is called once, when the service starts. Pages
for editors are always English (`ENGLISH`).
"""

from contextvars import ContextVar
from datetime import datetime
from functools import cached_property, lru_cache
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from babel import Locale

LOCALES = Path(__file__).parents[1] / "locales"
DOMAIN = "service"
SOURCE_LANGUAGE = "en"


class Words:
    """Translations and formats of one language: texts, numbers, dates and times."""

    def __init__(self, tag: str, catalog: NullTranslations) -> None:
        self.tag = tag.replace("_", "-")
        self.gettext, self.ngettext = catalog.gettext, catalog.ngettext
        self.pgettext, self.npgettext = catalog.pgettext, catalog.npgettext

    @cached_property
    def direction(self) -> str:
        """`ltr` or `rtl`, for the attribute `dir`."""
        return self._locale.text_direction

    def say(self, text: str) -> str:
        """Return the translation of a `Sentence`; any other text unchanged."""
        if not isinstance(text, Sentence):
            return text
        one, many, number, values = text.parts
        template = self.gettext(one) if many is None else self.ngettext(one, many, number)
        return template % {name: self._told(value) for name, value in values.items()}

    def number(self, value: int) -> str:
        """Return a number with thousands separators, for instance `10,000`."""
        if self._is_english:
            return f"{value:,}"
        from babel.numbers import format_decimal

        return format_decimal(value, locale=self._locale)

    def day(self, value: datetime) -> str:
        """Return a date in long format, for instance `23 November 2026`."""
        from babel.dates import format_date

        long = "d MMMM y" if self._is_english else self._locale.date_formats["long"].pattern
        return format_date(value, long, locale=self._locale)

    def when(self, value: datetime) -> str:
        """Return a date and time (UTC), for instance `23 November 2026, 14:05 UTC`."""
        from babel.dates import format_time

        time = format_time(value, "HH:mm", locale=self._locale) + " UTC"
        both = "{1}, {0}" if self._is_english else self._locale.datetime_formats["medium"]
        return both.replace("'", "").format(time, self.day(value))

    def _told(self, value: object) -> str:
        if isinstance(value, str):
            return self.say(value)
        if isinstance(value, datetime):
            return self.when(value)
        return self.number(value) if isinstance(value, int) else str(value)

    @property
    def _is_english(self) -> bool:
        return self.tag.partition("-")[0] == SOURCE_LANGUAGE

    @cached_property
    def _locale(self) -> "Locale":
        return _locale_of(self.tag)


class Sentence(str):
    """An English sentence that can be translated later (`Words.say`).

    As a `str`, in a log or the API, it is the English text. It can be pickled.
    """

    __slots__ = ("parts",)
    parts: tuple[str, str | None, int, dict[str, Any]]

    def __new__(
        cls, one: str, many: str | None = None, number: int = 1, /, **values: Any
    ) -> "Sentence":
        """Fill in the values; numbers and times are formatted in English."""
        if many is not None:
            values = {"num": number} | values
        english = one if many is None or number == 1 else many
        formatted = {name: ENGLISH._told(value) for name, value in values.items()}
        made = super().__new__(cls, english % formatted)
        made.parts = (one, many, number, values)
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, self.parts


def _again(one: str, many: str | None, number: int, values: dict[str, Any]) -> Sentence:
    return Sentence(one, many, number, **values)


def sentence(text: str, **values: Any) -> Sentence:
    """Return a sentence with named values, which are formatted for each language."""
    return Sentence(text, **values)


def counted(one: str, many: str, number: int, **values: Any) -> Sentence:
    """Return a sentence with singular and plural; the number is `%(num)s` in it."""
    return Sentence(one, many, number, **values)


def marked(text: str) -> str:
    """Mark a text for extraction into the catalogs; it is translated where it is shown."""
    return text


ENGLISH = Words(SOURCE_LANGUAGE, NullTranslations())
# Of the request or background task that runs, so that two applications can run in one process.
_site: ContextVar[Words] = ContextVar("site", default=ENGLISH)


def use(language: str) -> None:
    """Set the site's language in this context; raises ValueError if it has no catalog.

    Tasks and thread pool calls that are started afterwards inherit it.
    """
    _site.set(words_of(language))


def site() -> Words:
    """Return the translations of the site's language."""
    return _site.get()


@lru_cache(maxsize=16)
def words_of(language: str) -> Words:
    """Return the translations of a language tag; raises ValueError, which lists the languages."""
    try:
        _locale_of(language)
    except ValueError:
        raise ValueError(f"{language!r} is not a language tag; {_available()}") from None
    short = language.replace("-", "_").partition("_")[0]
    if short.lower() == SOURCE_LANGUAGE:
        return Words(language, NullTranslations())
    for name in dict.fromkeys((language.replace("-", "_"), short)):
        path = LOCALES / name / "LC_MESSAGES" / f"{DOMAIN}.po"
        if path.is_file():
            return Words(language, _compiled(path))
    raise ValueError(f"there is no translation for {language!r}; {_available()}")


def languages() -> list[str]:
    """Return the languages that have a catalog, and English."""
    return sorted({SOURCE_LANGUAGE, *(po.parents[1].name for po in LOCALES.glob("*/*/*.po"))})


def gettext(text: str) -> str:
    """Return the text in the site's language."""
    return _site.get().gettext(text)


def ngettext(one: str, many: str, number: int) -> str:
    """Return the form of the text that goes with the number."""
    return _site.get().ngettext(one, many, number)


def pgettext(context: str, text: str) -> str:
    """Return the text in the site's language; `context` tells apart equal English texts."""
    return _site.get().pgettext(context, text)


def npgettext(context: str, one: str, many: str, number: int) -> str:
    """Return the form for the number; `context` tells apart equal English texts."""
    return _site.get().npgettext(context, one, many, number)


def _available() -> str:
    return f"available: {', '.join(languages())}; docs/languages.md explains how to add one"


def _locale_of(tag: str) -> "Locale":
    from babel import Locale, UnknownLocaleError

    try:
        return Locale.parse(tag.replace("_", "-"), sep="-")
    except UnknownLocaleError as error:
        raise ValueError(str(error)) from None


def _compiled(path: Path) -> NullTranslations:
    # Imported here, so that a service in English does not load it.
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po
    from babel.support import Translations

    made = BytesIO()
    with path.open("rb") as file:
        write_mo(made, read_po(file))
    made.seek(0)
    return cast("NullTranslations", Translations(made, domain=DOMAIN))
