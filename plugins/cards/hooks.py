"""Handler of Pelican's signals: gives each article its card, drawn now or from the cache."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

from pelican.generators import ArticlesGenerator

from ..quick import page_cache, workers
from ..quick.settings import QuickSettings
from ..shared.plain_text import field_text, one_line, title_of
from .content import FOLDER, FONT, Card
from .errors import CardError

# Cards that no build has used for this long are removed.
FORGET_SECONDS = 30 * 86_400
# Smaller than any card: an incomplete file after a power cut.
TORN = 200


def deal(generators: Iterable[Any]) -> None:
    """At `all_generators_finalized`, set `card` of articles: a URL below the site's, or "".

    SITE_CARD, for all templates, is the card of pages that are no article's. The files are there
    when this returns.
    """
    for generator in generators:
        if type(generator) is ArticlesGenerator:
            _deal(generator)


def _deal(generator: Any) -> None:
    settings = generator.settings
    context = generator.context
    listed = [
        *chain(
            generator.articles,
            generator.translations,
            generator.hidden_articles,
            generator.hidden_translations,
        )
    ]
    drafts = chain(generator.drafts, generator.drafts_translations)
    for article in drafts:
        article.card = ""  # nobody is to show a draft around
    if not str(settings["SITEURL"]).startswith(("http://", "https://")):
        context["SITE_CARD"] = ""
        for article in listed:
            article.card = ""
        return
    font = _font(settings)
    site = one_line(settings["SITENAME"])
    own = Card(site, site, one_line(settings.get("SITESUBTITLE") or ""), settings["DEFAULT_LANG"])
    wanted: dict[str, Card] = {own.name(font): own}
    context["SITE_CARD"] = own.name(font)
    for article in listed:
        card = Card(
            site,
            title_of(article),
            field_text(article.metadata, "subtitle", settings),
            str(article.lang),
        )
        article.card = name = card.name(font)
        wanted[name] = card
    _put(wanted, font, Path(generator.output_path), QuickSettings.of(settings))


def _put(wanted: Mapping[str, Card], font: Path, output: Path, quick: QuickSettings) -> None:
    """Put the cards into the output, drawing those that are not in the cache."""
    kept = output if quick.cache is None else quick.cache
    for folder in {kept, output}:
        (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    missing = [name for name in wanted if not _there(f"{kept}/{name}")]

    def make(index: int) -> None:
        # Drawing libraries are loaded only where something is drawn.
        from .drawing import draw

        name = missing[index]
        temporary = f"{kept}/{name}.{os.getpid()}"
        page_cache.write(temporary, draw(wanted[name], font))
        os.replace(temporary, f"{kept}/{name}")  # noqa: PTH105

    for done in workers.each("Drawing cards", make, missing, quick.processes, piece=16):
        workers.replay(done.logged)
    if quick.cache is None:
        return
    for name in wanted:
        _bring(f"{kept}/{name}", f"{output}/{name}", link=quick.link)
    if missing:
        _forget(kept / FOLDER, wanted)


def _there(path: str) -> bool:
    try:
        return os.stat(path).st_size > TORN  # noqa: PTH116 - thousands of times
    except OSError:
        return False


def _bring(source: str, target: str, *, link: bool) -> None:
    if link:
        with suppress(OSError):
            os.link(source, target)
            return
    page_cache.write(target, Path(source).read_bytes())


def _forget(folder: Path, used: Collection[str]) -> None:
    """Remove old cards that no build uses."""
    before = time.time() - FORGET_SECONDS
    for one in os.scandir(folder):
        if f"{FOLDER}/{one.name}" not in used:
            with suppress(OSError):
                stat = one.stat()
                if stat.st_nlink == 1 and stat.st_mtime < before:
                    os.unlink(one.path)  # noqa: PTH108


def _font(settings: Mapping[str, Any]) -> Path:
    configured = settings.get("CARDS_FONT")
    font = FONT if configured is None else Path(configured)
    if not font.is_file():
        raise CardError(
            f"CARDS_FONT is {str(configured)!r}, which is no file; "
            "set it to a TrueType or OpenType font, or leave it out"
        )
    return font
