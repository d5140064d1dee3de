"""The numbers behind replies' avatars: drawn at random, and never from who wrote them."""

import secrets
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, bindparam, select

from comments_service.store.tables import comment
from comments_service.store.visibility import IS_PUBLIC

# What the site side makes of a number is its own affair; it has this many pictures.
COUNT = 256
# Of its eight patterns, in how many turns each looks different: a disc in one, stripes in two.
TURNS = (4, 4, 2, 1, 1, 2, 4, 4)
# Of a long discussion only so many public replies are looked at: by then few looks are left.
LATEST = 256
# Of so many pages the looks are kept between submissions.
KEPT_PAGES = 10_000
NOTHING: Mapping[int, int] = MappingProxyType({})

# Who wrote under which name, on which page, as editor or not: nothing that readers do not see.
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
# By database and page: its revision, and the looks that are worn then.
_KEPT: WeakKeyDictionary[Engine, dict[int, tuple[int, frozenset[int]]]] = WeakKeyDictionary()


def draw_all(
    connection: Connection, faces: Iterable[Face], revisions: Mapping[int, int] = NOTHING
) -> dict[Face, int]:
    """Return each one's number: that of an earlier reply of the same face, or a fresh one.

    A fresh one looks like none of the page's public replies, nor of those drawn beside it, as
    long as there are such. Only what is public is looked at. Were the address part of a face, an
    equal avatar would tell who guesses an address whether the guess is right.

    `revisions` of the pages, by row id, as this transaction sees them, save looking at public
    replies that were looked at before.
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
    # Mostly few are taken, and the first number will do.
    for _ in range(8):
        number = secrets.randbelow(COUNT)
        if _LOOKS[number] not in taken:
            return number
    free = [number for number in range(COUNT) if _LOOKS[number] not in taken] or range(COUNT)
    return free[secrets.randbelow(len(free))]


def _looks_of(connection: Connection, page: int, revision: int | None) -> set[int]:
    """Return the looks that the page's latest public replies wear."""
    if revision is None:
        return _looked_up(connection, page)
    kept = _KEPT.setdefault(connection.engine, {})
    found = kept.get(page)
    # The revision grows with every public change.
    if found is None or found[0] != revision:
        if len(kept) >= KEPT_PAGES:
            kept.clear()
        found = kept[page] = (revision, frozenset(_looked_up(connection, page)))
    return set(found[1])


def _looked_up(connection: Connection, page: int) -> set[int]:
    rows = connection.execute(_LATEST, {"page": page}).scalars()
    return {_LOOKS[number] for number in rows if number is not None}
