"""Handler of Pelican's signal `generator_init`: installs the theme's translations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..shared.errors import SettingsError
from .catalog import catalog_of, install, is_known, languages


def give_words(generator: Any) -> None:
    """At `generator_init`, install the catalog of the theme for the site's language.

    Raises SettingsError for a language that the theme does not support.
    """
    folder, language = folder_of(generator.theme), generator.settings["DEFAULT_LANG"]
    if not is_known(folder, language):
        raise SettingsError(
            f"The theme has no words for the language {language!r} (REJOINDER_LANGUAGE, which is "
            f"DEFAULT_LANG); there are {', '.join(languages(folder))}. "
            "Set one of them; docs/languages.md tells how to add one"
        )
    install(generator.env, catalog_of(folder, language))


def folder_of(theme: str) -> Path:
    """Return the folder of a theme's catalogs."""
    return Path(theme) / "translations"
