"""What happens during a Pelican run: fetch, attach, check, write the manifest, register."""

from __future__ import annotations

import html
import logging
import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pelican.generators import ArticlesGenerator, PagesGenerator

from plugins.discussion import manifest as manifests
from plugins.discussion import page as pages
from plugins.discussion.client import Client
from plugins.discussion.errors import (
    BuildError,
    ServiceError,
    SettingsError,
    SnapshotError,
)
from plugins.discussion.manifest import Entry
from plugins.discussion.model import Page, key_problem
from plugins.discussion.render import Limits, RenderSettings, render
from plugins.discussion.settings import SiteSettings
from plugins.discussion.snapshot import Snapshot

logger = logging.getLogger(__name__)

# Folders of the output, or doors of the service, that an article would hide.
RESERVED = frozenset({"comments", "moderate", "theme", manifests.FOLDER})
# Below /comments/ these are addresses of the service itself; it refuses them as keys.
RESERVED_KEYS = RESERVED | {"api", "assets", "status"}
TAG = re.compile(r"<!--.*?-->|</?[A-Za-z][^>]*>", re.DOTALL)


@dataclass
class Run:
    """What one run of Pelican carries from its first signal to its last."""

    snapshot: Snapshot
    client: Client | None
    entries: list[Entry] = field(default_factory=list)
    settings: RenderSettings | None = None


# Pelican gives each signal another sender, and runs one build at a time in a process.
_runs: list[Run] = []


def fetch_discussions(pelican: Any) -> None:
    """At `get_generators`: bring the snapshot up to date, once per run.

    With the service down the last snapshot serves, loudly. Raises BuildError when there is none,
    unless DISCUSSION_REQUIRED is False.
    """
    close()
    snapshot = Snapshot(snapshot_path(pelican.settings))
    client = None
    try:
        client = Client.from_settings(SiteSettings.from_environ(os.environ))
        snapshot.sync(client)
    except (ServiceError, SettingsError) as error:
        client = None
        required = bool(pelican.settings.get("DISCUSSION_REQUIRED", True))
        try:
            _do_without(snapshot, error, required=required)
        except BuildError:
            snapshot.close()
            raise
    _runs.append(Run(snapshot, client))


def attach_discussions(generators: Iterable[Any]) -> None:
    """At `all_generators_finalized`: give every article its finished discussion.

    Sets `discussion_key`, `discussion` (HTML; "" for drafts) and `discussion_open`. Raises
    BuildError for keys that are not allowed or used twice.
    """
    run = _runs[-1]
    articles: list[Any] = []
    drafts: list[Any] = []
    static_pages: list[Any] = []
    settings: Mapping[str, Any] = {}
    output = theme = Path()
    for generator in generators:
        if isinstance(generator, ArticlesGenerator):
            settings = generator.settings
            output, theme = Path(generator.output_path), _discussion_templates(generator)
            articles += chain(
                generator.articles,
                generator.translations,
                generator.hidden_articles,
                generator.hidden_translations,
            )
            drafts += chain(generator.drafts, generator.drafts_translations)
        elif isinstance(generator, PagesGenerator):
            static_pages += chain(
                generator.pages,
                generator.translations,
                generator.hidden_pages,
                generator.hidden_translations,
            )
    for content in chain(articles, static_pages):
        _check_place(content)
    if settings.get("DISCUSSION_PAGES", False):
        articles += static_pages
    templates = manifests.keep_templates(theme, output)
    run.settings = render_settings(settings)
    sources: dict[str, str] = {}
    for article in (one for one in articles if one.save_as):
        page = _page(article, settings)
        other = sources.setdefault(page.key, str(article.source_path))
        if other != str(article.source_path):
            raise BuildError(
                f"{article.source_path} and {other} have the same discussion {page.key!r}; "
                "give one of them another slug, or a line like: Discussion: another-key"
            )
        article.discussion_key = page.key
        article.discussion_open = page.open
        article.discussion = render(run.snapshot.get(page.key), page, run.settings, templates)
        run.entries.append(Entry(page, Path(article.save_as).as_posix()))
    for draft in drafts:
        # Nobody can reply to what is not published; metadata `Discussion:` must not show either.
        draft.discussion_key = _key(draft)
        draft.discussion_open = False
        draft.discussion = ""


def finish(pelican: Any) -> None:
    """At `finalized`: check every page's markers, write the manifest, register the pages.

    Raises PageError naming the page without exactly one pair of markers.
    """
    run = _runs[-1]
    output = Path(pelican.settings["OUTPUT_PATH"])
    for entry in run.entries:
        path = output / entry.file
        pages.find(pages.read(path), entry.page.key, str(path))
    if run.settings is None:
        raise BuildError("The discussions were not attached; is another plugin in the way?")
    manifest = manifests.write(output, run.settings, run.entries)
    if run.client is not None:
        try:
            run.client.register(manifest.pages)
        except ServiceError as error:
            _warn(f"The pages could not be registered; the publisher will do it. {error}")
    close()


def close() -> None:
    """Let go of what a run holds, also of one that failed."""
    while _runs:
        run = _runs.pop()
        run.snapshot.close()
        if run.client is not None:
            run.client.close()


def snapshot_path(settings: Mapping[str, Any]) -> Path:
    """DISCUSSION_SNAPSHOT, or discussions.sqlite3 in REJOINDER_VAR (`var` where one works)."""
    configured = settings.get("DISCUSSION_SNAPSHOT")
    return Path(configured) if configured else SiteSettings.from_environ(os.environ).snapshot


def render_settings(settings: Mapping[str, Any]) -> RenderSettings:
    """What the rendering depends on, from Pelican's settings; SettingsError names the wrong one."""
    defaults = Limits()
    limits = settings.get("DISCUSSION_LIMITS", {})
    if not isinstance(limits, Mapping):
        raise SettingsError("DISCUSSION_LIMITS is not a dictionary of field and characters")
    return RenderSettings.from_json(
        {
            "comments_url": settings.get("DISCUSSION_COMMENTS_URL")
            or f"{settings['SITEURL']}/comments",
            "language": settings.get("DISCUSSION_LANGUAGE") or settings["DEFAULT_LANG"],
            "max_depth": settings.get("DISCUSSION_MAX_DEPTH", 4),
            "limits": {
                name: getattr(defaults, name) for name in ("comment", "author", "email", "url")
            }
            | dict(limits),
        }
    )


def plain(text: object) -> str:
    """A title as plain text: smarty and typogrify may have put tags and entities into it."""
    return " ".join(html.unescape(TAG.sub("", str(text))).split())


def _page(article: Any, settings: Mapping[str, Any]) -> Page:
    path = quote(article.url.lstrip("/"), safe="/:?#[]@!$&'()*+,;=%~")
    return Page(
        key=_key(article),
        url=f"{settings['SITEURL']}/{path}",
        title=plain(article.title),
        question=plain(article.metadata.get("question", "")),
        open=str(article.metadata.get("comments", "open")).strip().lower() != "closed",
    )


def _key(article: Any) -> str:
    """The page key: what `Discussion:` says, or the slug; other languages add theirs."""
    configured = article.metadata.get("discussion")
    key = str(article.slug if configured is None else configured).strip()
    if configured is None and not article.in_default_lang:
        key += f".{article.lang}"
    if problem := key_problem(key):
        raise BuildError(
            f"{article.source_path}: the discussion's key {problem}; "
            "add a line like: Discussion: another-key"
        )
    if key in RESERVED_KEYS:
        raise BuildError(
            f"{article.source_path}: the discussion's key {key!r} is reserved; "
            "choose another slug, or add a line like: Discussion: another-key"
        )
    return key


def _check_place(content: Any) -> None:
    folder = Path(content.save_as).parts[:1]
    if content.slug in RESERVED or RESERVED.intersection(folder):
        raise BuildError(
            f"{content.source_path}: its slug or address begins with a reserved name "
            f"({', '.join(sorted(RESERVED))}); choose another slug"
        )


def _discussion_templates(generator: Any) -> Path:
    """Where Pelican itself would look first: overrides, then the theme."""
    settings = generator.settings
    theme = Path(settings["THEME"], "templates")
    for folder in [*map(Path, settings.get("THEME_TEMPLATES_OVERRIDES", ())), theme]:
        if (folder / "discussion" / "discussion.html").is_file():
            return folder / "discussion"
    return theme / "discussion"


def _do_without(snapshot: Snapshot, error: Exception, *, required: bool) -> None:
    try:
        received = snapshot.received() if snapshot.position() else None
    except SnapshotError:
        received = None
    if received is not None:
        _warn(
            f"Building with the replies as they were {_age(received)} ago "
            f"({received:%Y-%m-%d %H:%M} UTC), newer ones are NOT in these pages. {error}"
        )
    elif required:
        raise BuildError(
            f"There are no discussions to build with: {error} To publish without any replies, set "
            "DISCUSSION_REQUIRED = False in the Pelican settings."
        )
    else:
        _warn(f"Building WITHOUT any replies (DISCUSSION_REQUIRED is False). {error}")


def _warn(message: str) -> None:
    """Through Pelican's log, and as a plain line that `--quiet` does not swallow."""
    logger.warning("%s", message)
    print(f"WARNING: {message}", file=sys.stderr, flush=True)


def _age(moment: datetime) -> str:
    minutes = max(0, int((datetime.now(UTC) - moment).total_seconds() // 60))
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // 1440} days"
