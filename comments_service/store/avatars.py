"""The numbers behind replies' avatars: drawn at random, and never from who wrote them."""

import secrets
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, bindparam, select, union_all

from comments_service.store.public import IS_PUBLIC
from comments_service.tables import comment

# What the site side makes of a number is its own affair; it has this many pictures.
COUNT = 256
# Of its eight patterns, in how many turns each looks different: a disc in one, stripes in two.
TURNS = (4, 4, 2, 1, 1, 2, 4, 4)
# Of a long discussion only so many public replies are looked at: by then few looks are left.
LATEST = 256
# Pages that one query asks for; SQLite joins no more than 500 selections.
PAGES = 100

# Who wrote under which name, on which page, as editor or not: nothing that readers do not see.
Face = tuple[int, str, bool]


def look_of(number: int) -> int:
    """Return the smallest number whose picture looks the same."""
    rest, pattern = divmod(number, 8)
    turned, colour = divmod(rest, 8)
    return (turned % TURNS[pattern]) * 64 + colour * 8 + pattern


_LOOKS = tuple(look_of(number) for number in range(COUNT))


def draw_all(connection: Connection, faces: Iterable[Face]) -> dict[Face, int]:
    """Return each one's number: that of an earlier reply of the same face, or a fresh one.

    A fresh one looks like none of the page's public replies, nor of those drawn beside it, as
    long as there are such. Only what is public is looked at. Were the address part of a face, an
    equal avatar would tell who guesses an address whether the guess is right.
    """
    wanted = list(dict.fromkeys(faces))
    pages = list(dict.fromkeys(face[0] for face in wanted))
    worn: dict[Face, int] = {}
    for begin in range(0, len(pages), PAGES):
        some = pages[begin : begin + PAGES]
        names = {face[1] for face in wanted if face[0] in some}
        asked = {"pages": some, "names": names, **{f"page_{i}": one for i, one in enumerate(some)}}
        rows = connection.execute(_worn(len(some)), asked)
        worn |= {(row[0], row[1], row[2]): int(row[3]) for row in rows}
    looks: dict[int, set[int]] = {page: set() for page in pages}
    for face, number in worn.items():
        looks[face[0]].add(_LOOKS[number])
    drawn: dict[Face, int] = {}
    for face in wanted:
        drawn[face] = worn[face] if face in worn else _draw(looks[face[0]])
        looks[face[0]].add(_LOOKS[drawn[face]])
    return drawn


def _draw(taken: Collection[int]) -> int:
    free = [number for number in range(COUNT) if _LOOKS[number] not in taken] or range(COUNT)
    return free[secrets.randbelow(len(free))]


# Keyed by their number, so that neither we nor SQLAlchemy put the same query together twice.
@lru_cache(maxsize=PAGES)
def _worn(pages: int) -> Any:
    """Who wears what: the wanted names on the pages, and the latest public replies of each page."""
    face = (comment.c.page_id, comment.c.author_name, comment.c.by_editor, comment.c.avatar)
    same = select(*face).where(
        comment.c.page_id.in_(bindparam("pages", expanding=True)),
        comment.c.author_name.in_(bindparam("names", expanding=True)),
        comment.c.avatar.is_not(None),
    )
    latest = [
        select(*face)
        .where(comment.c.page_id == bindparam(f"page_{i}"), IS_PUBLIC)
        .order_by(comment.c.submitted_at.desc(), comment.c.id.desc())
        .limit(LATEST)
        .subquery()
        for i in range(pages)
    ]
    return union_all(
        same.distinct(), *(select(*one.c).where(one.c.avatar.is_not(None)) for one in latest)
    )
