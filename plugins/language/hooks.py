"""What happens while Pelican makes its generators: each one's templates get their words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from plugins.language.catalog import catalog_of, install


def give_words(generator: Any) -> None:
    """At `generator_init`: install the catalog of the theme for the site's language."""
    folder = Path(generator.theme) / "translations"
    install(generator.env, catalog_of(folder, generator.settings["DEFAULT_LANG"]))
