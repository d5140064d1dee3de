"""Selects related articles: those with common tags, rare ones first; then the category's.

Among equals come the next older ones, then the next newer: so a new article changes no other
page's list as long as older ones are left, and no article is everybody's neighbour.

Sets of articles are whole numbers with a bit for each, the newest first: what several tags have in
common is one operation, however many articles there are.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import combinations
from math import log2
from pathlib import Path
from typing import NamedTuple

from .file_cache import replace

MOST = 3
# Of more tags only the rarest count, because every subset of them is looked up.
TAGS = 6
# The version of the selection; another one invalidates the cache.
VERSION = b"1"


class Marks(NamedTuple):
    """One article's tags and category, as slugs."""

    tags: tuple[str, ...]
    category: str


def related(articles: Sequence[Marks], kept: Path | None = None) -> list[tuple[int, ...]]:
    """Return for each article, newest first, the indices of up to MOST others.

    `kept` is a file that holds the last answer: tags change seldom.
    """
    key = blake2b(VERSION + repr(articles).encode(), digest_size=20).digest()
    found = _load(kept, key, len(articles)) if kept is not None else None
    if found is None:
        found = list(_choose(articles))
        if kept is not None:
            _save(kept, key, found)
    return found


def _choose(articles: Sequence[Marks]) -> Iterator[tuple[int, ...]]:
    tags: dict[str, int] = {}
    categories: dict[str, int] = {}
    for place, one in enumerate(articles):
        for tag in one.tags:
            tags[tag] = tags.get(tag, 0) | 1 << place
        categories[one.category] = categories.get(one.category, 0) | 1 << place
    weights = {
        tag: round(1000 * log2(1 + len(articles) / them.bit_count())) for tag, them in tags.items()
    }
    for place, one in enumerate(articles):
        rarest = sorted(set(one.tags), key=lambda tag: (-weights[tag], tag))[:TAGS]
        shared = [
            (sum(weights[tag] for tag in some), some)
            for size in range(1, len(rarest) + 1)
            for some in combinations(rarest, size)
        ]
        own = categories[one.category]
        chosen: list[int] = []
        left = ~(1 << place)
        for _, some in sorted(shared, key=lambda each: (-each[0], each[1])):
            them = left
            for tag in some:
                them &= tags[tag]
            for those in (them & own, them & ~own):
                chosen += _nearest(those, place, MOST - len(chosen))
            for taken in chosen:
                left &= ~(1 << taken)
            if len(chosen) == MOST:
                break
        chosen += _nearest(own & left, place, MOST - len(chosen))
        yield tuple(chosen)


def _nearest(them: int, place: int, count: int) -> list[int]:
    """Return up to `count` of them: the next older ones, then the next newer."""
    found: list[int] = []
    if not them:
        return found
    older = them >> place + 1
    while older and len(found) < count:
        lowest = older & -older
        found.append(place + lowest.bit_length())
        older ^= lowest
    newer = them & (1 << place) - 1
    while newer and len(found) < count:
        highest = newer.bit_length() - 1
        found.append(highest)
        newer ^= 1 << highest
    return found


def _save(file: Path, key: bytes, found: Sequence[tuple[int, ...]]) -> None:
    places = array("i")
    for them in found:
        places.extend(them + (-1,) * (MOST - len(them)))
    replace(file, key + places.tobytes())


def _load(file: Path, key: bytes, count: int) -> list[tuple[int, ...]] | None:
    places = array("i")
    try:
        data = file.read_bytes()
        places.frombytes(data[len(key) :])
    except (OSError, ValueError):
        return None
    if data[: len(key)] != key or len(places) != count * MOST:
        return None
    rows = zip(*(places[column::MOST] for column in range(MOST)), strict=True)
    return [row if row[-1] >= 0 else tuple(one for one in row if one >= 0) for row in rows]
