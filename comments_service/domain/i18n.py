"""The service's words in the site's language, from gettext catalogs in `locales/`.

English is what stands in the code and the templates. The language is one setting of the site
(REJOINDER_LANGUAGE), so it is the process's: `use` is called once, where the service starts. Pages
for editors stay English (`ENGLISH`).
"""

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
    """What the service says and writes in one language: texts, numbers, moments."""

    def __init__(self, tag: str, catalog: NullTranslations) -> None:
        self.tag = tag.replace("_", "-")
        self.gettext, self.ngettext = catalog.gettext, catalog.ngettext
        self.pgettext, self.npgettext = catalog.pgettext, catalog.npgettext

    @cached_property
    def direction(self) -> str:
        """`ltr` or `rtl`, for the attribute `dir`."""
        return self._locale.text_direction

    def say(self, text: str) -> str:
        """Return a sentence in this language; any other text as it is."""
        if not isinstance(text, Sentence):
            return text
        one, many, number, values = text.parts
        told = self.gettext(one) if many is None else self.ngettext(one, many, number)
        return told % {name: self._told(value) for name, value in values.items()}

    def number(self, value: int) -> str:
        """Return a number with its thousands apart, for instance `10,000`."""
        if self._is_english:
            return f"{value:,}"
        from babel.numbers import format_decimal

        return format_decimal(value, locale=self._locale)

    def day(self, value: datetime) -> str:
        """Return a day for people, for instance `23 November 2026`."""
        from babel.dates import format_date

        long = "d MMMM y" if self._is_english else self._locale.date_formats["long"].pattern
        return format_date(value, long, locale=self._locale)

    def when(self, value: datetime) -> str:
        """Return a moment for people, for instance `23 November 2026, 14:05 UTC`."""
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
    """A sentence in English that knows how it is said in other languages (`Words.say`).

    Wherever it is only a text, in a log or the API, it is the English one. It goes from one
    process to another as it is.
    """

    __slots__ = ("parts",)
    parts: tuple[str, str | None, int, dict[str, Any]]

    def __new__(
        cls, one: str, many: str | None = None, number: int = 1, /, **values: Any
    ) -> "Sentence":
        """Fill the values in; numbers and moments are written as English does."""
        if many is not None:
            values = {"num": number} | values
        english = one if many is None or number == 1 else many
        told = {name: ENGLISH._told(value) for name, value in values.items()}
        made = super().__new__(cls, english % told)
        made.parts = (one, many, number, values)
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, self.parts


def _again(one: str, many: str | None, number: int, values: dict[str, Any]) -> Sentence:
    return Sentence(one, many, number, **values)


def sentence(text: str, **values: Any) -> Sentence:
    """Return a sentence with named values, which are filled in as each language writes them."""
    return Sentence(text, **values)


def counted(one: str, many: str, number: int, **values: Any) -> Sentence:
    """Return a sentence that depends on a number, which is `%(num)s` in it."""
    return Sentence(one, many, number, **values)


def marked(text: str) -> str:
    """Mark a text for the catalogs that is translated later, where it is shown."""
    return text


ENGLISH = Words(SOURCE_LANGUAGE, NullTranslations())
_site = ENGLISH


def use(language: str) -> None:
    """Speak this language from now on; raises ValueError where there is no catalog for it."""
    global _site
    _site = words_of(language)


def site() -> Words:
    """Return the words of the site's language."""
    return _site


@lru_cache(maxsize=16)
def words_of(language: str) -> Words:
    """Return the words of a language; raises ValueError, which says what languages there are."""
    try:
        _locale_of(language)
    except ValueError:
        raise ValueError(f"{language!r} is no language tag; {_mend()}") from None
    short = language.replace("-", "_").partition("_")[0]
    if short.lower() == SOURCE_LANGUAGE:
        return Words(language, NullTranslations())
    for name in dict.fromkeys((language.replace("-", "_"), short)):
        path = LOCALES / name / "LC_MESSAGES" / f"{DOMAIN}.po"
        if path.is_file():
            return Words(language, _compiled(path))
    raise ValueError(f"there are no words for {language!r}; {_mend()}")


def languages() -> list[str]:
    """Return the languages that the service speaks."""
    return sorted({SOURCE_LANGUAGE, *(one.parents[1].name for one in LOCALES.glob("*/*/*.po"))})


def gettext(text: str) -> str:
    """Return the text in the site's language."""
    return _site.gettext(text)


def ngettext(one: str, many: str, number: int) -> str:
    """Return the form of the text that goes with the number."""
    return _site.ngettext(one, many, number)


def pgettext(context: str, text: str) -> str:
    """Return the text as it is said in this context."""
    return _site.pgettext(context, text)


def npgettext(context: str, one: str, many: str, number: int) -> str:
    """Return the form that goes with the number, as it is said in this context."""
    return _site.npgettext(context, one, many, number)


def _mend() -> str:
    return f"there are {', '.join(languages())}; docs/languages.md tells how to add one"


def _locale_of(tag: str) -> "Locale":
    from babel import Locale, UnknownLocaleError

    try:
        return Locale.parse(tag.replace("_", "-"), sep="-")
    except UnknownLocaleError as error:
        raise ValueError(str(error)) from None


def _compiled(path: Path) -> NullTranslations:
    # Only other languages pay for Babel's reader.
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po
    from babel.support import Translations

    made = BytesIO()
    with path.open("rb") as file:
        write_mo(made, read_po(file))
    made.seek(0)
    return cast("NullTranslations", Translations(made, domain=DOMAIN))
