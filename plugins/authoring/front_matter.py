"""Checks the metadata at the head of a Markdown file.

Python-Markdown reads lines such as `Title: A title` until the first blank line and takes every
other line for text, without a warning. A draft whose `Status` line is not understood is published.
`problems` finds the lines that look like metadata and are not read as such, and values that mean
something else than their author thinks.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from dateutil import parser as dates

# As in markdown.extensions.meta, which uses `match` for all of them.
_ENTRY = re.compile(r"[ ]{0,3}([A-Za-z0-9_-]+):\s*(.*)")
_MORE = re.compile(r"[ ]{4,}(.*)")
_BEGIN = re.compile(r"-{3}(\s.*)?")
_END = re.compile(r"(-{3}|\.{3})(\s.*)?")

STATUSES = ("published", "draft", "hidden", "skip")
_SINGLE = frozenset({"title", "date", "modified", "status", "category", "slug"})
_LISTS = frozenset({"tags", "authors", "author", "category"})
_KNOWN = _SINGLE | _LISTS | {"summary", "lang", "template", "save_as", "url"}
# Names with which a text is unlikely to begin.
_NOT_WORDS = frozenset({"status", "date", "modified", "tags", "category", "slug"})
# A name of up to three words and a colon, also a full-width one; no address such as https://.
_LIKE_ENTRY = re.compile(r"([^\W\d_][\w-]*(?: [\w-]+){0,2})\s*[:\uff1a\ufe55\ufe13](?!//)")
_LIKE_KNOWN = re.compile(
    rf"({'|'.join(sorted(_KNOWN))})\s*(?:=|\s(?:{'|'.join(STATUSES)})\s*$)", re.I
)
_ITEM = re.compile(r"\s*[-*+]\s+(.*)")
_TOML = re.compile(r"\+{3}\s*$")
_YAML_VALUE = re.compile(r"""(['"]).*\1$|[|>][+-]?\d?$|[\[{].*[\]}]$|[&*!]\w|.*\s#""")
_USUAL_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?: (\d\d):(\d\d)(?::(\d\d))?)?")
_YES = frozenset({"true", "yes", "on", "1"})
_NO = frozenset({"false", "no", "off", "0"})

Found = tuple[int, str]
EXAMPLE = "2026-11-20 10:00"


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line of metadata: the name in lower case, and its value."""

    line: int
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class _Head:
    """Parsed metadata; `rest` is the index of the first line that Markdown does not read as such.

    `blank`: a blank line ends the metadata. `fenced`: it begins with `---`; `closed`: and ends so.
    """

    entries: list[_Entry]
    more: list[Found]
    rest: int
    blank: bool
    fenced: bool
    closed: bool


def problems(text: str) -> list[Found]:
    """Return what is wrong in a Markdown file's metadata, by line number (from 1)."""
    lines = [line.expandtabs(4) for line in text.replace("\r\n", "\n").split("\n")]
    if _TOML.match(lines[0]):
        return [(1, "+++ begins metadata in TOML, which is not read here; write lines such as "
                    "Title: A title")]  # fmt: skip
    head = _read(lines)
    return sorted({
        *_not_read(head, lines),
        *_after_blank(head, lines),
        *_indented(head),
        *_meant_as_status(head),
        *_twice(head),
        *_values(head),
    })  # fmt: skip


def names(text: str) -> set[str]:
    """Return the names of all metadata that Markdown reads, in lower case."""
    return {one.name for one in _read(text.replace("\r\n", "\n").split("\n")).entries}


def date_problem(value: str) -> str | None:
    """Return why a value is no date with year, month and day; None if it is one."""
    usual = _USUAL_DATE.fullmatch(value)
    if usual is not None:
        try:
            datetime(*(int(part or 0) for part in usual.groups()))  # type: ignore[arg-type]  # noqa: DTZ001
        except ValueError:
            return f"“{value}” is not a day of the calendar"
        return None
    if not value.strip():
        return "is empty"
    text = re.sub(" +", " ", value.replace("_", " "))
    found = set()
    # Missing parts are taken from the default: two defaults show whether any is missing.
    for default in (datetime(2001, 1, 1), datetime(2002, 2, 2)):  # noqa: DTZ001
        try:
            found.add(dates.parse(text, default=default).date())
        except (ValueError, TypeError, OverflowError):
            return f"“{value}” is not a date"
    return None if len(found) == 1 else f"“{value}” does not name a year, a month and a day"


def _read(lines: list[str]) -> _Head:
    entries: list[_Entry] = []
    more: list[Found] = []
    fenced = bool(_BEGIN.match(lines[0]))
    index = 1 if fenced else 0
    while index < len(lines):
        line = lines[index]
        entry = _ENTRY.match(line)
        if not line.strip():
            return _Head(entries, more, index, blank=True, fenced=fenced, closed=False)
        if _END.match(line):
            return _Head(entries, more, index, blank=False, fenced=fenced, closed=True)
        if entry is not None:
            entries.append(_Entry(index + 1, entry[1].lower(), entry[2].strip()))
        elif entries and (further := _MORE.match(line)):
            more.append((index + 1, further[1].strip()))
        else:
            break
        index += 1
    return _Head(entries, more, index, blank=False, fenced=fenced, closed=False)


def _not_read(head: _Head, lines: list[str]) -> Iterator[Found]:
    """Yield a problem if the line right below the metadata looks like more metadata."""
    if head.blank or head.closed or head.rest >= len(lines):
        return
    if head.fenced and not head.entries:
        return  # a line across the page
    line, number = lines[head.rest], head.rest + 1
    item = _ITEM.match(line)
    if item and head.entries and (head.fenced or not head.entries[-1].value):
        last, items = head.entries[-1], _items(lines[head.rest :])
        yield (
            number,
            (
                f"the metadata ends here, because a list needs one line; write: "
                f"{last.name.capitalize()}: {', '.join(items)}"
            ),
        )
    elif head.fenced or _looks_like_metadata(line):
        yield (
            number,
            (
                f"“{line.strip()}” is not read as metadata; write it as “Name: value” with a plain "
                "name and no space before the colon, or put a blank line above it if it is text"
            ),
        )


def _items(lines: list[str]) -> list[str]:
    found = []
    for line in lines:
        item = _ITEM.match(line)
        if item is None:
            break
        found.append(item[1].strip())
    return found


def _after_blank(head: _Head, lines: list[str]) -> Iterator[Found]:
    """Yield problems of metadata below the blank line that ends it."""
    if not head.entries or not (head.blank or head.closed):
        return
    rest = list(enumerate(lines[head.rest + 1 :], head.rest + 2))
    what = "“{}” is below the end of the metadata and is read as text; move it above the blank line"
    if head.fenced and not head.closed:
        end = next((place for place, (_, line) in enumerate(rest) if _END.match(line)), None)
        for number, line in rest[:end] if end is not None else []:
            if _ENTRY.match(line):
                yield number, what.format(line.strip())
                return
    for number, line in rest:
        if line.strip():
            entry = _LIKE_ENTRY.match(_visible(line))
            if entry and entry[1].lower() in _NOT_WORDS:
                yield number, what.format(line.strip())
            return


def _indented(head: _Head) -> Iterator[Found]:
    for number, line in head.more:
        entry = _LIKE_ENTRY.match(line)
        if entry and entry[1].lower() in _NOT_WORDS:
            yield (
                number,
                (f"“{line}” is indented and belongs to the line above; take away the spaces"),
            )


def _meant_as_status(head: _Head) -> Iterator[Found]:
    """Yield a problem for a misspelt `Status`, if there is no status."""
    if any(one.name == "status" for one in head.entries):
        return
    for one in head.entries:
        value = one.value.strip("'\"").lower()
        held_back = (
            (one.name == "draft" and value in _YES)
            or (one.name in ("published", "publish", "public") and value in _NO)
            or (one.name not in _KNOWN and value in ("draft", "hidden", "skip"))
        )
        if held_back:
            status = value if value in STATUSES else "draft"
            yield one.line, f"“{one.name}” holds nothing back here; write: Status: {status}"


def _twice(head: _Head) -> Iterator[Found]:
    first: dict[str, _Entry] = {}
    for one in head.entries:
        other = first.setdefault(one.name, one)
        if other is not one and one.name in _SINGLE:
            yield (
                one.line,
                (
                    f"“{one.name.capitalize()}” is there twice, first on line {other.line}; "
                    "take one of the two away"
                ),
            )


def _values(head: _Head) -> Iterator[Found]:
    for one in head.entries:
        shown = one.name.capitalize()
        continued = any(number > one.line for number, _ in head.more)
        if one.name == "title" and not one.value and not continued:
            yield one.line, "the title is empty; write: Title: A title"
        elif one.name == "status" and one.value.lower() not in STATUSES:
            which = f"the status “{one.value}” is unknown" if one.value else "the status is empty"
            yield (
                one.line,
                f"{which}; write Status: draft or Status: published (or hidden, or skip)",
            )
        elif one.name in ("date", "modified"):
            wrong = date_problem(one.value)
            if wrong is not None:
                yield one.line, f"{shown} {wrong}; write: {shown}: {EXAMPLE}"
        elif one.name in _LISTS and re.fullmatch(r"\[.*\]", one.value):
            inside = ", ".join(part.strip(" '\"") for part in one.value[1:-1].split(","))
            yield one.line, f"brackets become part of the names here; write: {shown}: {inside}"
        elif head.fenced and _YAML_VALUE.match(one.value):
            yield (
                one.line,
                (
                    f"“{one.value}” is YAML, but metadata is plain text here and would be shown "
                    f"as it is; write “{shown}:” and the bare words on one line"
                ),
            )


def _looks_like_metadata(line: str) -> bool:
    bare = _visible(line)
    return bool(_LIKE_ENTRY.match(bare) or _LIKE_KNOWN.match(bare))


def _visible(line: str) -> str:
    """Return the text without invisible characters."""
    return "".join(char for char in line if unicodedata.category(char) != "Cf").strip()
