"""The numbers behind replies' avatars: drawn at random, and never from who wrote them."""

import secrets
from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, select

from comments_service.tables import comment

# What the site side makes of a number is its own affair; it has this many pictures.
COUNT = 256

# Who wrote under which name, on which page, as editor or not: nothing that readers do not see.
Face = tuple[int, str, bool]

_WORN = (
    select(comment.c.avatar)
    .where(
        comment.c.page_id == bindparam("page_id"),
        comment.c.author_name == bindparam("author_name"),
        comment.c.by_editor == bindparam("by_editor"),
        comment.c.avatar.is_not(None),
    )
    .limit(1)
)


def draw_all(connection: Connection, faces: Iterable[Face]) -> dict[Face, int]:
    """Return each one's number: that of an earlier reply of the same face, or a fresh one.

    Only what is public is looked at. Were the address part of a face, an equal avatar would tell
    who guesses an address whether the guess is right.
    """
    return {face: _draw(connection, face) for face in dict.fromkeys(faces)}


def _draw(connection: Connection, face: Face) -> int:
    page_id, author_name, by_editor = face
    worn = connection.execute(
        _WORN, {"page_id": page_id, "author_name": author_name, "by_editor": by_editor}
    ).scalar()
    return secrets.randbelow(COUNT) if worn is None else int(worn)
