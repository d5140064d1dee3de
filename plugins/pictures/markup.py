"""Completes the attributes of `<img>` tags."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape, unescape
from typing import NamedTuple
from urllib.parse import quote

from .image_file import FOLDER, Picture

# Possessive, so that an unclosed tag costs no backtracking.
_IMAGE = re.compile(r"""<img\b((?:[^>"']++|"[^"]*+"|'[^']*+')*+)>""", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([^\s"'<>/=]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+))""")


# Characters allowed in URLs; a space or a comma would end one inside `srcset`.
SAFE = "/:?#[]@!$&'()*+;=%~"


class Found(NamedTuple):
    """A picture, and its `srcset`: the URLs of its copies and itself by width.

    `several` is "" where there is nothing to choose from.
    """

    picture: Picture
    several: str


# From the URL in `src`, as written, to what is known of the image.
Find = Callable[[str], Found | None]


def several(picture: Picture, own: str, site_url: str) -> str:
    """Return the `srcset` of a picture and its copies; `own` is the picture's URL."""
    if not picture.copies:
        return ""
    addresses = [(f"{site_url}/{FOLDER}/{one.name}", one.width) for one in picture.copies]
    addresses.append((own, picture.width))
    return ", ".join(f"{quote(url, safe=SAFE)} {width}w" for url, width in addresses)


def dress(html: str, find: Find, sizes: str) -> str:
    """Complete the images of a text; all but the first are loaded lazily.

    Attributes that authors wrote stay. `sizes` is the attribute of that name.
    """
    first = True

    def one(match: re.Match[str]) -> str:
        nonlocal first
        late, first = not first, False
        written = match[1].rstrip()
        slash = " /" if written.endswith("/") else ""
        written = written.removesuffix("/").rstrip()
        own = {name.lower(): unescape(a or b or c) for name, a, b, c in _ATTRIBUTE.findall(written)}
        found = find(own["src"]) if "src" in own else None
        more = _measures(own, found.picture) if found else {}
        if found and found.several and "srcset" not in own:
            more |= {"srcset": found.several, "sizes": sizes}
        if late and "loading" not in own:
            more["loading"] = "lazy"
        added = "".join(f' {name}="{escape(text)}"' for name, text in more.items())
        return f"<img{written}{added}{slash}>"

    return _IMAGE.sub(one, html)


def _measures(own: dict[str, str], picture: Picture) -> dict[str, str]:
    """Return width and height, as far as the author left them out."""
    if "width" in own and "height" in own:
        return {}
    width, height = picture.width, picture.height
    for name, other, ratio in (
        ("width", "height", height / width),
        ("height", "width", width / height),
    ):
        if name in own:
            return {other: str(round(int(own[name]) * ratio))} if own[name].isdecimal() else {}
    return {"width": str(width), "height": str(height)}
