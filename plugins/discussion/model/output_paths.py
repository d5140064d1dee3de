"""Checks a build's files: no two may share a path, and none may hide the service.

The web server and the service share one origin. A page below /comments/ would hide the
service or never be seen; a page where another one is written replaces it without a warning.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any

from pelican.contents import Content
from pelican.generators import ArticlesGenerator, PagesGenerator

from ...shared.errors import BuildError
from . import paths
from .discussions import key_problem as wire_problem
from .manifest import FOLDER

# Addresses of the service and folders of the output; compared ignoring case.
RESERVED = frozenset({"comments", "moderate", "search", "theme", FOLDER})
# Addresses of the service below /comments/, which it refuses as keys.
RESERVED_KEYS = RESERVED | {"api", "assets", "search", "status"}
_LATER_PAGE = re.compile(r"(.*/|)replies/[1-9][0-9]*/index\.html")
_FEEDS = ("FEED_ATOM", "FEED_RSS", "FEED_ALL_ATOM", "FEED_ALL_RSS")


def reserved(content: Content, settings: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the path of an article or page; None if nothing is."""
    place = normal(str(content.save_as))
    first = place.partition("/")[0].casefold()
    static = str(settings.get("THEME_STATIC_DIR") or "theme").split("/")[0].casefold()
    slug = str(getattr(content, "slug", "")).casefold()
    hidden = any(part.startswith(".") for part in place.split("/"))
    if first in RESERVED or first == static or slug in RESERVED or hidden:
        return (
            f"its slug or address begins with a reserved name ({', '.join(sorted(RESERVED))}, "
            "or a dot); choose another slug"
        )
    if paths.feed_file(place) == paths.SITE_FEED:
        return (
            f"the feed of its replies would be {paths.SITE_FEED}, the feed of all replies; "
            "choose another slug"
        )
    return None


def key_of(content: Any) -> str:
    """Return the page key: `Discussion:`, or the slug, with the language if it is another one."""
    configured = content.metadata.get("discussion")
    key = str(content.slug if configured is None else configured).strip()
    if configured is None and not content.in_default_lang:
        key += f".{content.lang}"
    return key


def key_problem(content: Any, settings: Mapping[str, Any]) -> str | None:
    """Return what is wrong with a discussion's key; None if nothing is, or there is none."""
    article = type(content).__name__ == "Article"
    if not article and not settings.get("DISCUSSION_PAGES", False):
        return None
    key = key_of(content)
    if problem := wire_problem(key):
        return f"the discussion's key {problem}; add a line like: Discussion: another-key"
    if key.casefold() in RESERVED_KEYS:
        return (
            f"the discussion's key {key!r} is reserved; choose another slug, or add a line like: "
            "Discussion: another-key"
        )
    return None


def check(generators: Iterable[Any], settings: Mapping[str, Any], discussed: Iterable[Any]) -> None:
    """Raise BuildError naming everything that shares a file with something else."""
    taken: dict[str, str] = {}
    folders: dict[str, tuple[str, str]] = {}
    found: list[str] = []
    every = [*_owners(generators, settings), *_feeds_of_replies(discussed)]
    for path, owner in every:
        other = taken.setdefault(path, owner)
        if other != owner:
            found.append(f"{other} and {owner} would both be written to {path}")
        for above in _above(path):
            folders.setdefault(above, (owner, path))
    for path, owner in taken.items():
        if path in folders:
            below, where = folders[path]
            found.append(f"{owner} would be written to {path}, and {below} below it, to {where}")
    later = {paths.folder_of(normal(str(one.save_as))): one for one in discussed}
    for path, owner in taken.items():
        match = _LATER_PAGE.fullmatch(path)
        if match and match[1] in later:
            whose = shown(later[match[1]])
            found.append(f"{owner} would be written where later pages of replies to {whose} are")
    if found:
        raise BuildError(
            "\n".join(f"{one}; give one of them another slug" for one in dict.fromkeys(found))
        )


def normal(place: str) -> str:
    """Return a normalised POSIX path below the output."""
    return PurePosixPath(place.replace(os.sep, "/").lstrip("/")).as_posix()


def shown(content: Any) -> str:
    """Return a text's source, relative to the current folder if it is below."""
    path = Path(str(content.source_path)).absolute()
    try:
        return path.relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(path)


def _owners(generators: Iterable[Any], settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    overridden: set[str] = set()
    context: Mapping[str, Any] = {}
    articles: Any = None
    for generator in generators:
        if isinstance(generator, ArticlesGenerator | PagesGenerator):
            context = generator.context
            articles = generator if isinstance(generator, ArticlesGenerator) else articles
            for content in _contents(generator):
                if content.save_as:
                    yield normal(str(content.save_as)), shown(content)
                    if hasattr(content, "override_save_as"):
                        overridden.add(normal(str(content.save_as)))
    others = chain(_lists(articles), _templates(settings), _static(context))
    # A text with a line `Save_as` replaces a page of Pelican's on purpose.
    yield from ((path, owner) for path, owner in others if path not in overridden)


def _contents(generator: Any) -> Iterator[Any]:
    names = (
        *("articles", "translations", "hidden_articles", "hidden_translations"),
        *("drafts", "drafts_translations", "pages", "hidden_pages"),
        *("draft_pages", "draft_translations"),
    )
    return chain.from_iterable(getattr(generator, name, ()) for name in names)


def _lists(generator: Any) -> Iterator[tuple[str, str]]:
    if generator is None:
        return
    kinds = (
        ("tag", generator.tags),
        ("category", (one for one, _ in generator.categories)),
        ("author", (one for one, _ in generator.authors)),
    )
    for kind, wrappers in kinds:
        for one in wrappers:
            if one.slug and one.save_as:
                yield normal(str(one.save_as)), f"the {kind} “{one.name}”"


def _templates(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in settings["DIRECT_TEMPLATES"]:
        place = settings.get(f"{name.upper()}_SAVE_AS", f"{name}.html")
        if place:
            yield normal(str(place)), f"the template “{name}”"
    for name in _FEEDS:
        if settings.get(name):
            yield normal(str(settings[name])), name


def _static(context: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for one in context.get("static_content", {}).values():
        if one is None:
            continue
        # Not `save_as`: reading it would keep {attach} from moving the file.
        place = Content.save_as.fget(one)  # type: ignore[attr-defined]
        if place:
            yield normal(str(place)), shown(one)


def _feeds_of_replies(discussed: Iterable[Any]) -> Iterator[tuple[str, str]]:
    yield paths.SITE_FEED, "the feed of all replies"
    yield paths.SITEMAP, "the sitemap"
    for one in discussed:
        file = paths.feed_file(normal(str(one.save_as)))
        yield file, f"the feed of replies to {shown(one)}"


def _above(path: str) -> Iterator[str]:
    end = path.find("/")
    while end >= 0:
        yield path[:end]
        end = path.find("/", end + 1)
