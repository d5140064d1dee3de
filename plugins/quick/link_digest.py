"""Whether the digest of what a page is given could fill in links to other contents.

Pelican fills them in when a text is asked for, which may move an attached file or warn of a missing
one. A worker's copy of the file moves nothing, so such digests are made before there are workers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pelican.contents import Content
from pelican.paginator import Page as ListPage
from pelican.paginator import Paginator
from pelican.urlwrappers import URLWrapper

from .contents import LINKS
from .page_keys import Begun

# They lead to no content: of a paginator only its numbers are digested.
FAR_FROM_TEXTS = (str, int, float, bytes, type(None), Paginator, URLWrapper)


class Links:
    """Answers for one run, in which the objects stay as they are."""

    def __init__(self) -> None:
        # Kept with the object, or another one could get its id.
        self._known: dict[int, tuple[object, bool]] = {}

    def none_in(self, begun: Begun, own: Mapping[str, Any]) -> bool:
        """Whether no text that this page's digest asks for can have links to fill in."""
        return all(self._none(own[name]) for name in begun.names)

    def _none(self, value: object) -> bool:
        if isinstance(value, FAR_FROM_TEXTS):
            return True
        known = self._known.get(id(value))
        if known is None:
            known = self._known[id(value)] = (value, self._look(value))
        return known[1]

    def _look(self, value: object) -> bool:
        if isinstance(value, ListPage):
            return self._none(value.object_list)
        if isinstance(value, list | tuple):
            return all(map(self._none, value))
        if isinstance(value, Content):
            return _plain(value) and all(map(_plain, value.translations))
        return False


def _plain(one: Any) -> bool:
    usual = one.settings["INTRASITE_LINK_REGEX"] == LINKS
    text = one._content
    return usual and isinstance(text, str) and "{" not in text and "|" not in text
