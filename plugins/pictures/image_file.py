"""Measures an image file, and makes its narrower copies.

All of it is a function of the file's bytes, and kept under their hash.
"""

from __future__ import annotations

import json
import re
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

from ..shared.files import replace

# Widths for phones, columns of text, and high-resolution screens.
WIDTHS = (480, 960, 1440)
QUALITY = 82
# Formats that are copied; each copy has its original's format.
ENDINGS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}
# A copy of more than this part of the original's bytes is left out.
WORTH = 0.9
FOLDER = "pictures"
VERSION = b"1"
_NUMBER = re.compile(r"\s*(\d+(?:\.\d+)?)(?:px)?\s*")


class Copy(NamedTuple):
    """A narrower copy: its width, and its file below the folder of pictures."""

    width: int
    name: str


class Picture(NamedTuple):
    """An image's size in pixels, and its copies, the narrowest first."""

    width: int
    height: int
    copies: tuple[Copy, ...] = ()


def look(path: Path, kept: Path) -> Picture | None:
    """Measure an image, and make missing copies in `kept`.

    None for a drawing that does not say how large it is. Raises ValueError for what is no picture.
    """
    data = path.read_bytes()
    if path.suffix.lower() == ".svg":
        return _drawing(data)
    key = blake2b(data, digest_size=12, key=_recipe()).hexdigest()
    note = kept / f"{key}.json"
    known = _known(note, kept)
    if known is None:
        kept.mkdir(parents=True, exist_ok=True)
        try:
            known = _make(path, len(data), key, kept)
        except Exception as error:  # decoders raise whatever they like
            # Some messages contain the file's absolute path.
            raise ValueError(str(error).replace(str(path), path.name)) from error
        _write(note, json.dumps(known).encode())
    return known


def _known(note: Path, kept: Path) -> Picture | None:
    try:
        width, height, copies = json.loads(note.read_bytes())
        found = Picture(width, height, tuple(Copy(*one) for one in copies))
    except (OSError, ValueError, TypeError):
        return None
    return found if all((kept / one.name).is_file() for one in found.copies) else None


def _make(path: Path, size: int, key: str, kept: Path) -> Picture:
    # Imported only for new images.
    from PIL import Image, ImageOps

    with Image.open(path) as opened:
        kind, moves = str(opened.format), getattr(opened, "n_frames", 1) > 1
        opened.load()
        # Cameras store rotated images with a flag; copies are upright.
        image = ImageOps.exif_transpose(opened)
    if kind not in ENDINGS or moves:
        return Picture(image.width, image.height)
    copies = []
    for width in WIDTHS:
        if width >= image.width:
            break
        data = _narrow(image, kind, width)
        if len(data) < size * WORTH:
            name = f"{key}-{width}.{ENDINGS[kind]}"
            _write(kept / name, data)
            copies.append(Copy(width, name))
    return Picture(image.width, image.height, tuple(copies))


def _narrow(image: Any, kind: str, width: int) -> bytes:
    from io import BytesIO

    from PIL import Image

    ready = image
    if image.mode in ("P", "1"):
        ready = image.convert("RGBA" if "transparency" in image.info else "RGB")
    height = max(1, round(image.height * width / image.width))
    small = ready.resize((width, height), Image.Resampling.LANCZOS)
    if kind == "PNG" and image.mode == "P":
        small = small.quantize(256, method=Image.Quantize.FASTOCTREE)
    data = BytesIO()
    # Other metadata, such as where the picture was taken, is left out.
    how: dict[str, Any] = {"icc_profile": image.info.get("icc_profile")}
    if kind == "PNG":
        how |= {"optimize": True}
    elif kind == "JPEG":
        how |= {"quality": QUALITY, "optimize": True, "progressive": True}
    else:
        how |= {"quality": QUALITY, "method": 4, "exif": b""}
    small.info.clear()
    small.save(data, kind, **how)
    return data.getvalue()


def _drawing(data: bytes) -> Picture | None:
    """Return the size that an SVG's root element declares."""
    # It is the author's own file. Only entities would be dangerous, and SVG needs none.
    if b"<!ENTITY" in data:
        raise ValueError("it declares entities")
    try:
        root = ElementTree.fromstring(data)  # noqa: S314 - see above
    except ElementTree.ParseError as error:
        raise ValueError(str(error)) from error
    sides = [_NUMBER.fullmatch(root.get(name, "")) for name in ("width", "height")]
    box = root.get("viewBox", "").replace(",", " ").split()
    try:
        if sides[0] and sides[1]:
            width, height = float(sides[0][1]), float(sides[1][1])
        else:
            width, height = float(box[2]), float(box[3])
    except (IndexError, ValueError):
        return None
    return Picture(round(width), round(height)) if width >= 1 and height >= 1 else None


def _recipe() -> bytes:
    """Return what copies depend on besides the image."""
    return VERSION + version("pillow").encode()


def _write(path: Path, data: bytes) -> None:
    # Atomic, also for power cuts: later builds only check that the file exists.
    replace(path, data)
