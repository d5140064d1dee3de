"""Handlers of Pelican's signals: give each article its measure, neighbours and related ones."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any

from pelican.generators import ArticlesGenerator

from . import file_cache
from .extension import NAME
from .measure import Measure, measure, unpack
from .related import Marks, related
from .views import Contents, View

# A shorter article needs no table of contents.
HEADINGS, LENGTH = 4, 600
_NO_CONTENTS = Contents("[]")


def lead_on(generators: Iterable[Any]) -> None:
    """At `all_generators_finalized`, give articles their measures and neighbours.

    Sets `word_count`, `reading_minutes`, `contents`, `newer`, `older` and `related`; the last three
    are None and empty for what is on no list.
    """
    for generator in generators:
        if not isinstance(generator, ArticlesGenerator):
            continue
        listed = [*generator.articles, *generator.translations]
        others = chain(
            generator.hidden_articles,
            generator.hidden_translations,
            generator.drafts,
            generator.drafts_translations,
        )
        for article in others:
            _measure(article)
            article.newer = article.older = None
            article.related = ()
        for article in listed:
            _measure(article)
        by_language: dict[str, list[Any]] = {}
        for article in listed:
            by_language.setdefault(str(article.lang), []).append(article)
        for language, articles in by_language.items():
            _introduce(articles, language, generator.settings)


def _measure(article: Any) -> None:
    line = article.metadata.get(NAME)
    found: Measure = unpack(line) if isinstance(line, str) else measure(article._content or "")
    article.word_count = found.length
    article.reading_minutes = found.minutes
    long = found.length >= LENGTH and found.headings >= HEADINGS
    article.contents = Contents(found.listed) if long else _NO_CONTENTS


def _introduce(articles: list[Any], language: str, settings: Any) -> None:
    """Set the neighbours of the articles of one language."""
    # At equal dates by slug, whatever order the files are read in.
    articles.sort(key=lambda one: (one.date, one.slug), reverse=True)
    views = [View(one) for one in articles]
    cache = file_cache.folder(settings)
    kept = None if cache is None else cache / f"related-{language}"
    chosen = related([_marks(one) for one in articles], kept)
    last = len(articles) - 1
    for place, article in enumerate(articles):
        article.newer = views[place - 1] if place else None
        article.older = views[place + 1] if place < last else None
        article.related = tuple(views[other] for other in chosen[place])


def _marks(article: Any) -> Marks:
    return Marks(
        tuple(tag.slug for tag in getattr(article, "tags", ())),
        article.category.slug if getattr(article, "category", None) else "",
    )
