"""The text of a card, and the name of its file.

The name is made of all that the drawing depends on: a card with that name need not be drawn again,
and one that changes has another address, which is the only way to make others fetch it anew.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

FOLDER = "cards"
FONT = Path(__file__).parent / "fonts" / "SourceSerifPro-Semibold.ttf"
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur", "yi"})


class Card(NamedTuple):
    """The text of one card, as plain text."""

    site: str
    title: str
    subtitle: str
    language: str

    @property
    def leftward(self) -> bool:
        """Whether it is written from right to left."""
        return self.language.partition("-")[0].lower() in RIGHT_TO_LEFT

    def name(self, font: Path) -> str:
        """Return the card's URL below the site's, which is its path below the output."""
        words = "\0".join((self.site, self.title, self.subtitle, str(self.leftward)))
        state = blake2b(words.encode("utf-8", "surrogatepass"), digest_size=12, key=design(font))
        return f"{FOLDER}/{state.hexdigest()}.png"


@lru_cache(maxsize=4)
def design(font: Path) -> bytes:
    """Digest what cards depend on: this package, the font, and the drawing library."""
    here = Path(__file__).parent
    parts = [path.read_bytes() for path in sorted(here.glob("*.py"))]
    state = blake2b(version("pillow").encode(), digest_size=16)
    for part in (*parts, font.read_bytes()):
        state.update(blake2b(part).digest())
    return state.digest()
