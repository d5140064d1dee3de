"""Detects pages whose digest may resolve intra-site links, which has side effects in Pelican.

Pelican resolves links when the content is read, which may move an attached file or warn of a
missing one. In a worker that would be lost, so such digests are made before workers are forked.
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

# Values without contents: only a paginator's numbers are digested.
FAR_FROM_TEXTS = (str, int, float, bytes, type(None), Paginator, URLWrapper)


class Links:
    """Cached results for one run, in which the objects do not change."""

    def __init__(self) -> None:
        # The reference to the object keeps its id from being reused.
        self._known: dict[int, tuple[object, bool]] = {}

    def none_in(self, begun: Begun, own: Mapping[str, Any]) -> bool:
        """Whether no text in this page's digest can have unresolved links."""
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
