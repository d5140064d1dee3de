"""Draws a card: paper, a green edge, the title in large letters, and the site's logo below.

A card is a picture of few colours. Its numbers are steps on ramps from one colour to another, so
that smooth edges need no more than a byte a pixel, and drawing one takes some milliseconds.
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw

from .content import Card
from .text_fitting import Lettering, Setting

WIDTH, HEIGHT = 1200, 630
EDGE, MARGIN = 20, 88
PAPER, INK, SOFT = (252, 252, 248), (27, 36, 33), (85, 97, 91)
GREEN, WHITE, YELLOW = (11, 90, 72), (255, 255, 255), (255, 216, 102)
STEPS = 32
# The ramps of the palette, in order, STEPS colours each.
RAMPS = ((PAPER, INK), (PAPER, SOFT), (PAPER, GREEN), (GREEN, WHITE), (GREEN, YELLOW))
BLACK_INK, GREY_INK, GREEN_INK, WHITE_INK, YELLOW_INK = range(len(RAMPS))
TITLE_SIZES, TITLE_LINES = (88, 80, 72, 64, 56), 4
SUBTITLE_SIZES, SUBTITLE_LINES = (36, 32), 2
SITE_SIZES = (40, 34, 28)
LEADING = 1.16
MARK = 72
# Shapes are drawn this many times larger and scaled down, for smooth edges.
FINE = 4


def draw(card: Card, font: Path) -> bytes:
    """Return the card as PNG; text that the font cannot show is left out."""
    letters = Lettering(font, leftward=card.leftward)
    canvas = _paper().copy()
    with_title = letters.can(card.title)
    if with_title:
        title = letters.fit(card.title, TITLE_SIZES, WIDTH - 2 * MARGIN, TITLE_LINES)
        below = _write(canvas, title, MARGIN - 14, BLACK_INK, leftward=card.leftward)
        room = HEIGHT - MARGIN - MARK - 24 - below
        if card.subtitle and letters.can(card.subtitle):
            subtitle = letters.fit(
                card.subtitle, SUBTITLE_SIZES, WIDTH - 2 * MARGIN, SUBTITLE_LINES
            )
            if len(subtitle.lines) * subtitle.size * LEADING <= room:
                _write(canvas, subtitle, below + 22, GREY_INK, leftward=card.leftward)
    mark = MARK if with_title else 3 * MARK
    name = card.site if letters.can(card.site) else ""
    _sign(canvas, mark, name, letters, middle=not with_title)
    canvas.putpalette(_palette())
    data = BytesIO()
    # The level is named, so that the bytes are the same each time.
    canvas.save(data, "PNG", compress_level=6)
    return data.getvalue()


def _write(canvas: Image.Image, words: Setting, top: int, ink: int, *, leftward: bool) -> int:
    """Write lines from `top` downwards; where the last one ends."""
    step = round(words.size * LEADING)
    box = (WIDTH - 2 * MARGIN + 16, step * len(words.lines) + words.size)
    mask = Image.new("L", box)
    pen = ImageDraw.Draw(mask)
    for number, line in enumerate(words.lines):
        left = box[0] - words.font.getlength(line) - 8 if leftward else 8
        pen.text((left, number * step), line, fill=255, font=words.font)
    _lay(canvas, mask, (MARGIN - 8, top), ink)
    return top + step * len(words.lines)


def _sign(canvas: Image.Image, size: int, name: str, letters: Lettering, *, middle: bool) -> None:
    """The site's mark with its name: at the foot, or alone in the middle of the card."""
    sizes = TITLE_SIZES if middle else SITE_SIZES
    words = letters.fit(name, sizes, WIDTH - 2 * MARGIN - size - 24, 1) if name else None
    if words is not None and not words.lines:
        words = None
    length = round(words.font.getlength(words.lines[0])) if words else 0
    whole = size + (24 + length if words else 0)
    left = (WIDTH - whole) // 2 if middle else MARGIN
    top = (HEIGHT - size) // 2 if middle else HEIGHT - MARGIN - size + 20
    if letters.leftward and not middle:
        left = WIDTH - MARGIN - size
    for mask, ink in _mark(size):
        _lay(canvas, mask, (left, top), ink)
    if words:
        beside = left - 24 - length if letters.leftward and not middle else left + size + 24
        mask = Image.new("L", (length + 16, size))
        ImageDraw.Draw(mask).text(
            (8, size / 2), words.lines[0], fill=255, font=words.font, anchor="lm"
        )
        _lay(canvas, mask, (beside - 8, top), GREEN_INK)


def _lay(canvas: Image.Image, mask: Image.Image, at: tuple[int, int], ink: int) -> None:
    """Put ink where the mask is, as deep as the mask is there."""
    begin, last = ink * STEPS, STEPS - 1
    depth = mask.point([begin + round(value * last / 255) for value in range(256)])
    where = mask.point([255 if round(value * last / 255) else 0 for value in range(256)])
    canvas.paste(depth, at, where)


@lru_cache(maxsize=1)
def _paper() -> Image.Image:
    canvas = Image.new("P", (WIDTH, HEIGHT), 0)
    ImageDraw.Draw(canvas).rectangle((0, 0, WIDTH, EDGE - 1), fill=GREEN_INK * STEPS + STEPS - 1)
    return canvas


@lru_cache(maxsize=4)
def _mark(size: int) -> tuple[tuple[Image.Image, int], ...]:
    """The masks of the mark (theme/static/icons/favicon.svg, on a square of 32)."""
    unit = size * FINE / 32

    def mask(paint: object) -> Image.Image:
        large = Image.new("L", (size * FINE, size * FINE))
        paint(ImageDraw.Draw(large))  # type: ignore[operator]
        return large.resize((size, size), Image.Resampling.BOX)

    def square(pen: ImageDraw.ImageDraw) -> None:
        pen.rounded_rectangle((0, 0, 32 * unit - 1, 32 * unit - 1), 7 * unit, fill=255)

    def hook(pen: ImageDraw.ImageDraw) -> None:
        thick = round(4 * unit)
        pen.line((9.5 * unit, 6.5 * unit, 9.5 * unit, 15.5 * unit), fill=255, width=thick)
        box = (7.5 * unit, 8 * unit, 22.5 * unit, 23 * unit)
        pen.arc(box, 90, 180, fill=255, width=thick)
        pen.line((15 * unit, 21 * unit, 19 * unit, 21 * unit), fill=255, width=thick)
        for x, y in ((9.5, 6.5), (19, 21)):
            pen.circle((x * unit, y * unit), 2 * unit, fill=255)

    def dot(pen: ImageDraw.ImageDraw) -> None:
        pen.circle((24 * unit, 21 * unit), 3.6 * unit, fill=255)

    return (mask(square), GREEN_INK), (mask(hook), WHITE_INK), (mask(dot), YELLOW_INK)


@lru_cache(maxsize=1)
def _palette() -> bytes:
    colours = [
        round(start + (end - start) * step / (STEPS - 1))
        for first, second in RAMPS
        for step in range(STEPS)
        for start, end in zip(first, second, strict=True)
    ]
    return bytes(colours)
