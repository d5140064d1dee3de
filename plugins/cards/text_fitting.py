"""Fits text into a box: finds the largest font size for a number of lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from fontTools.ttLib import TTFont
from PIL import ImageFont, features

# A line may break at a space, and on either side of a character of Chinese or Japanese.
_PIECE = re.compile(
    "[\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff]|[^\\s\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+|\\s+"
)
# Three dots: the font gives its one-letter ellipsis less room than it takes.
MORE = "..."


class Setting(NamedTuple):
    """Text with its font, size and line breaks."""

    font: ImageFont.FreeTypeFont
    size: int
    lines: tuple[str, ...]


class Lettering:
    """One font file; `leftward` for right-to-left scripts."""

    def __init__(self, font: Path, *, leftward: bool) -> None:
        self._path, self.leftward = font, leftward
        # The plain layout gives the same letters on every machine; the other one needs a library.
        self._layout = ImageFont.Layout.RAQM if leftward else ImageFont.Layout.BASIC

    def can(self, text: str) -> bool:
        """Whether the font has every character, and right-to-left layout is available if needed."""
        if self.leftward and not features.check("raqm"):
            return False
        return all(ord(one) in _letters(self._path) for one in text if not one.isspace())

    def fit(self, text: str, sizes: Sequence[int], width: int, lines: int) -> Setting:
        """Return the text in the first of these sizes that fits, or cut in the smallest."""
        for size in sizes:
            font = self.font(size)
            broken = list(self._broken(text, font, width))
            if len(broken) <= lines and all(font.getlength(one) <= width for one in broken):
                return Setting(font, size, self._balanced(text, font, width, broken))
        cut = [self._cut(one, font, width) for one in broken[:lines]]
        if len(broken) > lines:
            cut[-1] = self._cut(cut[-1] + MORE, font, width)
        return Setting(font, size, tuple(cut))

    def font(self, size: int) -> ImageFont.FreeTypeFont:
        """Return the font in a size."""
        return _font(self._path, size, self._layout)

    def _balanced(
        self, text: str, font: ImageFont.FreeTypeFont, width: int, broken: list[str]
    ) -> tuple[str, ...]:
        """Return lines of about equal length, so that the last one is not a single word."""
        best = broken
        for narrower in range(width, width // 2, -width // 12):
            tried = list(self._broken(text, font, narrower))
            if len(tried) > len(broken):
                break
            if all(font.getlength(one) <= narrower for one in tried):
                best = tried
        return tuple(best)

    def _broken(self, text: str, font: ImageFont.FreeTypeFont, width: int) -> Iterator[str]:
        line = ""
        for piece in _PIECE.findall(text):
            if line and font.getlength((line + piece).rstrip()) > width:
                yield line.rstrip()
                line = piece.lstrip()
            else:
                line += piece
        if line.strip():
            yield line.rstrip()

    def _cut(self, line: str, font: ImageFont.FreeTypeFont, width: int) -> str:
        if font.getlength(line) <= width:
            return line
        line = line.removesuffix(MORE)
        while line and font.getlength(line.rstrip() + MORE) > width:
            line = line[:-1]
        return line.rstrip() + MORE


@lru_cache(maxsize=64)
def _font(path: Path, size: int, layout: ImageFont.Layout) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), size, layout_engine=layout)


@lru_cache(maxsize=4)
def _letters(path: Path) -> frozenset[int]:
    with TTFont(str(path), lazy=True) as font:
        return frozenset(font.getBestCmap() or ())
