"""Checks that different tags, categories and authors have different addresses.

Pelican distinguishes them by slug: C#, C++ and C become one tag with the name that was read first.
Spellings of one name, such as Time and time, are one tag on purpose.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

from ..shared import source_lines
from .link_checker import Problem

_KINDS = (
    ("tags", "Tags", "tag"),
    ("category", "Category", "category"),
    ("authors", "Author", "author"),
)
# Characters that spellings of one name may differ in.
_LOOSE = re.compile(r"[\s_'’‘\"“”–—-]+")


def same_name(one: str, other: str) -> bool:
    """Whether two names are spellings of one."""
    return _bare(one) == _bare(other)


def untangle(contents: Iterable[Any]) -> Iterator[Problem]:
    """Return problems of names that share an address; each text keeps one tag for each address.

    `contents` in the order in which the first of several names counts.
    """
    first: dict[tuple[str, str], tuple[str, Any]] = {}
    for content in contents:
        for attribute, line, kind in _KINDS:
            given = getattr(content, attribute, None)
            kept: dict[str, Any] = {}
            for one in given if isinstance(given, list) else [given]:
                if one is None or not one.slug:
                    continue
                name, other = first.setdefault((kind, one.slug), (one.name, content))
                if same_name(name, one.name):
                    kept.setdefault(one.slug, one)
                else:
                    yield _problem(content, line, kind, one, name, other)
            if attribute == "tags" and isinstance(given, list):
                content.tags = list(kept.values())


def _problem(content: Any, line: str, kind: str, one: Any, name: str, other: Any) -> Problem:
    source = str(content.source_path)
    number = source_lines.line_of_metadata(source, line)
    elsewhere = source_lines.shown(str(other.source_path))
    setting = f"{kind.upper()}_REGEX_SUBSTITUTIONS"
    return Problem(
        source_lines.shown(source),
        number,
        f"the {kind} “{one.name}” has the same address as “{name}” in {elsewhere} ({one.slug}); "
        f"rename one of them, or give it an address of its own in {setting} (docs/writing.md)",
    )


def _bare(name: str) -> str:
    apart = unicodedata.normalize("NFKD", name.casefold())
    without_accents = "".join(char for char in apart if not unicodedata.combining(char))
    return _LOOSE.sub("", without_accents)
