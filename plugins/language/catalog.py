"""Gettext catalogs: .po files, read by Babel without compiling them beforehand.

A folder of translations has `LANGUAGE/LC_MESSAGES/theme.po`; English needs none.
"""

from __future__ import annotations

from functools import lru_cache
from gettext import NullTranslations
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from typing import Any

from jinja2 import Environment

from . import formats

DOMAIN = "theme"
SOURCE_LANGUAGE = "en"


class Catalog:
    """The translations of one language, as Jinja2's i18n extension needs them."""

    def __init__(self, language: str, words: NullTranslations, digest: bytes) -> None:
        self.language = language
        self._digest = digest
        self.gettext, self.ngettext = words.gettext, words.ngettext
        self.pgettext, self.npgettext = words.pgettext, words.npgettext

    def quick_digest(self) -> bytes:
        """Digest the catalog, for pages that use it (plugins/quick)."""
        return self._digest


def catalog_of(folder: Path, language: str) -> Catalog:
    """Return the catalog of a language.

    For English, and for a language without a catalog, it translates nothing.
    """
    path = file_of(folder, language)
    if path is not None:
        return _read(language, path.read_bytes())
    return Catalog(language, NullTranslations(), language.encode())


def file_of(folder: Path, language: str) -> Path | None:
    """Return the file of a language, or else of the language without its region."""
    for name in _candidates(language):
        path = folder / name / "LC_MESSAGES" / f"{DOMAIN}.po"
        if path.is_file():
            return path
    return None


def is_known(folder: Path, language: str) -> bool:
    """Whether a theme supports the language: English, a catalog's, or any without catalogs."""
    return not folder.is_dir() or not _candidates(language) or bool(file_of(folder, language))


def languages(folder: Path) -> list[str]:
    """Return the languages that a theme supports."""
    return sorted({SOURCE_LANGUAGE, *(one.parents[1].name for one in folder.glob("*/*/*.po"))})


def install(env: Environment, catalog: Catalog) -> None:
    """Install a catalog; Jinja2 fills in `_("%(n)s replies", n=...)`."""
    env.add_extension("jinja2.ext.i18n")
    env.install_gettext_translations(catalog, newstyle=True)  # type: ignore[attr-defined]
    env.globals["catalog"] = catalog
    formats.install(env, catalog.language)


def _candidates(language: str) -> list[str]:
    whole = language.replace("-", "_")
    short = whole.partition("_")[0]
    return [] if short == SOURCE_LANGUAGE else list(dict.fromkeys((whole, short)))


@lru_cache(maxsize=16)
def _read(language: str, text: bytes) -> Catalog:
    # Imported only for other languages than English.
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po
    from babel.support import Translations

    compiled = BytesIO()
    write_mo(compiled, read_po(BytesIO(text)))
    compiled.seek(0)
    words: Any = Translations(compiled, domain=DOMAIN)
    return Catalog(language, words, blake2b(text, digest_size=16).digest() + language.encode())
