"""Reads and checks the texts of a build one by one; a bad one is reported and left out.

Pelican skips a file that it cannot read, without details. Here each file is checked before and
after Pelican reads it. A text with a problem is not in the build; a public build fails at the end
with all problems, any other build reports them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pelican.contents import Article, SkipStub, Static
from pelican.readers import MarkdownReader
from pelican.utils import sanitised_join

from ..discussion.model import output_paths
from ..shared import source_lines
from . import front_matter
from .link_checker import Problem

# Bytes in UTF-8 that XML 1.0 cannot contain; the last two are U+FFFE and U+FFFF.
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf]")
_LABELS = (
    ("tags", "Tags", "tag"),
    ("authors", "Author", "author"),
    ("category", "Category", "category"),
)

Report = Callable[[Problem], None]


class Checks:
    """The checks of one run; `report` is called with every problem."""

    def __init__(self, report: Report) -> None:
        self._report = report
        # The text that is written to each path.
        self._taken: dict[str, Any] = {}
        # The paths of the texts that were left out.
        self.left_out: set[str] = set()

    def watch(self, generator: Any) -> None:
        """Check every text that this generator reads."""
        files, read = generator.get_files, generator.readers.read_file
        # Of two texts with one address the first by name is kept, in every build.
        generator.get_files = lambda *given, **named: sorted(files(*given, **named))
        generator.readers.read_file = partial(self._read, generator, read)

    def _read(self, generator: Any, read: Callable[..., Any], **named: Any) -> Any:
        path = Path(named["base_path"], named["path"])
        found, settings = list(self._before(generator, path)), generator.settings
        content = None
        if not any(leaves_out for _, leaves_out in found):
            try:
                content = read(**named)
            except Exception as error:  # anything that a reader or a plugin raises
                found.append((_unreadable(path, error), True))
        if content is not None and not isinstance(content, SkipStub | Static):
            found += [(one, True) for one in self._after(content, settings, path)]
        for problem, _ in found:
            self._report(problem)
        if not any(leaves_out for _, leaves_out in found):
            return content
        self.left_out.add(str(path))
        # Without a stub the source would count as a static file.
        generator._add_failed_source_path(named["path"])
        return SkipStub("", source_path=str(path))  # type: ignore[no-untyped-call]

    def _before(self, generator: Any, path: Path) -> Iterator[tuple[Problem, bool]]:
        """Yield the problems of the file itself, and whether each keeps the text out."""
        try:
            data = path.read_bytes()
        except OSError:
            return  # Pelican finds the same
        at = partial(Problem, source_lines.shown(str(path)))
        for found in _CONTROL.finditer(data):
            line = data.count(b"\n", 0, found.start()) + 1
            sign = f"U+{ord(found[0].decode()):04X}"
            yield (
                at(line, f"has the control character {sign}, which no feed can carry; delete it"),
                False,
            )
        reader = generator.readers.readers.get(path.suffix.lstrip("."))
        if not isinstance(reader, MarkdownReader):
            return
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            yield at(line, "is not UTF-8 text; save the file as UTF-8"), True
            return
        for line, what in front_matter.problems(text):
            yield at(line, what), True

    def _after(self, content: Any, settings: Mapping[str, Any], path: Path) -> Iterator[Problem]:
        """Yield the problems of what Pelican made of the text."""
        at = partial(_at, path)
        if not str(getattr(content, "title", "")).strip():
            yield at("Title", "has no title; add a line such as Title: A title")
            return
        if isinstance(content, Article) and not hasattr(content, "date"):
            yield at("Date", f"has no date; add a line such as Date: {front_matter.EXAMPLE}")
            return
        if content.status not in content.allowed_statuses:
            yield at(
                "Status",
                f"the status “{content.status}” is unknown; write Status: draft or published",
            )
            return
        yield from _without_slug(content, at)
        if not hasattr(content, "override_save_as") and not str(getattr(content, "slug", "")).strip(
            "/"
        ):
            yield at("Title", "the title gives no address; add a line such as Slug: a-title")
            return
        yield from self._place(content, settings, at)

    def _place(
        self, content: Any, settings: Mapping[str, Any], at: Callable[[str, str], Problem]
    ) -> Iterator[Problem]:
        line = "Save_as" if hasattr(content, "override_save_as") else "Slug"
        place = content.save_as
        if not place:
            return
        try:
            sanitised_join(settings["OUTPUT_PATH"], place)
        except RuntimeError:
            yield at(line, f"the address leads out of the site ({place}); choose another {line}")
            return
        wrong = output_paths.reserved(content, settings) or output_paths.key_problem(
            content, settings
        )
        if wrong is not None:
            yield at(line, wrong)
            return
        other = self._taken.setdefault(output_paths.normal(place), content)
        if other is not content:
            yield at(
                line,
                f"has the same address as {source_lines.shown(str(other.source_path))} ({place}); "
                f"give one of them another {line}",
            )


def _without_slug(content: Any, at: Callable[[str, str], Problem]) -> Iterator[Problem]:
    """Yield problems of tags, authors and categories whose names give no address."""
    for attribute, line, kind in _LABELS:
        given = getattr(content, attribute, None)
        for one in given if isinstance(given, list) else [given]:
            if one is not None and one.name and not one.slug.strip("-"):
                yield at(
                    line,
                    f"the {kind} “{one.name}” has no letters or digits to make an address of; "
                    "add a word to it",
                )


def _at(path: Path, name: str, what: str) -> Problem:
    line = source_lines.line_of_metadata(str(path), name)
    return Problem(source_lines.shown(str(path)), line, what)


def _unreadable(path: Path, error: Exception) -> Problem:
    if isinstance(error, UnicodeDecodeError):
        return Problem(
            source_lines.shown(str(path)), 1, "is not UTF-8 text; save the file as UTF-8"
        )
    what = str(error) or type(error).__name__
    return Problem(source_lines.shown(str(path)), 1, f"cannot be read: {what}")
