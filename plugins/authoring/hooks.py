"""Handlers of Pelican's signals for authoring."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

from pelican.contents import Article, Page
from pelican.generators import ArticlesGenerator, PagesGenerator
from pelican.urlwrappers import Category

from ..shared import source_lines
from ..shared.files import replace
from ..shared.plain_text import title_of
from ..shared.settings import SiteSettings
from . import build_time, draft_secret, redirects, scheduled, taxonomy
from .article_reader import Checks
from .drafts import Draft
from .errors import AuthoringError, ProofError
from .link_checker import Problem, Proof
from .link_targets import Targets
from .redirects import Redirect
from .renamed_settings import setting
from .scheduled import Scheduled

PREVIEW = "{preview}"
FORMATS = tuple(
    f"{kind}_{name}" for kind in ("DRAFT", "DRAFT_PAGE") for name in ("URL", "LANG_URL")
)


@dataclass
class Run:
    """The state of one run of Pelican."""

    now: datetime
    # None if no address of a draft contains it: then no secret is made.
    key: bytes | None
    scheduled: list[Scheduled] = field(default_factory=list)
    contents: list[Any] = field(default_factory=list)
    redirects: list[Redirect] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    # Problems of texts that cannot be published as they are; only a public build fails with them.
    bad_texts: list[Problem] = field(default_factory=list)
    context: Any = None

    def __post_init__(self) -> None:
        self.checks = Checks(self.bad_texts.append)


_runs: list[Run] = []
# The drafts of the last run that was completed.
_drafts: list[Draft] = []
# What the last run reported about texts, for the build report.
_warnings: list[str] = []


def begin(pelican: Any) -> None:
    """At `get_generators`, set the time of the build, and the secret if drafts need it."""
    _runs.clear()
    _drafts.clear()
    _warnings.clear()
    settings = pelican.settings
    hidden = any(PREVIEW in str(settings.get(name, "")) for name in FORMATS)
    var = SiteSettings.from_environ(os.environ).var
    key = draft_secret.key_of(os.environ, var) if hidden else None
    _runs.append(Run(build_time.moment_of(settings), key))


def check_texts(generator: Any) -> None:
    """At a generator's start, check every text that it reads."""
    if _runs and isinstance(generator, ArticlesGenerator | PagesGenerator):
        _runs[-1].checks.watch(generator)


def untangle_labels(generator: Any) -> None:
    """At `article_generator_pretaxonomy`, check for names that share an address."""
    if _runs:
        listed = sorted(generator.articles, key=lambda one: str(one.source_path))
        _runs[-1].bad_texts += taxonomy.untangle(listed)


def file_away(content: Any) -> None:
    """At `content_object_init`, hold back scheduled articles, and give drafts their address.

    A draft has `preview` in its metadata, for DRAFT_URL and its like.
    """
    if not _runs or not isinstance(content, Article | Page):
        return
    run = _runs[-1]
    held = scheduled.hold_back(content, run.now)
    if held is not None:
        run.scheduled.append(held)
    if content.status != "draft":
        return
    if isinstance(content, Article) and not hasattr(content, "category"):
        # Pelican needs no category, except when it writes a draft.
        make: Any = Category
        draft: Any = content
        draft.category = make(content.settings["DEFAULT_CATEGORY"], content.settings)
    # An address in the metadata is for the published article.
    for name in ("url", "save_as"):
        if (own := vars(content).pop(f"override_{name}", None)) is not None:
            setattr(content, f"later_{name}", own)
    if run.key is not None:
        kind = "article" if isinstance(content, Article) else "page"
        slug = str(getattr(content, "slug", ""))
        content.metadata["preview"] = draft_secret.preview(run.key, kind, slug)


def lay_redirects(generators: Iterable[Any]) -> None:
    """At `all_generators_finalized`, write the redirects, before all other pages.

    If something else is written to the same path, `look_over` notices that it changed.
    """
    if not _runs:
        return
    run = _runs[-1]
    _tell_bad_texts(run, generators := list(generators))
    output = None
    for generator in generators:
        if isinstance(generator, ArticlesGenerator | PagesGenerator):
            run.contents += _contents_of(generator)
        if isinstance(generator, ArticlesGenerator):
            run.context, output = generator.context, Path(generator.output_path)
    if output is None:
        raise AuthoringError("There is no articles generator; is another plugin in the way?")
    run.redirects, run.problems = redirects.redirects_of(run.contents, run.context)
    for one in run.redirects:
        path = output / one.file
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError:
            run.problems.append(one.problem("is below an address that is a file"))
            continue
        replace(path, one.page)
    if run.redirects:
        replace(output / redirects.TABLE, redirects.table(run.redirects))


def look_over(pelican: Any) -> None:
    """At `finalized`, check links and store the coming moments.

    Raises ProofError with everything that an author must fix; problems of drafts are only printed.
    """
    if not _runs:
        return
    run = _runs.pop()
    settings, output = pelican.settings, Path(pelican.settings["OUTPUT_PATH"])
    problems = [*run.problems, *_overwritten(run, output)]
    due = {id(one.content): one.due for one in run.scheduled}
    targets = Targets(settings["SITEURL"], _files(output), _ignored(settings))
    proof = Proof(settings, output, targets, run.contents, run.context, due)
    problems += proof.problems()
    _warn(f"{one} (a draft)" for one in problems if one.draft)
    fatal = sorted(one for one in problems if not one.draft)
    if fatal and run.checks.left_out:
        # Links may point to a text that was left out; they are no errors.
        _warn(fatal)
    elif fatal:
        raise ProofError("\n".join(map(str, fatal)))
    # A text that Pelican refused for another reason will not become public either.
    made = {id(one) for one in run.contents}
    moments = [one.due for one in run.scheduled if id(one.content) in made]
    scheduled.write_moments(output, moments, settings.get("AUTHORING_SETTINGS_FILE"))
    _drafts.extend(
        _draft(one, due.get(id(one)), settings) for one in run.contents if one.status == "draft"
    )


def _tell_bad_texts(run: Run, generators: list[Any]) -> None:
    """Fail a public build with all bad texts; otherwise print them."""
    found = sorted(set(run.bad_texts))
    site_url = next((str(one.settings["SITEURL"]) for one in generators), "")
    if found and site_url.startswith(("http://", "https://")):
        raise ProofError("\n".join(map(str, found)))
    left_out = {source_lines.shown(one) for one in run.checks.left_out}
    _warn(f"{one} (left out of this build)" if one.source in left_out else one for one in found)


def _warn(messages: Iterable[object]) -> None:
    for one in messages:
        _warnings.append(str(one))
        print(f"WARNING: {one}", file=sys.stderr, flush=True)


def warnings_of_last_run() -> list[str]:
    """Return what the last run reported about texts, one line each."""
    return list(_warnings)


def drafts_of_last_run() -> list[Draft]:
    """Return the drafts that the last run wrote."""
    return list(_drafts)


def _contents_of(generator: Any) -> Iterator[Any]:
    names = (
        *("articles", "translations", "hidden_articles", "hidden_translations"),
        *("drafts", "drafts_translations"),
        *("pages", "hidden_pages", "draft_pages", "draft_translations"),
    )
    return chain.from_iterable(getattr(generator, name, ()) for name in names)


def _overwritten(run: Run, output: Path) -> Iterator[Problem]:
    for one in run.redirects:
        try:
            same = (output / one.file).read_bytes() == one.page
        except OSError:
            continue  # said when it could not be written
        if not same:
            yield one.problem("is the address of another page of this site")
    if run.redirects:
        table = output / redirects.TABLE
        if table.read_bytes() != redirects.table(run.redirects):
            yield run.redirects[0].problem(f"needs {redirects.TABLE}, which is another file here")


def _files(output: Path) -> set[str]:
    begin = len(str(output)) + 1
    return {f"{folder}/{name}"[begin:] for folder, _, names in os.walk(output) for name in names}


def _ignored(settings: Any) -> list[str]:
    given = setting(settings, "AUTHORING_IGNORE_LINKS", ())
    if isinstance(given, str) or not all(isinstance(one, str) for one in given):
        raise AuthoringError(
            'AUTHORING_IGNORE_LINKS is not a list of paths; set it to e.g. ("/shop/*",)'
        )
    return list(given)


def _draft(content: Any, due: datetime | None, settings: Any) -> Draft:
    return Draft(
        title=title_of(content),
        source=os.path.relpath(str(content.source_path)),
        url=f"{settings['SITEURL']}/{content.url}",
        due=None if due is None else due.isoformat(),
    )
