"""Handlers of Pelican's signals: fetch, render regions, write the manifest, register pages."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import quote

from feedgenerator import Rss201rev2Feed
from markupsafe import Markup
from pelican.generators import ArticlesGenerator, PagesGenerator

from ...language.catalog import file_of
from ...language.hooks import folder_of
from ...shared import files as pages
from ...shared.errors import BuildError, ServiceError, SettingsError, SnapshotError
from ...shared.plain_text import (
    field_text,
    is_html,
    one_line,
    plain,
    slug_of,
    title_of,
    xml_safe,
)
from ...shared.settings import SiteSettings
from ..client.http import Client
from ..client.snapshot import Position, Snapshot
from ..model import manifest as manifests
from ..model import output_paths, paths
from ..model.discussions import Facts, Page
from ..model.manifest import Address, Entry, Manifest
from ..model.options import Limits, RenderSettings
from ..model.privacy_check import Ask
from ..publish.built_site import Outcome, Site
from ..render import layout, regions
from ..render.feeds import page_id
from ..render.lazy import Later, Source
from ..render.render_context import World
from . import region_index
from .leftovers import Leftovers

logger = logging.getLogger(__name__)

# What paths leave out.
ODD = re.compile(r"//|/\./|/\.?$")


@dataclass
class Run:
    """The state of one run of Pelican."""

    snapshot: Snapshot
    client: Client | None
    manifest: Manifest | None = None
    addresses: list[Address] = field(default_factory=list)
    # The snapshot's position when the discussions were attached.
    before: Position | None = None
    # The generation of all discussions in the pages; None if it changed during the run.
    generation: str | None = None
    # Pelican's writer, which knows which files it wrote, and may know which it reused.
    writer: Any = None
    # Pelican's map of static files by their sources.
    static: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ask(self) -> Ask | None:
        """Return the check of private strings; None without the service."""
        return self.client.private if self.client is not None else None


# Pelican passes each signal another sender, and runs one build at a time in a process.
_runs: list[Run] = []
# The snapshot's position throughout the last run; empty if it changed.
_built_from: list[Position] = []


def fetch_discussions(pelican: Any) -> None:
    """At `get_generators`, bring the snapshot up to date, once per run.

    If the service is down or has lost its replies, the last snapshot is used, with a warning.
    Raises BuildError when there is none, unless DISCUSSION_REQUIRED is False.
    """
    close()
    _built_from.clear()
    snapshot = Snapshot(snapshot_path(pelican.settings))
    client = None
    try:
        client = Client.from_settings(SiteSettings.from_environ(os.environ))
        accept_empty = bool(pelican.settings.get("DISCUSSION_ACCEPT_EMPTY", False))
        snapshot.sync(client, accept_empty=accept_empty)
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
    """At `all_generators_finalized`, give every article its rendered regions.

    Sets `discussion_key`, `discussion`, `discussion_head`, `discussion_invite`, `discussion_count`
    (strings; "" for drafts) and `discussion_open`, and DISCUSSION_LATEST for all templates. Raises
    BuildError for keys that are not allowed or used twice.
    """
    run, generators = _runs[-1], list(generators)
    articles: list[Any] = []
    drafts: list[Any] = []
    static_pages: list[Any] = []
    main: Any = None
    for generator in generators:
        if isinstance(generator, ArticlesGenerator):
            main = main or generator
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
    if main is None:
        raise BuildError("There is no articles generator to attach discussions to.")
    settings, output = main.settings, Path(main.output_path)
    for content in chain(articles, static_pages):
        if wrong := output_paths.reserved(content, settings):
            raise BuildError(f"{output_paths.shown(content)}: {wrong}")
    discussed = [*articles, *(static_pages if settings.get("DISCUSSION_PAGES", False) else ())]
    discussed = [one for one in discussed if one.save_as]
    output_paths.check(generators, settings, discussed)
    words = file_of(folder_of(settings["THEME"]), settings["DEFAULT_LANG"])
    templates = manifests.keep_templates(_discussion_templates(settings), output, words)
    options = render_settings(settings)
    entries = _entries(discussed, settings, options)
    run.manifest = Manifest.of(options, (entry for _, entry in entries))
    run.addresses = list(_addresses(settings, entries, [*articles, *static_pages]))
    _keep_shells(main, output, {entry.page.facts.language for _, entry in entries}, options)
    before = run.snapshot.position()
    world = World(run.snapshot, run.manifest, templates.parents[1], run.ask)
    source = Source(run.snapshot.path, run.manifest, templates.parents[1], world, _asks_anew(run))
    # Pages that are reused from an earlier build are checked too.
    world.check_all(entry.page.key for _, entry in entries)
    for content in (*articles, *static_pages):
        world.check_text(content.content, str(content.source_path))
    for content, entry in entries:
        content.discussion_key = entry.page.key
        content.discussion_open = entry.page.open
        content.discussion = Later(source, "discussion", entry.page)
        content.discussion_head = Later(source, "head", entry.page)
        content.discussion_invite = Later(source, "invite", entry.page)
        content.discussion_count = Later(source, "count", entry.page)
    # Pelican's generators share one context.
    main.context["DISCUSSION_LATEST"] = regions.SITE_REGIONS["latest"].show(world)
    run.before, run.static = before, main.context.get("static_content", {})
    for draft in drafts:
        # Unpublished texts take no replies; metadata `Discussion:` must not show either.
        draft.discussion_key = _key(draft, settings)
        draft.discussion_open = False
        draft.discussion = draft.discussion_head = ""
        draft.discussion_invite = draft.discussion_count = ""


def remember_writer(_generator: Any, writer: Any) -> None:
    """At `article_writer_finalized`, remember the writer, which also writes the other pages."""
    if _runs:
        _runs[-1].writer = writer


def keep_title_whole(generator: Any, metadata: dict[str, Any]) -> None:
    """When metadata is read, make the slug of the whole title.

    Pelican takes “<3 meetings, and 5 >” for a tag and makes the slug of the rest.
    """
    settings, title = generator.settings, metadata.get("title")
    if "slug" in metadata or settings["SLUGIFY_SOURCE"] != "title" or not isinstance(title, str):
        return
    if "<" in title and not is_html(metadata, "title", settings):
        metadata["slug"] = slug_of(title, settings)


def complete_feed(context: Any, feed: Any) -> None:
    """At `feed_generated`, restore whole titles, set permanent ids in RSS, and remove invalid XML.

    Pelican strips what looks like tags from titles. Its ids would be taken for addresses in RSS;
    Atom gets the permanent ones when it is marked.
    """
    if not _runs or _runs[-1].manifest is None:
        return
    listed = {page.url: page for page in _runs[-1].manifest.pages}
    for entry in feed.items:
        page = listed.get(entry["link"].removesuffix("?ref=feed"))
        if page is not None:
            entry["title"] = page.title
        if isinstance(feed, Rss201rev2Feed):
            entry["unique_id_is_permalink"] = False
            if page is not None:
                entry["unique_id"] = page_id(page.key)
        _make_xml_safe(entry)
    feed.feed["title"] = _feed_title(context, feed.feed["title"])
    _make_xml_safe(feed.feed)


def _feed_title(context: Any, stripped: str) -> str:
    """Return the whole title of which Pelican left this."""
    site = str(context["SITENAME"])
    lists = chain(
        context.get("tags", ()), context.get("categories", ()), context.get("authors", ())
    )
    for title in (site, *(f"{site} - {one.name}" for one, _ in lists)):
        if ("<" in title or "&" in title) and Markup(title).striptags() == stripped:  # noqa: S704
            return one_line(title)
    return stripped


def _make_xml_safe(values: dict[str, Any]) -> None:
    for name, value in values.items():
        if isinstance(value, str):
            values[name] = xml_safe(value)
        elif name == "categories" and value:
            values[name] = [xml_safe(str(one)) for one in value]


def finish(pelican: Any) -> None:
    """At `finalized`, index the regions of written files, write the manifest and the outputs.

    Registers the pages too. Raises PageError naming the page without exactly one pair of markers.
    """
    run = _runs[-1]
    after = run.snapshot.position()
    if run.before and after and run.before.generation == after.generation:
        run.generation = run.before.generation
        _built_from[:] = [after] if after == run.before else []
    output = Path(pelican.settings["OUTPUT_PATH"])
    manifest = run.manifest
    if manifest is None:
        raise BuildError("The discussions were not attached; is another plugin in the way?")
    own = manifest.files_by_key
    urls = {page.url: page.key for page in manifest.pages}
    before = region_index.before(pelican.settings.get("DISCUSSION_BEFORE"))
    linked = getattr(run.writer, "linked", ())
    left = _leftovers(run, output, manifest.settings.precompress)
    places = region_index.places(output, own, urls, regions.ONCE, linked, before, left)
    if any(file.endswith(region_index.FEEDS) for file in places):
        # Their regions are still empty.
        _built_from.clear()
    manifest.write(output, places, run.addresses, region_index.code())
    site = Site.of(output, manifest, run.ask)
    outcome = Outcome()
    site.derive(site.world(run.snapshot), outcome, thorough=run.generation is None)
    for error in outcome.failed.values():
        raise error
    site.squeeze()
    if run.generation is not None:
        # Every page was rendered from this generation, so revisions are sufficient.
        run.snapshot.mark_reconciled(site.name, run.generation)
    if run.client is not None:
        try:
            run.client.register(manifest.pages)
        except ServiceError as error:
            _warn(f"The pages could not be registered; the publisher will do it. {error}")
    close()


def _leftovers(run: Run, output: Path, kinds: Iterable[str]) -> Leftovers | None:
    """Return what earlier builds left; None if another plugin's writer does not list its files."""
    written = getattr(run.writer, "_written_files", None)
    if not isinstance(written, set):
        return None
    copied = {str(output / str(one.save_as)) for one in run.static.values() if one is not None}
    return Leftovers(output, written | copied, kinds)


def built_from() -> Position | None:
    """Return the snapshot's position that all files of the last build show; None if it changed."""
    return _built_from[0] if _built_from else None


def _asks_anew(run: Run) -> Callable[[], Ask | None]:
    """Return a factory for other processes, which cannot use this one's connection."""
    if run.client is None:
        return lambda: None
    settings = SiteSettings.from_environ(os.environ)
    return lambda: Client.from_settings(settings).private


def close() -> None:
    """Release the resources of a run, also of one that failed."""
    while _runs:
        run = _runs.pop()
        run.snapshot.close()
        if run.manifest is not None:
            run.manifest.close()
        if run.client is not None:
            run.client.close()


def snapshot_path(settings: Mapping[str, Any]) -> Path:
    """Return DISCUSSION_SNAPSHOT, or discussions.sqlite3 in REJOINDER_VAR (or `var`)."""
    configured = settings.get("DISCUSSION_SNAPSHOT")
    return Path(configured) if configured else SiteSettings.from_environ(os.environ).snapshot


def render_settings(settings: Mapping[str, Any]) -> RenderSettings:
    """Read the options of rendering from Pelican's settings; SettingsError names a bad one."""
    defaults = Limits()
    limits = settings.get("DISCUSSION_LIMITS", {})
    if not isinstance(limits, Mapping):
        raise SettingsError("DISCUSSION_LIMITS is not a dictionary of field and characters")
    return RenderSettings.from_json(
        {
            "comments_url": settings.get("DISCUSSION_COMMENTS_URL")
            or f"{settings['SITEURL']}/comments",
            "language": settings["DEFAULT_LANG"],
            "max_depth": settings.get("DISCUSSION_MAX_DEPTH", 4),
            "limits": {
                name: getattr(defaults, name) for name in ("comment", "author", "email", "url")
            }
            | dict(limits),
            "page_size": settings.get("DISCUSSION_PAGE_SIZE", 50),
            "site_url": settings["SITEURL"],
            "site_name": one_line(settings["SITENAME"]),
            "precompress": settings.get("DISCUSSION_PRECOMPRESS", ()),
            "public_addresses": settings.get("DISCUSSION_PUBLIC_ADDRESSES", ()),
            # Without that page nobody could search.
            "search": settings.get("DISCUSSION_SEARCH", True)
            and "search" in settings.get("DIRECT_TEMPLATES", ()),
            "follow": settings.get("DISCUSSION_FOLLOW", True),
        }
    )


def _entries(
    contents: Iterable[Any], settings: Mapping[str, Any], options: RenderSettings
) -> list[tuple[Any, Entry]]:
    sources: dict[str, str] = {}
    made = []
    for content in contents:
        page = _page(content, settings, options)
        other = sources.setdefault(page.key, output_paths.shown(content))
        if other != output_paths.shown(content):
            raise BuildError(
                f"{output_paths.shown(content)} and {other} have the same discussion {page.key!r}; "
                "give one of them another slug, or a line like: Discussion: another-key"
            )
        made.append((content, Entry(page, _posix(str(content.save_as)))))
    return made


def _posix(save_as: str) -> str:
    plain = not save_as.startswith("./") and save_as.isascii() and not ODD.search(save_as)
    return save_as if plain and os.sep == "/" else Path(save_as).as_posix()


def _page(article: Any, settings: Mapping[str, Any], options: RenderSettings) -> Page:
    url = _url(article, settings)
    return Page(
        key=_key(article, settings),
        url=url,
        title=title_of(article),
        question=field_text(article.metadata, "question", settings),
        open=str(article.metadata.get("comments", "open")).strip().lower() != "closed",
        page_size=options.page_size,
        replies_url=paths.replies_pattern(url) if options.page_size else None,
        facts=Facts(
            authors=tuple((one_line(one.name), _url(one, settings)) for one in _authors(article)),
            published=_moment(article, "date"),
            modified=_moment(article, "modified"),
            description=plain(getattr(article, "summary", "") or ""),
            language=str(getattr(article, "lang", settings["DEFAULT_LANG"])),
            listed=article.status == "published",
            # Attributes that other plugins may have set (plugins/reading, plugins/cards).
            words=getattr(article, "word_count", 0),
            image=f"{settings['SITEURL']}/{card}" if (card := getattr(article, "card", "")) else "",
        ),
    )


def _authors(article: Any) -> list[Any]:
    return [one for one in getattr(article, "authors", []) if one.name]


def _url(content: Any, settings: Mapping[str, Any]) -> str:
    path = quote(content.url.lstrip("/"), safe="/:?#[]@!$&'()*+,;=%~")
    return f"{settings['SITEURL']}/{path}"


def _moment(content: Any, name: str) -> str:
    moment = getattr(content, name, None)
    return moment.isoformat() if isinstance(moment, datetime) else ""


def _addresses(
    settings: Mapping[str, Any], entries: Iterable[tuple[Any, Entry]], contents: Iterable[Any]
) -> Iterator[Address]:
    """Return the sitemap's lines: listed pages and the home page."""
    pages_of = {id(content): entry.page for content, entry in entries}
    yield Address(f"{settings['SITEURL']}/")
    for content in contents:
        if content.status == "published" and content.save_as:
            date = _moment(content, "modified") or _moment(content, "date")
            page = pages_of.get(id(content))
            if page is not None:
                yield Address(page.url, date, page.key)
            else:
                yield Address(_url(content, settings), date)


def _keep_shells(
    generator: Any, output: Path, languages: Iterable[str], options: RenderSettings
) -> None:
    """Render the theme's layout for later pages of replies, once for each language."""
    if options.page_size is None:
        return
    for language in sorted(languages):
        try:
            template = generator.get_template(layout.TEMPLATE.removesuffix(".html"))
        except Exception as error:
            raise BuildError(
                f"The theme has no templates/{layout.TEMPLATE} for long discussions "
                f"(docs/theme.md): {error}. Add it, or set DISCUSSION_PAGE_SIZE = 0."
            ) from error
        text = template.render(
            {
                **generator.context,
                "REPLIES": layout.placeholders(language),
                "output_file": "",
                "localsiteurl": None,
            }
        )
        path = manifests.shell_of(output, language)
        path.parent.mkdir(parents=True, exist_ok=True)
        pages.replace(path, text.encode())


def _key(content: Any, settings: Mapping[str, Any]) -> str:
    if wrong := output_paths.key_problem(content, settings):
        raise BuildError(f"{output_paths.shown(content)}: {wrong}")
    return output_paths.key_of(content)


def _discussion_templates(settings: Mapping[str, Any]) -> list[Path]:
    """Return the theme's templates, then the overrides; of those Pelican would use the first."""
    overrides = [Path(one) for one in settings.get("THEME_TEMPLATES_OVERRIDES", ())]
    theme = Path(settings["THEME"], "templates")
    return [folder / "discussion" for folder in (theme, *reversed(overrides))]


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
    """Log through Pelican, and print a plain line that `--quiet` does not suppress."""
    logger.warning("%s", message)
    print(f"WARNING: {message}", file=sys.stderr, flush=True)


def _age(moment: datetime) -> str:
    minutes = max(0, int((datetime.now(UTC) - moment).total_seconds() // 60))
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // 1440} days"
