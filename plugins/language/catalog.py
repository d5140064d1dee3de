"""Catalogs of translated words: gettext's .po files, read by Babel and never compiled beforehand.

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
    """The words of one language, as Jinja2's i18n extension wants them."""

    def __init__(self, language: str, words: NullTranslations, digest: bytes) -> None:
        self.language = language
        self._digest = digest
        self.gettext, self.ngettext = words.gettext, words.ngettext
        self.pgettext, self.npgettext = words.pgettext, words.npgettext

    def quick_digest(self) -> bytes:
        """What pages that were made with these words depend on (plugins/quick)."""
        return self._digest


def catalog_of(folder: Path, language: str) -> Catalog:
    """The catalog of a language.

    English, or a language that the folder does not have, gets the words of the templates.
    """
    path = file_of(folder, language)
    if path is not None:
        return _read(language, path.read_bytes())
    return Catalog(language, NullTranslations(), language.encode())


def file_of(folder: Path, language: str) -> Path | None:
    """The file of a language; of the language without its region where there is no nearer one."""
    for name in _candidates(language):
        path = folder / name / "LC_MESSAGES" / f"{DOMAIN}.po"
        if path.is_file():
            return path
    return None


def is_known(folder: Path, language: str) -> bool:
    """Whether a theme speaks the language: English, one of its catalogs, or it has none at all."""
    return not folder.is_dir() or not _candidates(language) or bool(file_of(folder, language))


def languages(folder: Path) -> list[str]:
    """The languages that a theme speaks."""
    return sorted({SOURCE_LANGUAGE, *(one.parents[1].name for one in folder.glob("*/*/*.po"))})


def install(env: Environment, catalog: Catalog) -> None:
    """Give an environment the words, with `_("%(n)s replies", n=...)` filled in by Jinja2."""
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
    # Only other languages pay for Babel's reader.
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po
    from babel.support import Translations

    compiled = BytesIO()
    write_mo(compiled, read_po(BytesIO(text)))
    compiled.seek(0)
    words: Any = Translations(compiled, domain=DOMAIN)
    return Catalog(language, words, blake2b(text, digest_size=16).digest() + language.encode())
