"""Paging of long discussions: a thread's position decides permanently on which page it is.

Slots come from the service and never change, so no reply moves when others arrive or go.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

from .discussions import Comment, Discussion, Page


@dataclass(frozen=True, slots=True)
class Parts:
    """A discussion by pages, each with whole threads. Part 1 always exists."""

    by_number: dict[int, Discussion]
    # The part of each comment, by its id.
    places: dict[str, int]

    def before(self, number: int) -> int | None:
        """Return the nearest earlier part with replies, or the first; None for the first."""
        return max((one for one in self.by_number if one < number), default=None)

    def after(self, number: int) -> int | None:
        """Return the nearest later part with replies, or None."""
        return min((one for one in self.by_number if one > number), default=None)


def part_of(comment: Comment, size: int | None) -> int:
    """Return the number of the part with a top-level reply."""
    # A reply without a position has no permanent place, and is on the first page.
    return (comment.position - 1) // size + 1 if comment.position and size else 1


def divide(discussion: Discussion, size: int | None) -> Parts:
    """Divide a discussion into parts of `size` positions; None leaves it whole."""
    if not size or all((one.position or 0) <= size for one in discussion.comments):
        return Parts({1: discussion}, {one.id: 1 for one in discussion.comments})
    by_id = {one.id: one for one in discussion.comments}
    places: dict[str, int] = {}
    threads: defaultdict[int, list[Comment]] = defaultdict(list)
    for comment in discussion.comments:
        below: list[str] = []
        current = comment
        while current.id not in places and current.parent is not None:
            below.append(current.id)
            current = by_id[current.parent]
        number = places.setdefault(current.id, part_of(current, size))
        for one in below:
            places[one] = number
        threads[number].append(comment)
    threads.setdefault(1, [])
    parts = {
        number: replace(discussion, comments=tuple(threads[number])) for number in sorted(threads)
    }
    return Parts(parts, places)


def permalink(page: Page, parts: Parts, comment_id: str) -> str:
    """Return the URL of a reply."""
    return f"{page.part_url(parts.places[comment_id])}#comment-{comment_id}"
