"""Takes the tour's pictures and keeps them small."""

from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Locator, Page

FOLDER: Final = Path(__file__).parent
# What a picture may weigh in the repository.
LIMIT: Final = 150_000
COLOURS: Final = 96
GAP: Final = 24
# Between pictures that stand side by side, and around them; calm on light and on dark pages.
GROUND: Final = "#c9d0cb"


def shot(page: Page, *, top: Locator | None = None) -> bytes:
    """The window as it stands, or scrolled so that `top` is a little below its upper edge."""
    if top is not None:
        top.evaluate("one => scrollTo(0, one.getBoundingClientRect().top + scrollY - 24)")
    page.evaluate("document.fonts.ready")
    page.wait_for_load_state("networkidle")
    if top is not None:
        # What was loaded on the way may have moved it.
        top.evaluate("one => scrollTo(0, one.getBoundingClientRect().top + scrollY - 24)")
    return page.screenshot(animations="disabled", caret="hide")


def part(page: Page, *parts: Locator, around: int = 20) -> bytes:
    """The smallest piece of the page that holds all `parts`, with some air around it."""
    page.wait_for_load_state("networkidle")
    # Scrolled to the top, places in the window are places on the page.
    page.evaluate("scrollTo(0, 0)")
    boxes = [box for one in parts if (box := one.bounding_box())]
    assert len(boxes) == len(parts), "a part of the picture is not on the page"
    left = max(0, min(box["x"] for box in boxes) - around)
    top = max(0, min(box["y"] for box in boxes) - around)
    right = max(box["x"] + box["width"] for box in boxes) + around
    bottom = max(box["y"] + box["height"] for box in boxes) + around
    return page.screenshot(
        full_page=True,
        animations="disabled",
        caret="hide",
        clip={"x": left, "y": top, "width": right - left, "height": bottom - top},
    )


def keep(name: str, *shots: bytes) -> None:
    """Write one picture of one shot, or of several side by side; refuse what is too heavy."""
    images = [Image.open(BytesIO(one)).convert("RGB") for one in shots]
    image = images[0] if len(images) == 1 else _side_by_side(images)
    few = image.quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    path = FOLDER / f"{name}.png"
    few.save(path, optimize=True)
    size = path.stat().st_size
    print(f"{path.name:24} {image.width:>5} × {image.height:<5} {size / 1000:6.1f} kB", flush=True)
    if size > LIMIT:
        raise SystemExit(f"{path.name} has {size:,} bytes, more than {LIMIT:,}; show less of it.")


def _side_by_side(images: list[Image.Image]) -> Image.Image:
    height = max(one.height for one in images) + 2 * GAP
    joined = Image.new("RGB", (sum(one.width + GAP for one in images) + GAP, height), GROUND)
    left = GAP
    for one in images:
        joined.paste(one, (left, GAP))
        left += one.width + GAP
    return joined
