"""Applies Python-Markdown's inline patterns only to texts that they can match.

Two thirds of a conversion are spent on trying 40 patterns on every piece of text, and few match.
Nearly every pattern needs a certain character, such as a quotation mark: a text without it is not
searched, and one without a match is not prepared for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from markdown import Markdown
from markdown.inlinepatterns import InlineProcessor as InlinePattern
from markdown.inlinepatterns import Pattern
from markdown.treeprocessors import InlineProcessor
from markdown.util import AtomicString

_APPLY = "_InlineProcessor__applyPattern"
# A pattern's search, and characters of which every match has at least one (None: unknown).
Asked = tuple[Callable[[str, int], Any] | None, frozenset[str] | None]


class QuickInline(InlineProcessor):
    """An InlineProcessor with the same results, which skips patterns that cannot match."""

    def run(self, tree: Any, ancestors: Any = None) -> Any:
        """Process a tree; patterns may have been added or removed since the last one."""
        self._asked: list[Asked] = [_asked(pattern) for pattern in self._patterns()]
        return super().run(tree, ancestors)

    def _patterns(self) -> Iterable[Any]:
        return self.inlinePatterns

    # The name that Python gives to InlineProcessor's `__handleInline`.
    def _InlineProcessor__handleInline(  # noqa: N802 - Markdown's own spelling
        self,
        data: str,
        patternIndex: int = 0,  # noqa: N803
    ) -> str:
        if isinstance(data, AtomicString):
            return data
        apply = getattr(self, _APPLY)
        asked, start, index, end = self._asked, 0, patternIndex, len(self._asked)
        characters = set(data)
        while index < end:
            search, needed = asked[index]
            if (needed is not None and needed.isdisjoint(characters)) or (
                search is not None and search(data, start) is None
            ):
                start, index = 0, index + 1
            else:
                data, matched, start = apply(self.inlinePatterns[index], data, index, start)
                characters = set(data)
                if not matched:
                    index += 1
        return data


def quicken(md: Markdown) -> None:
    """Make this instance skip patterns, where its processors are Python-Markdown's own."""
    for one in md.treeprocessors:  # smarty has its own
        if type(one) is InlineProcessor and hasattr(one, _APPLY):
            one.__class__ = QuickInline


_known: dict[re.Pattern[str], Asked] = {}


def _asked(pattern: Pattern) -> Asked:
    plain = type(pattern).getCompiledRegExp is Pattern.getCompiledRegExp
    if not plain or not isinstance(pattern, InlinePattern):
        return None, None
    compiled = pattern.getCompiledRegExp()
    if compiled not in _known:
        _known[compiled] = (compiled.search, needed_by(compiled))
    return _known[compiled]


def needed_by(compiled: re.Pattern[str]) -> frozenset[str] | None:
    """Return characters of which every match has at least one; None if unknown."""
    if compiled.flags & (re.IGNORECASE | re.LOCALE):
        return None
    try:
        from re import _parser as parser  # type: ignore[attr-defined]

        return _needed(parser.parse(compiled.pattern, compiled.flags))
    except Exception:  # it is Python's private parser: another version may give other things
        return None


def _needed(parts: Any) -> frozenset[str] | None:
    """Return the smallest need of a sequence's parts, as each of them must match."""
    needs = [need for part in parts if (need := _needed_by_part(*part))]
    return min(needs, key=len, default=None)


def _needed_by_part(kind: Any, what: Any) -> frozenset[str] | None:
    name = str(kind)
    if name == "LITERAL":
        return frozenset(chr(what))
    if name == "IN" and all(str(one) == "LITERAL" for one, _ in what):
        return frozenset(chr(code) for _, code in what)
    if name == "BRANCH":
        sides = [_needed(side) for side in what[1]]
        return None if None in sides else frozenset().union(*sides)  # type: ignore[arg-type]
    if name == "SUBPATTERN":
        _, adds, _, inner = what
        return None if adds & re.IGNORECASE else _needed(inner)
    if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT") and what[0] >= 1:
        return _needed(what[2])
    if name == "ASSERT":
        return _needed(what[1])
    return None
