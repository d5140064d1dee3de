"""The settings of the site that rendered discussions depend on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from typing import Any

from ...language import formats
from ...shared.errors import SettingsError
from .privacy_check import is_network

# Each level of nesting is a level of recursion in the template.
MAX_DEPTH = 20
MAX_PAGE_SIZE = 10_000


@dataclass(frozen=True, slots=True)
class Limits:
    """The longest text of each form field, in characters (docs/api.md)."""

    comment: int = 10_000
    author: int = 100
    email: int = 254
    url: int = 500


@dataclass(frozen=True, slots=True)
class RenderSettings:
    """Checked settings; `from_json` reads what `as_json` wrote.

    `comments_url` is absolute or root-relative, without a slash at the end; `language` is a tag
    such as `en` or `pt-br`; `max_depth` is the deepest level that is still nested, 1 to 20;
    `page_size` is how many threads stand on a page, None for all. `site_url` is "" or absolute:
    feeds and sitemap need an absolute one. `precompress` has `gz`, `br`, both or nothing;
    `public_addresses` are in small letters; `search` says whether there is an index to search in;
    `follow`: readers may ask for mail about replies.
    """

    comments_url: str
    language: str = "en"
    max_depth: int = 4
    limits: Limits = field(default_factory=Limits)
    page_size: int | None = None
    site_url: str = ""
    site_name: str = ""
    precompress: tuple[str, ...] = ()
    public_addresses: tuple[str, ...] = ()
    search: bool = False
    follow: bool = True

    @property
    def absolute(self) -> bool:
        """Whether the site has the absolute address that feeds and sitemap need."""
        return self.site_url.startswith(("http://", "https://"))

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values for `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RenderSettings:
        """Parse and check; SettingsError names the Pelican setting to fix."""
        url, language = data.get("comments_url"), data.get("language")
        depth, limits = data.get("max_depth"), data.get("limits")
        if not isinstance(url, str):
            raise SettingsError("DISCUSSION_COMMENTS_URL is not text")
        if not isinstance(language, str):
            raise SettingsError("DEFAULT_LANG is not text")
        _check_language(language)
        if isinstance(depth, bool) or not isinstance(depth, int) or not 1 <= depth <= MAX_DEPTH:
            raise SettingsError(f"DISCUSSION_MAX_DEPTH is {depth!r}; set it to 1 to {MAX_DEPTH}")
        names = {"comment", "author", "email", "url"}
        if not isinstance(limits, Mapping) or not set(limits) <= names:
            raise SettingsError(f"DISCUSSION_LIMITS may only have {', '.join(sorted(names))}")
        if not all(type(limit) is int and limit > 0 for limit in limits.values()):
            raise SettingsError("DISCUSSION_LIMITS has a limit that is no number above 0")
        return cls(
            url.rstrip("/"),
            language,
            depth,
            Limits(**limits),
            _page_size(data.get("page_size")),
            str(data.get("site_url", "")).rstrip("/"),
            str(data.get("site_name", "")),
            _precompress(data.get("precompress", ())),
            _addresses(data.get("public_addresses", ())),
            _search(data.get("search", False)),
            bool(data.get("follow", True)),
        )


def _check_language(language: str) -> None:
    try:
        formats.check(language)
    except ValueError:
        raise SettingsError(
            f"DEFAULT_LANG is {language!r}, for which there are no names of months; "
            "set it to a language tag such as en or pt-BR"
        ) from None


def _page_size(size: Any) -> int | None:
    if size is None or size == 0:
        return None
    if type(size) is not int or not 1 <= size <= MAX_PAGE_SIZE:
        raise SettingsError(
            f"DISCUSSION_PAGE_SIZE is {size!r}; set it to 1 to {MAX_PAGE_SIZE}, or to 0 to keep "
            "every discussion on one page"
        )
    return size


def _precompress(kinds: Any) -> tuple[str, ...]:
    if isinstance(kinds, str) or not isinstance(kinds, list | tuple | set):
        raise SettingsError('DISCUSSION_PRECOMPRESS is no tuple; set it to e.g. ("gz", "br")')
    if not set(kinds) <= {"gz", "br"}:
        raise SettingsError(f"DISCUSSION_PRECOMPRESS is {kinds!r}; it may have gz and br")
    if "br" in kinds and find_spec("brotli") is None:
        raise SettingsError(
            "DISCUSSION_PRECOMPRESS has br, but the package brotli is not installed; "
            "run: pip install brotli, or take br out"
        )
    return tuple(sorted(set(kinds)))


def _search(wanted: Any) -> bool:
    if not isinstance(wanted, bool):
        raise SettingsError(f"DISCUSSION_SEARCH is {wanted!r}; set it to True or False")
    return wanted


def _addresses(found: Any) -> tuple[str, ...]:
    usable = not isinstance(found, str) and all(
        isinstance(one, str) and ("@" in one or is_network(one)) for one in found
    )
    if not usable:
        raise SettingsError(
            'DISCUSSION_PUBLIC_ADDRESSES is no tuple of addresses; set it to ("desk@site.example",)'
        )
    return tuple(sorted({one.strip().casefold() for one in found}))
