"""Handlers of Pelican's signals that speed up a run.

A run's caches are opened at `get_generators`. Whatever is not certainly safe is left to Pelican.
"""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pelican import generators, readers, signals
from pelican import utils as pelican_utils
from pelican.generators import ArticlesGenerator, PagesGenerator

from . import contents, declared, reader, workers
from .indexed_list import Members, asked_only_of, unbind
from .page_cache import Pages
from .settings import QuickSettings
from .translations import process_translations
from .value_cache import Store
from .writer import Means, QuickWriter, Tally

logger = logging.getLogger(__name__)

# Untyped.
_generators: Any = generators

TEXTS, PAGES = "texts", "pages"
# A listener to these may change what the next page shows, or need the page at that moment.
BETWEEN_PAGES = (
    "article_generator_write_article",
    "page_generator_write_page",
    "content_written",
)


@dataclass
class Run:
    """The settings and caches of one run of Pelican."""

    settings: QuickSettings
    texts: Store | None
    pages: Store | None


_runs: list[Run] = []
# The garbage collector's thresholds before the run.
_thresholds: list[int] = []


def begin(pelican: Any) -> None:
    """Open the caches at `get_generators`, once per run."""
    close()
    quick = QuickSettings.of(pelican.settings)
    declared.declare(quick.pure)
    contents.stand(os.getcwd())  # noqa: PTH109
    texts = pages = None
    if quick.cache is not None:
        texts, pages = Store(quick.cache, TEXTS), Store(quick.cache, PAGES)
    # Nearly all objects of a run live to its end, so frequent garbage collection finds nothing.
    _thresholds[:] = gc.get_threshold()
    gc.set_threshold(100_000, 50, 100)
    _runs.append(Run(quick, texts, pages))


def quicken_reading(generator: Any) -> None:
    """At a generator's start, prepare Markdown files, and use the faster content classes."""
    if not _runs or type(generator) not in (ArticlesGenerator, PagesGenerator):
        return
    run = _runs[-1]
    texts = generator.readers
    for ending, one in list(texts.readers.items()):
        if type(one) is readers.MarkdownReader:
            texts.readers[ending] = reader.MarkdownReader(generator.settings)
    get_files, read_file = generator.get_files, texts.read_file
    ahead = [True]

    def files_read_ahead(*arguments: Any, **named: Any) -> Any:
        files = get_files(*arguments, **named)
        if ahead.pop() if ahead else False:
            _read_ahead(run, generator, files)
        return files

    def quick_content(*arguments: Any, content_class: Any = None, **named: Any) -> Any:
        made = contents.QUICK.get(content_class, content_class)
        return read_file(*arguments, content_class=made, **named)

    generator.get_files = files_read_ahead
    texts.read_file = quick_content


def quicken_writing(all_generators: Iterable[Any]) -> None:
    """At `all_generators_finalized`, let generators collect their pages before rendering."""
    if not _runs:
        return
    for generator in all_generators:
        if type(generator) is ArticlesGenerator:
            _together(generator, "generate_pages")
        elif type(generator) is PagesGenerator and not signals.page_writer_finalized.receivers:
            _together(generator, "generate_output")


def writer_class(pelican: Any) -> type[QuickWriter] | None:
    """Return our writer at `get_writer`, unless another plugin has one."""
    others = [one for one in signals.get_writer.receivers_for(pelican) if one is not writer_class]
    if not _runs or others:
        return None
    run = _runs[-1]
    pages = None
    if run.settings.cache is not None:
        pages = Pages(run.settings.cache / PAGES, link=run.settings.link)
        if not pages.prepare():
            logger.warning("%s cannot be written; every page is rendered.", run.settings.cache)
            pages = None
    QuickWriter.means = Means(run.settings.processes, pages, run.pages)
    QuickWriter.tally = Tally()
    return QuickWriter


def end(pelican: Any) -> None:
    """At `finalized`, remove long unused entries from the caches."""
    if not _runs:
        return
    run = _runs[-1]
    if run.texts is not None:
        run.texts.forget()
    if run.pages is not None and run.settings.cache is not None:
        pages = Pages(run.settings.cache / PAGES, link=False)
        for key in run.pages.forget():
            pages.drop(key)
    close()


def close() -> None:
    """Release the resources of a run, also of one that failed."""
    if _thresholds:
        gc.set_threshold(*_thresholds)
        _thresholds.clear()
    while _runs:
        run = _runs.pop()
        for store in (run.texts, run.pages):
            if store is not None:
                store.close()


def patch() -> None:
    """Replace Pelican's grouping of translations, which takes quadratic time, once."""
    if _generators.process_translations is pelican_utils.process_translations:
        _generators.process_translations = process_translations


def unpatch() -> None:
    """Restore Pelican's own function."""
    _generators.process_translations = pelican_utils.process_translations


def _together(generator: Any, method: str) -> None:
    original = getattr(generator, method)

    def collected(writer: Any) -> None:
        heard = any(getattr(signals, name).receivers for name in BETWEEN_PAGES)
        if heard or not isinstance(writer, QuickWriter):
            original(writer)
            return
        with writer.together(), _quick_lists(generator):
            original(writer)

    setattr(generator, method, collected)


@contextmanager
def _quick_lists(generator: Any) -> Iterator[None]:
    """Use lists with a fast `in` while pages are collected, and restore Pelican's afterwards."""
    if not isinstance(generator, ArticlesGenerator):
        yield
        return
    own: Any = generator
    before = own.tags, own.categories, own.authors
    made: list[Members] = []

    def members(them: list[Any]) -> Members:
        made.append(asked_only_of(them, own.dates))
        return made[-1]

    own.tags = {one: members(them) for one, them in own.tags.items()}
    own.categories = [(one, members(them)) for one, them in own.categories]
    own.authors = [(one, members(them)) for one, them in own.authors]
    try:
        yield
    finally:
        own.tags, own.categories, own.authors = before
        for them in made:
            unbind(them)


def _read_ahead(run: Run, generator: Any, files: Iterable[str]) -> None:
    """Convert these files ahead, those for which the result is certainly what Pelican reads."""
    ours = {
        ending
        for ending, one in generator.readers.readers.items()
        if type(one) is reader.MarkdownReader
    }
    if not ours or not reader.pure(generator.settings, run.settings.pure_extensions):
        return
    ready: dict[str, dict[str, Any]] = {}
    for file in files:
        ending = pelican_utils.file_suffix(file)
        if ending in ours:
            path = os.path.abspath(os.path.join(generator.path, file))  # noqa: PTH100, PTH118
            ready[path] = generator.readers.readers[ending].ready
    base = reader.fingerprint(generator.settings) if run.texts is not None else None
    texts = reader.Texts(generator.settings, base, run.texts if base is not None else None)
    paths = list(ready)
    fresh: dict[bytes, bytes] = {}
    used: list[bytes] = []
    for path, done in zip(
        paths,
        workers.each(
            "Preparing articles",
            lambda index: texts.prepare(paths[index]),
            paths,
            run.settings.processes,
            piece=16,
        ),
        strict=True,
    ):
        key, found = done.value
        converted = reader.unpack(found) if isinstance(found, bytes) else found
        if converted is None:
            continue  # Pelican reads it by itself
        ready[path][path] = converted
        if key is not None and isinstance(found, bytes):
            used.append(key)
        elif key is not None:
            fresh[key] = reader.pack(converted)
    if run.texts is not None:
        run.texts.put(fresh)
        run.texts.used(used)
