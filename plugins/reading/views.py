"""What templates are given of other articles and of headings: little, and nothing that leads on.

An article that held its neighbours themselves would hold all articles: to tell whether its page
has changed one would have to look at the whole site (plugins/quick).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, overload

# Another meaning of the same data is another digest.
VERSION = b"1"


class View:
    """Another article: `title`, `url` (relative, as `article.url`) and `subtitle` ("" if none)."""

    __slots__ = ("_article", "_digest")

    def __init__(self, article: Any) -> None:
        self._article = article
        self._digest: bytes | None = None

    @property
    def title(self) -> str:
        """Its title, as the article's own page is given it."""
        return self._article.title  # type: ignore[no-any-return]

    @property
    def url(self) -> str:
        """Its address below the site's."""
        return self._article.url  # type: ignore[no-any-return]

    @property
    def subtitle(self) -> str:
        """The line under its title."""
        return getattr(self._article, "subtitle", "")

    def quick_digest(self) -> bytes:
        """All that a template can ask for."""
        if self._digest is None:
            told = "\0".join((str(self.title), str(self.url), str(self.subtitle)))
            self._digest = VERSION + told.encode("utf-8", "surrogatepass")
        return self._digest


class Heading(NamedTuple):
    """A heading of the article: the id to link to, and its words as plain text."""

    id: str
    title: str


class Contents(Sequence[Heading]):
    """The headings of an article, taken apart when somebody looks."""

    __slots__ = ("_headings", "_raw")

    def __init__(self, raw: str) -> None:
        self._raw = raw
        self._headings: tuple[Heading, ...] | None = None

    @property
    def _read(self) -> tuple[Heading, ...]:
        if self._headings is None:
            self._headings = tuple(Heading(*one) for one in json.loads(self._raw))
        return self._headings

    def __len__(self) -> int:
        return len(self._read)

    @overload
    def __getitem__(self, index: int) -> Heading: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Heading]: ...
    def __getitem__(self, index: int | slice) -> Heading | Sequence[Heading]:
        return self._read[index]

    def __iter__(self) -> Iterator[Heading]:
        return iter(self._read)

    def quick_digest(self) -> bytes:
        """All that a template can ask for."""
        return VERSION + self._raw.encode("utf-8", "surrogatepass")
