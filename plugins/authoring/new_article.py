"""Creates the file of a new article, with metadata and name, without overwriting another."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ..shared import plain_text
from .errors import AuthoringError

_LINE = re.compile(r"[ ]{0,3}([A-Za-z0-9_-]+):\s*(.*)")
# Scripts with one usual transliteration; digits and signs belong to no script.
_SPELT = ("LATIN", "GREEK", "CYRILLIC", "FULLWIDTH LATIN", "FEMININE", "MASCULINE", "MICRO", "MATH")
# Names that would hide the service (plugins/discussion/model/output_paths.py refuses them too).
RESERVED = frozenset(
    {"comments", "moderate", "search", "theme", "api", "assets", "status", "drafts", "feeds"}
)


@dataclass(frozen=True, slots=True)
class Manuscript:
    """The start of an article; all texts but title and slug may be empty.

    `date` is in the site's time zone.
    """

    title: str
    slug: str
    date: datetime
    subtitle: str = ""
    summary: str = ""
    author: str = ""
    category: str = ""
    tags: str = ""
    question: str = ""

    @property
    def text(self) -> str:
        """Return the file's text: the metadata that the theme uses, and an empty line."""
        lines = {
            "Title": self.title,
            "Slug": self.slug,
            "Subtitle": self.subtitle,
            "Summary": self.summary,
            "Author": self.author,
            "Category": self.category,
            "Tags": self.tags,
            "Date": f"{self.date:%Y-%m-%d %H:%M}",
            "Status": "draft",
            "Question": self.question,
        }
        # Without these lines, Pelican makes a summary of the first words and uses its own category.
        kept = {
            name: text
            for name, text in lines.items()
            if text or name not in ("Summary", "Category")
        }
        return (
            "".join(f"{name}: {one_line(text)}".rstrip() + "\n" for name, text in kept.items())
            + "\n"
        )


@dataclass(frozen=True, slots=True)
class Metadata:
    """The metadata of an existing file, by names in lower case."""

    path: Path
    values: Mapping[str, str] = field(default_factory=dict)


def one_line(text: str) -> str:
    """Return the text without line breaks, which would begin another line of metadata."""
    return " ".join(text.split())


def slug_of(title: str, settings: Mapping[str, Any]) -> str:
    """Return the slug that Pelican makes of a title; AuthoringError if it is empty."""
    slug = plain_text.slug_of(title, settings)
    if not slug:
        raise AuthoringError(f"The title {title!r} gives no address; name one with --slug")
    return slug


def is_transliterated(title: str) -> bool:
    """Whether a title has letters whose transliteration is a guess.

    Han is read as Chinese, also where it is Japanese.
    """
    letters = (unicodedata.name(char, "") for char in title if char.isalpha())
    return not all(name.startswith(_SPELT) for name in letters)


def existing(content: Path) -> Iterator[Metadata]:
    """Yield the metadata of every Markdown file; only the first lines are read."""
    for path in sorted(content.rglob("*.md")):
        values: dict[str, str] = {}
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            for line in file:
                found = _LINE.match(line)
                if found is None:
                    if line.strip() == "---" and not values:
                        continue
                    break
                values.setdefault(found[1].lower(), found[2].strip())
        yield Metadata(path, values)


def categories(files: list[Metadata]) -> list[str]:
    """Return the categories in use, the most used first."""
    counts: dict[str, int] = {}
    for one in files:
        name = one.values.get("category", "")
        if name:
            counts[name] = counts.get(name, 0) + 1
    return sorted(counts, key=lambda name: (-counts[name], name))


def authors(files: list[Metadata], settings: Mapping[str, Any]) -> list[str]:
    """Return the authors of AUTHOR_FACTS and of articles."""
    written = [
        one_line(name)
        for one in files
        for key in ("author", "authors")
        for name in one.values.get(key, "").split(";")
    ]
    found = dict.fromkeys([*settings.get("AUTHOR_FACTS", {}), *sorted(written)])
    return [name for name in found if name]


def as_known(name: str, known: list[str]) -> str:
    """Return a name as the site writes it, ignoring case; a new one unchanged."""
    name = one_line(name)
    return next((one for one in known if one.casefold() == name.casefold()), name)


def write(
    manuscript: Manuscript, content: Path, files: list[Metadata], settings: Mapping[str, Any]
) -> Path:
    """Write `content/SLUG.md` and return its path; AuthoringError if it exists."""
    slug = manuscript.slug
    if not re.fullmatch(r"[^\s/\\.%?#][^\s/\\%?#]*", slug) or slug.lower() in RESERVED:
        raise AuthoringError(f"The address {slug!r} cannot be used; name another one with --slug")
    for one in files:
        title = one.values.get("title", "")
        if slug == (one.values.get("slug") or (title and slug_of(title, settings))):
            raise AuthoringError(
                f"{os.path.relpath(one.path)} has the address {slug!r} already; "
                "name another one with --slug"
            )
    path = content / f"{slug}.md"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(manuscript.text)
    except FileExistsError:
        raise AuthoringError(
            f"{os.path.relpath(path)} is there already; name another address with --slug"
        ) from None
    except OSError as error:
        raise AuthoringError(f"{path} cannot be written ({error.strerror})") from error
    return path
