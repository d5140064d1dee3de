"""Finds the line of a source file where something is written, for error messages."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from urllib.parse import unquote

_FENCE = re.compile(r"^( {0,3})(`{3,}|~{3,})")
_CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")


def shown(path: str) -> str:
    """Return a source's path, relative to the project's folder if it is below."""
    try:
        return Path(path).absolute().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(path)


def lines_of(path: str, url: str) -> list[int]:
    """Return the lines with a URL; the first line if it is not found."""
    try:
        text = Path(path).read_text("utf-8-sig", errors="replace")
    except OSError:
        return [1]
    for lines in (_without_code(text.splitlines()), text.splitlines()):
        # As written, with entities, or with Markdown's percent-encoding.
        for form in dict.fromkeys((url, escape(url, quote=False), unquote(url))):
            found = [number for number, line in enumerate(lines, 1) if form and _has(line, form)]
            if found:
                return found
    return [1]


def line_of_metadata(path: str, name: str) -> int:
    """Return the line of a piece of metadata, such as `Moved-from`; 1 if it is not found."""
    try:
        lines = Path(path).read_text("utf-8-sig", errors="replace").splitlines()
    except OSError:
        return 1
    wanted = re.compile(rf"\s{{0,3}}:?{re.escape(name)}\s*:", re.IGNORECASE)
    return next((number for number, line in enumerate(lines, 1) if wanted.match(line)), 1)


def _has(line: str, url: str) -> bool:
    """Whether the line has the URL itself, not only a longer one."""
    begin = line.find(url)
    while begin >= 0:
        before = line[begin - 1] if begin else " "
        after = line[begin + len(url)] if begin + len(url) < len(line) else " "
        if before in "(<\"'= \t:,[" and after in ")>\"' \t,":
            return True
        begin = line.find(url, begin + 1)
    return False


def _without_code(lines: list[str]) -> list[str]:
    plain: list[str] = []
    fence = ""
    for line in lines:
        mark = _FENCE.match(line)
        if fence:
            plain.append("")
            if mark and mark[2].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        elif mark:
            fence = mark[2]
            plain.append("")
        else:
            plain.append(_CODE.sub("", line))
    return plain
