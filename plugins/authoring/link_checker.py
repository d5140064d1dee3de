"""The link checker: finds broken links and images in articles.

Every build checks all articles against the files that it wrote. Nothing is cached, so a link whose
target was removed is always found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pelican.urlwrappers import Author, Category, Tag

from ..shared import source_lines
from .html_links import Link, ids_of, links_of
from .link_targets import Targets

# Discussions change without their authors: an editor's decision must not fail a build.
_OF_DISCUSSIONS = re.compile(r"comment-[0-9a-z]+|respond")
_PAGES = (".html", ".htm")


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A problem in a source; `draft` if it is in a draft that is not scheduled."""

    source: str
    line: int
    what: str
    draft: bool = False

    def __str__(self) -> str:
        return f"{self.source}:{self.line}: {self.what}"


class Proof:
    """The link checker of one build.

    `due` maps a scheduled content's id to the time when it becomes public. `known` are Pelican's
    maps of sources, `generated_content` and `static_content`.
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        output: Path,
        targets: Targets,
        contents: Iterable[Any],
        known: Mapping[str, Any],
        due: Mapping[int, datetime],
    ) -> None:
        self._settings, self._output, self._targets = settings, output, targets
        self._contents, self._known, self._due = list(contents), known, due
        self._placeholder = re.compile(settings["INTRASITE_LINK_REGEX"])
        self._of_file: dict[str, Any] = {}
        self._to_come: dict[str, Any] = {}
        for one in self._contents:
            if one.status == "draft":
                self._to_come["/" + unquote(published_url(one))] = one
            elif one.save_as:
                self._of_file[Path(one.save_as).as_posix()] = one
        self._ids: dict[str, set[str]] = {}

    def problems(self) -> list[Problem]:
        """Return all broken links, by source and line."""
        found: set[Problem] = set()
        for content in self._contents:
            found.update(self._problems_of(content))
        return sorted(found)

    def _problems_of(self, content: Any) -> Iterator[Problem]:
        draft = content.status == "draft" and id(content) not in self._due
        base = published_url(content) if content.status == "draft" else content.url
        judged: set[Link] = set()
        for link in links_of(html_of(content, self._settings)):
            if link in judged:
                continue
            judged.add(link)
            what = self._judge(content, base, link)
            if what is None:
                continue
            source = str(content.source_path)
            for line in source_lines.lines_of(source, link.url):
                yield Problem(source_lines.shown(source), line, what, draft)

    def _judge(self, content: Any, base: str, link: Link) -> str | None:
        """Return what is wrong with a link; None if nothing is."""
        nowhere = (
            f'the {link.kind} "{link.url}" is not there'
            if link.kind != "link"
            else f'the link to "{link.url}" leads nowhere'
        )
        url, placed = link.url, self._placeholder.match(link.url)
        try:
            if placed is not None and placed["what"] in ("filename", "static", "attach"):
                target = self._linked(content, placed["what"], url[placed.end() :])
                if target is None:
                    return nowhere
                if getattr(target, "status", "") == "draft":
                    return self._of_draft(content, target, link)
                url = _with_fragment(f"/{target.url}", url)
                path: str | None = unquote(f"/{target.url}")
            elif placed is not None:
                own = self._made(placed["what"], url[placed.end() :])
                if own is None:
                    return f'the link to "{link.url}" begins with a word that Pelican does not know'
                path = unquote(f"/{own}")
            else:
                path = self._targets.path(base, url)
        except ValueError:
            return f'the link to "{link.url}" is no address'
        if path is None:
            return None
        file = self._targets.file_at(path)
        if file is None:
            target = self._to_come.get(path) or self._to_come.get(f"{path}/")
            if target is content:
                return self._fragment(link, content, None)
            return nowhere if target is None else self._of_draft(content, target, link)
        return self._fragment(link, self._of_file.get(file), file, url)

    def _of_draft(self, content: Any, target: Any, link: Link) -> str | None:
        """Return what is wrong with a link to a draft: it must be public when the text is."""
        if content.status != "draft":
            return f'the link to "{link.url}" leads to a draft'
        begins, due = self._due.get(id(content)), self._due.get(id(target))
        if begins is not None and (due is None or due > begins):
            return f'the link to "{link.url}" leads to what is still a draft on that day'
        return self._fragment(link, target, None)

    def _fragment(self, link: Link, target: Any, file: str | None, url: str = "") -> str | None:
        """Return what is wrong with the part after `#` of a link to an existing page."""
        fragment = unquote(urlsplit(url or link.url).fragment).split(":~:")[0]
        if not fragment or fragment == "top" or _OF_DISCUSSIONS.fullmatch(fragment):
            return None
        if target is not None:
            name = f"\0{target.source_path}"
            text: Callable[[], str] = lambda: html_of(target, self._settings)  # noqa: E731
            if fragment in self._ids_of(name, text):
                return None
        if file is not None:
            if not file.endswith(_PAGES):
                return None
            path = self._output / file
            if fragment in self._ids_of(file, lambda: path.read_text("utf-8", "replace")):
                return None
        return f'the link to "{link.url}" leads to a page that has no "{fragment}"'

    def _ids_of(self, name: str, text: Callable[[], str]) -> set[str]:
        if name not in self._ids:
            self._ids[name] = ids_of(text())
        return self._ids[name]

    def _linked(self, content: Any, what: str, url: str) -> Any:
        """Return the content behind `{filename}` and the like, found as Pelican does; or None."""
        maps = ["generated_content", "static_content"] if what == "filename" else ["static_content"]
        for name in maps:
            for path in (urlsplit(url).path, unquote(urlsplit(url).path), unescape(url)):
                relative = (
                    path[1:]
                    if path.startswith("/")
                    else content.get_relative_source_path(f"{content.relative_dir}/{path}")
                    if content.relative_dir
                    else content.get_relative_source_path(path)
                )
                target = self._known[name].get(relative)
                if target is not None:
                    return target
        return None

    def _made(self, what: str, rest: str) -> str | None:
        """Return the address behind `{tag}` and the like; None for an unknown placeholder."""
        path = urlsplit(rest).path
        wrappers = {"category": Category, "tag": Tag, "author": Author}
        if what == "index":
            return str(self._settings["INDEX_SAVE_AS"])
        if what not in wrappers:
            return None
        make: Any = wrappers[what]
        return str(make(path, self._settings).url)


def html_of(content: Any, settings: Mapping[str, Any]) -> str:
    """Return a text as converted by Markdown, with the metadata that are HTML too."""
    texts = [content._content or ""]
    texts += [
        str(content.metadata[name])
        for name in settings["FORMATTED_FIELDS"]
        if name in content.metadata
    ]
    return "\n".join(texts)


def published_url(content: Any) -> str:
    """Return the address that a draft will have once it is public."""
    if hasattr(content, "later_url"):
        return str(content.later_url)
    kind = type(content).__name__.upper()
    name = f"{kind}_URL" if content.in_default_lang else f"{kind}_LANG_URL"
    return str(content.settings[name]).format(**content.url_format)


def _with_fragment(address: str, url: str) -> str:
    _, mark, fragment = url.partition("#")
    return f"{address}{mark}{fragment}"
