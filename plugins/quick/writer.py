"""A writer for Pelican that collects pages, then renders them in several processes or reuses them.

A page is reused if the cache has it (`page_cache`).
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from jinja2 import Environment, Template
from pelican import paginator
from pelican.utils import get_relative_path, path_to_url, sanitised_join
from pelican.writers import FileOverwriteFailedError, Writer

from . import purity, workers
from .digest import universe
from .link_digest import Links
from .page_cache import Pages, write
from .page_keys import Begun, Keys
from .value_cache import Store

logger = logging.getLogger(__name__)

_paginator: Any = paginator.Paginator  # untyped
# A template with at most this many pages, such as the archive, shows the whole site: computing
# their digests costs as much as rendering them.
SINGLE = 2


@dataclass(slots=True)
class Job:
    """A page to render or reuse."""

    path: str
    name: str
    template: Template
    shared: Any
    own: dict[str, Any]
    begun: Begun | None = None
    key: bytes | None = None


class Made(NamedTuple):
    """The result of a page: whether it was reused, its key, its checksum if it was cached."""

    reused: bool
    key: bytes | None = None
    checksum: bytes | None = None


@dataclass(frozen=True, slots=True)
class Means:
    """The processes and caches of a writer."""

    processes: int
    pages: Pages | None
    kept: Store | None


@dataclass
class Tally:
    """The numbers of rendered and reused pages of a build, for tests and benchmarks."""

    rendered: int = 0
    reused: int = 0


class QuickWriter(Writer):
    """Pelican's writer; inside `together` it only collects pages."""

    means = Means(1, None, None)
    tally = Tally()

    def __init__(self, output_path: str, settings: Any = None) -> None:
        super().__init__(output_path, settings=settings)  # type: ignore[no-untyped-call]
        self._jobs: dict[str, Job] | None = None
        # Files below the output that are links to an earlier build's.
        self.linked: set[str] = set()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Collect the pages that are written in the block, and make them at its end."""
        if self._jobs is not None:
            yield
            return
        self._jobs = {}
        try:
            yield
            self._flush()
        finally:
            self._jobs = None

    def write_file(
        self,
        name: Any,
        template: Template,
        context: Any,
        relative_urls: bool = False,
        paginated: Any = None,
        template_name: str | None = None,
        override_output: bool = False,
        url: Any = None,
        **kwargs: Any,
    ) -> None:
        """Collect or write a page; see Pelican's method."""
        if self._jobs is None or name is False or not name:
            super().write_file(  # type: ignore[no-untyped-call]
                name,
                template,
                context,
                relative_urls,
                paginated,
                template_name,
                override_output,
                url,
                **kwargs,
            )
            return
        if paginated is None:
            paginated = {key: kwargs[key] for key in kwargs if key in {"articles", "dates"}}
        if not paginated or template_name not in self.settings["PAGINATED_TEMPLATES"]:
            self._add(name, template, context, kwargs, relative_urls, override_output)
            return
        per_page = (
            self.settings["PAGINATED_TEMPLATES"][template_name]
            or self.settings["DEFAULT_PAGINATION"]
        )
        paginators = {
            key: _paginator(name, url, value, self.settings, per_page)
            for key, value in paginated.items()
        }
        # Each page is also its neighbours' previous or next page: one object has one digest.
        pages = {key: cache(pager.page) for key, pager in paginators.items()}
        for number in range(next(iter(paginators.values())).num_pages):
            own = dict(kwargs)
            page = None
            for key, pager in paginators.items():
                page = pages[key](number + 1)
                more = number + 1 < pager.num_pages
                own |= {
                    f"{key}_paginator": pager,
                    f"{key}_page": page,
                    f"{key}_previous_page": pages[key](number) if number > 0 else None,
                    f"{key}_next_page": pages[key](number + 2) if more else None,
                }
            self._add(page.save_as, template, context, own, relative_urls, override_output)  # type: ignore[union-attr]

    def _add(
        self,
        name: str,
        template: Template,
        context: Any,
        kwargs: dict[str, Any],
        relative_urls: bool,
        override: bool,
    ) -> None:
        path = sanitised_join(self.output_path, name)
        if not self._claim(path, override):
            return
        own: dict[str, Any] = {"localsiteurl": context.get("localsiteurl", None)}
        if relative_urls:
            own["SITEURL"] = own["localsiteurl"] = path_to_url(get_relative_path(name))
        own["output_file"] = name
        own.update(kwargs)
        self._jobs[path] = Job(path, name, template, context, own)  # type: ignore[index]

    def _claim(self, path: str, override: bool) -> bool:
        """Whether to write this file, by the rules of Pelican's `_open_w`, before rendering."""
        if path in self._overridden_files:
            if override:
                raise FileOverwriteFailedError(
                    f'Failed to overwrite "{path}" a second time (was previously overwritten)'
                )
            return False
        if path in self._written_files and not override:
            raise FileOverwriteFailedError(
                f'Failed to overwrite "{path}" as Pelican has already written to it previously '
                "(set `override=True` if intended)"
            )
        if override:
            self._overridden_files.add(path)
        self._written_files.add(path)
        return True

    def _open_w(self, filename: str, encoding: str, override: bool = False) -> Any:
        """Open as Pelican does, but replace a file with other hard links instead of editing it."""
        if override or filename not in self._overridden_files:
            with suppress(OSError):
                if os.stat(filename).st_nlink > 1:  # noqa: PTH116
                    os.unlink(filename)  # noqa: PTH108
        return super()._open_w(filename, encoding, override)  # type: ignore[no-untyped-call]

    def _flush(self) -> None:
        jobs = list((self._jobs or {}).values())
        impure = self._impure(jobs)
        keys = None if impure else self._begin_keys(jobs)
        with _unwatched({job.template.environment for job in jobs}):
            done = workers.each(
                "Writing pages",
                lambda index: self._make(jobs[index], keys),
                [job.name for job in jobs],
                1 if impure else self.means.processes,
                piece=8,
            )
        fresh: dict[bytes, bytes] = {}
        used: list[bytes] = []
        begin = len(os.path.abspath(self.output_path)) + 1  # noqa: PTH100
        for job, one in zip(jobs, done, strict=True):
            if one.logged:
                workers.replay(one.logged)
            made = one.value
            self.tally.reused += made.reused
            self.tally.rendered += not made.reused
            if made.reused:
                used.append(made.key)
                self.linked.add(job.path[begin:])
            # A page that warned must warn again next time.
            elif made.checksum is not None and not one.logged:
                fresh[made.key] = made.checksum
        if self.means.kept is not None:
            # Pages that were rendered while the theme was edited may be of either version.
            if keys is not None and keys.still(job.template for job in jobs):
                self.means.kept.put(fresh)
            self.means.kept.used(used)
        for job in jobs[-1:]:
            if job.own["localsiteurl"]:
                job.shared["localsiteurl"] = job.own["localsiteurl"]

    def _impure(self, jobs: list[Job]) -> bool:
        """Whether the pages must be made in order by this process; warn if that is slower."""
        if self.means.processes < 2 and self.means.pages is None:
            return False
        reason = purity.problem(purity.wanted(jobs))
        if reason:
            logger.warning(
                "%s. All pages are rendered in order by one process; declare what changes "
                "nothing in QUICK_PURE (docs/settings.md).",
                reason,
            )
        return bool(reason)

    def _begin_keys(self, jobs: list[Job]) -> Keys | None:
        """Begin the keys of the pages that may be in the cache; workers finish them."""
        if self.means.pages is None or self.means.kept is None:
            return None
        if self.settings["RELATIVE_URLS"]:
            return None  # each page has different links to every article
        pages_of = Counter(id(job.template) for job in jobs)
        several = [job for job in jobs if pages_of[id(job.template)] > SINGLE]
        keys = Keys(_universe(several[0].shared) if several else None)
        links = Links()
        for job in several:
            job.begun = keys.begin(job.template, job.shared, job.own)
            if job.begun is not None and not links.none_in(job.begun, job.own):
                # Resolving a link may move the target file, which all processes must see.
                job.key, job.begun = keys.end(job.begun, job.own), None
        return keys

    def _make(self, job: Job, keys: Keys | None) -> Made:
        """Make one page."""
        pages, kept, key = self.means.pages, self.means.kept, job.key
        if keys is not None and job.begun is not None:
            key = keys.end(job.begun, job.own)
        if pages is not None and kept is not None and key is not None:
            checksum = kept.get([key]).get(key)
            if checksum is not None and pages.use(key, checksum, job.path):
                return Made(True, key)
        # As Pelican does, so that contents can adjust their links.
        if job.own["localsiteurl"]:
            job.shared["localsiteurl"] = job.own["localsiteurl"]
        data = job.template.render({**job.shared, **job.own}).encode("utf-8")
        write(job.path, data)
        if pages is not None and key is not None:
            return Made(False, key, pages.keep(key, data, job.path))
        return Made(False)


@contextmanager
def _unwatched(environments: Collection[Environment]) -> Iterator[None]:
    """Keep Jinja2 from checking at every include whether the template file has changed.

    `Keys.still` checks that once, at the end, before pages are cached.
    """
    before = [(one, one.auto_reload) for one in environments]
    for one in environments:
        one.auto_reload = False
    try:
        yield
    finally:
        for one, watched in before:
            one.auto_reload = watched


def _universe(context: Any) -> frozenset[str]:
    """Return the attribute names of all articles, pages, files, tags, categories and authors."""
    contents = [*context["generated_content"].values(), *context["static_content"].values()]
    wrappers = [one for name in ("tags", "categories", "authors") for one, _ in context[name]]
    for one in contents:
        own = vars(one) if one is not None else {}
        wrappers += [own[name] for name in ("category", "author") if name in own]
        wrappers += [*own.get("tags", ()), *own.get("authors", ())]
    return universe((one for one in contents if one is not None), wrappers)
