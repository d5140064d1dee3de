"""The Jinja2 environment for discussions, with autoescape; Pelican's does not escape."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import (
    Environment,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    TemplateError,
)
from jinja2.loaders import ChoiceLoader

from ...language.catalog import catalog_of, file_of, install
from ...shared.errors import RenderError
from ...shared.plain_text import xml_safe
from ..model.markers import BEGINNINGS


def paint(templates: Path, name: str, key: str | None, values: Mapping[str, Any]) -> str:
    """Render a template; RenderError names the template or the key.

    `templates` is the folder that holds discussion.html and its neighbours (docs/theme.md).
    """
    try:
        language = str(values.get("language", "en"))
        words = file_of(templates / "translations", language)
        # A build into the same folder may bring another catalog.
        stamp = words.stat().st_mtime_ns if words else 0
        text = _environment(templates, language, stamp).get_template(name).render(values)
    except (TemplateError, TypeError, AttributeError) as error:
        what = f"the discussion {key!r}" if key is not None else "the site's replies"
        raise RenderError(
            f"{name} of {what} cannot be rendered: {type(error).__name__}: {error} "
            f"(templates in {templates}; see docs/theme.md)"
        ) from error
    if any(beginning in text for beginning in BEGINNINGS):
        raise RenderError(
            f"A template in {templates} prints a discussion marker itself; remove it there."
        )
    return text


def paint_xml(templates: Path, name: str, key: str | None, values: Mapping[str, Any]) -> str:
    """Render XML: characters that it cannot contain are left out."""
    return xml_safe(paint(templates, name, key, values))


@lru_cache(maxsize=8)
def _environment(folder: Path, language: str, _stamp: int) -> Environment:
    here = FileSystemLoader(folder)
    environment = Environment(
        # A template may name others relative to its folder, or as the theme's other templates do.
        loader=ChoiceLoader([here, PrefixLoader({"discussion": here})]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    install(environment, catalog_of(folder / "translations", language))
    return environment
