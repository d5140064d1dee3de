"""Avatar numbers of replies: random, so that they reveal nothing about the author's address."""

import secrets
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, bindparam, select

from comments_service.store.tables import comment
from comments_service.store.visibility import IS_PUBLIC

# Number of different avatars; the site side maps each number to a picture.
COUNT = 256
# For each of the eight patterns, in how many rotations it looks different: a disc in one, stripes
# in two.
TURNS = (4, 4, 2, 1, 1, 2, 4, 4)
# Only this many of a page's latest public replies are compared; more would leave few looks free.
LATEST = 256
# The looks of at most this many pages are cached.
KEPT_PAGES = 10_000
NOTHING: Mapping[int, int] = MappingProxyType({})

# (page id, author's name, written by an editor): what an avatar stands for. Public data only.
Face = tuple[int, str, bool]


def look_of(number: int) -> int:
    """Return the smallest number whose picture looks the same."""
    rest, pattern = divmod(number, 8)
    turned, colour = divmod(rest, 8)
    return (turned % TURNS[pattern]) * 64 + colour * 8 + pattern


_LOOKS = tuple(look_of(number) for number in range(COUNT))

_SAME = (
    select(comment.c.page_id, comment.c.author_name, comment.c.by_editor, comment.c.avatar)
    .where(
        comment.c.page_id.in_(bindparam("pages", expanding=True)),
        comment.c.author_name.in_(bindparam("names", expanding=True)),
        comment.c.avatar.is_not(None),
    )
    .distinct()
)
_LATEST = (
    select(comment.c.avatar)
    .where(comment.c.page_id == bindparam("page"), IS_PUBLIC)
    .order_by(comment.c.submitted_at.desc(), comment.c.id.desc())
    .limit(LATEST)
)
# Cache by database and page: the page's revision, and the looks used by its replies.
_KEPT: WeakKeyDictionary[Engine, dict[int, tuple[int, frozenset[int]]]] = WeakKeyDictionary()


def draw_all(
    connection: Connection, faces: Iterable[Face], revisions: Mapping[int, int] = NOTHING
) -> dict[Face, int]:
    """Return the avatar number of each face: that of an earlier reply, or a new one.

    A new one looks different from all of the page's public replies and from the other new ones, as
    long as there are free looks. It depends on public data only. If the email address were part of
    a face, an equal avatar would confirm a guessed address.

    `revisions` of the pages, by row id, as this transaction sees them, allow to use the cache.
    """
    wanted = list(dict.fromkeys(faces))
    pages = {face[0] for face in wanted}
    asked = {"pages": pages, "names": {face[1] for face in wanted}}
    worn: dict[Face, int] = {
        (row[0], row[1], row[2]): int(row[3]) for row in connection.execute(_SAME, asked)
    }
    looks = {page: _looks_of(connection, page, revisions.get(page)) for page in pages}
    drawn: dict[Face, int] = {}
    for face in wanted:
        number = worn.get(face)
        drawn[face] = _draw(looks[face[0]]) if number is None else number
        looks[face[0]].add(_LOOKS[drawn[face]])
    return drawn


def _draw(taken: Collection[int]) -> int:
    # Usually few looks are taken, so that the first tries succeed.
    for _ in range(8):
        number = secrets.randbelow(COUNT)
        if _LOOKS[number] not in taken:
            return number
    free = [number for number in range(COUNT) if _LOOKS[number] not in taken] or range(COUNT)
    return free[secrets.randbelow(len(free))]


def _looks_of(connection: Connection, page: int, revision: int | None) -> set[int]:
    """Return the looks of the page's latest public replies."""
    if revision is None:
        return _looked_up(connection, page)
    kept = _KEPT.setdefault(connection.engine, {})
    cached = kept.get(page)
    # The revision grows with every public change.
    if cached is None or cached[0] != revision:
        if len(kept) >= KEPT_PAGES:
            kept.clear()
        cached = kept[page] = (revision, frozenset(_looked_up(connection, page)))
    return set(cached[1])


def _looked_up(connection: Connection, page: int) -> set[int]:
    rows = connection.execute(_LATEST, {"page": page}).scalars()
    return {_LOOKS[number] for number in rows if number is not None}
