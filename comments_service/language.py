"""The service's words in the site's language, from gettext catalogs in `locales/`.

English is what stands in the code and the templates. The language is one setting of the site
(REJOINDER_LANGUAGE), so it is the process's: `use` is called once, where the service starts.
"""

from functools import lru_cache
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path
from typing import cast

LOCALES = Path(__file__).parent / "locales"
DOMAIN = "service"
SOURCE_LANGUAGE = "en"

_words = NullTranslations()


def use(language: str) -> None:
    """Speak this language from now on; English where there is no catalog for it."""
    global _words
    _words = _read(language.replace("-", "_"))


def gettext(text: str) -> str:
    """Return the text in the site's language."""
    return _words.gettext(text)


def ngettext(one: str, many: str, number: int) -> str:
    """Return the form of the text that goes with the number."""
    return _words.ngettext(one, many, number)


def pgettext(context: str, text: str) -> str:
    """Return the text as it is said in this context."""
    return _words.pgettext(context, text)


def npgettext(context: str, one: str, many: str, number: int) -> str:
    """Return the form that goes with the number, as it is said in this context."""
    return _words.npgettext(context, one, many, number)


def marked(text: str) -> str:
    """Mark a text for the catalogs that is translated later, where it is shown."""
    return text


@lru_cache(maxsize=16)
def _read(language: str) -> NullTranslations:
    for name in dict.fromkeys((language, language.partition("_")[0])):
        path = LOCALES / name / "LC_MESSAGES" / f"{DOMAIN}.po"
        if path.is_file():
            return _compiled(path)
    return NullTranslations()


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
