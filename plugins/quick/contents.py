"""Subclasses of Pelican's articles and pages that compute URLs and paths faster.

Pelican formats `article.url` at every access with all of the article's metadata, paths on disk
included. These classes return the same text from only the fields that the setting's format uses.
Only relative paths are cached, by everything that they are computed from.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from functools import lru_cache
from string import Formatter
from typing import Any

from pelican import contents

# The fields that Pelican's url_format sets itself, whatever the metadata says.
FIELDS: dict[str, Callable[[Any], Any]] = {
    "slug": lambda one: getattr(one, "slug", ""),
    "lang": lambda one: getattr(one, "lang", "en"),
    "date": lambda one: one.date,
    "author": lambda one: one.author.slug,
    "category": lambda one: one.category.slug,
}


# Empty parts of a path, `.` and `..`.
ODD = re.compile(r"/\.{0,2}/")
# Pelican's default INTRASITE_LINK_REGEX: a link begins with one of two characters.
LINKS = "[{|](?P<what>.*?)[|}]"


@lru_cache(maxsize=256)
def fields_of(template: str) -> tuple[str, ...] | None:
    """Return the fields of a format; None if it is malformed or uses others than FIELDS."""
    try:
        parts = [name for _, name, _, _ in Formatter().parse(template) if name is not None]
        inner = [spec for _, _, spec, _ in Formatter().parse(template) if spec and "{" in spec]
    except ValueError:
        return None
    names = {name.split(".")[0].split("[")[0] for name in parts}
    return tuple(sorted(names)) if names <= FIELDS.keys() and not inner else None


@lru_cache(maxsize=64)
def folder(base: str, here: str) -> str:
    """Return `base` as an absolute path with a slash; `here` is the current directory."""
    return os.path.abspath(base).rstrip("/") + "/"  # noqa: PTH100 - as Pelican does


@lru_cache(maxsize=65536)
def relative(path: str, base: str, here: str) -> str:
    """Return `path` relative to `base`, as Pelican does; `here` is the current directory."""
    above = folder(base, here)
    below = path.removeprefix(above)
    # A normalised path below the base needs no system call.
    if below and below is not path and not ODD.search("/" + below + "/") and os.sep == "/":
        return below
    absolute = os.path.abspath(os.path.join(base, path))  # noqa: PTH100, PTH118 - as Pelican does
    return os.path.relpath(absolute, os.path.abspath(base)).replace(os.sep, "/")  # noqa: PTH100


_here = [""]


def stand(folder: str) -> None:
    """Set the current directory of the run, which is slow to ask the system for each time."""
    _here[0] = folder


class _Quick(contents.Content):
    """The common part of articles and pages."""

    def get_relative_source_path(self, source_path: str | None = None) -> str | None:
        path = source_path or self.source_path
        return None if path is None else relative(path, self.settings["PATH"], _here[0])

    def get_static_links(self) -> set[str]:
        return set() if self._has_no_links(self._content) else super().get_static_links()

    def _update_content(self, content: str, siteurl: str) -> str:
        if self._has_no_links(content):
            return content
        return super()._update_content(content, siteurl)

    def _has_no_links(self, text: str | None) -> bool:
        """Whether the text certainly has no intra-site link, so that Pelican need not search it."""
        usual = self.settings["INTRASITE_LINK_REGEX"] == LINKS
        return usual and isinstance(text, str) and "{" not in text and "|" not in text

    def _quickly(self, setting: str) -> str | None:
        template = str(self.settings[setting])
        names = fields_of(template)
        if names is None:
            return None
        try:
            return template.format(**{name: FIELDS[name](self) for name in names})
        except AttributeError:
            return None  # no date, author or category: Pelican has defaults


class Article(_Quick, contents.Article):
    """An article. Pelican derives the names of settings from the class name, so it is the same."""

    def _expand_settings(self, key: str) -> str:  # type: ignore[override]
        klass = "DRAFT" if self.status == "draft" else "ARTICLE"
        quick = self._quickly(f"{klass}_{key}".upper())
        return super()._expand_settings(key) if quick is None else quick


class Page(_Quick, contents.Page):
    """A page. Its class has Pelican's name too."""

    def _expand_settings(self, key: str) -> str:  # type: ignore[override]
        klass = "DRAFT_PAGE" if self.status == "draft" else "PAGE"
        quick = self._quickly(f"{klass}_{key}".upper())
        return super()._expand_settings(key) if quick is None else quick


QUICK = {contents.Article: Article, contents.Page: Page}
