"""Views of other articles and of headings for templates, with few attributes.

An article that referred to its neighbours themselves would reach all articles, and a change of any
would make its page outdated (plugins/quick).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, overload

# The version of the digests' meaning.
VERSION = b"1"


class View:
    """Another article: `title`, `url` (relative, as `article.url`) and `subtitle` ("" if none)."""

    __slots__ = ("_article", "_digest")

    def __init__(self, article: Any) -> None:
        self._article = article
        self._digest: bytes | None = None

    @property
    def title(self) -> str:
        """The title, as on the article's own page."""
        return self._article.title  # type: ignore[no-any-return]

    @property
    def url(self) -> str:
        """The address below the site's."""
        return self._article.url  # type: ignore[no-any-return]

    @property
    def subtitle(self) -> str:
        """The line under the title."""
        return getattr(self._article, "subtitle", "")

    def quick_digest(self) -> bytes:
        """Digest everything that a template can read."""
        if self._digest is None:
            told = "\0".join((str(self.title), str(self.url), str(self.subtitle)))
            self._digest = VERSION + told.encode("utf-8", "surrogatepass")
        return self._digest


class Heading(NamedTuple):
    """A heading of the article: the id to link to, and its plain text."""

    id: str
    title: str


class Contents(Sequence[Heading]):
    """The headings of an article, parsed on access."""

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
        """Digest everything that a template can read."""
        return VERSION + self._raw.encode("utf-8", "surrogatepass")
