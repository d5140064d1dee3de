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
    select(comment.c.page_id, comment.c.author_name, comment.c.by_editor, comment.c.avatar)
    .where(
        comment.c.page_id.in_(bindparam("pages", expanding=True)),
        comment.c.author_name.in_(bindparam("names", expanding=True)),
        comment.c.avatar.is_not(None),
    )
    .distinct()
)


def draw_all(connection: Connection, faces: Iterable[Face]) -> dict[Face, int]:
    """Return each one's number: that of an earlier reply of the same face, or a fresh one.

    Only what is public is looked at. Were the address part of a face, an equal avatar would tell
    who guesses an address whether the guess is right.
    """
    wanted = list(dict.fromkeys(faces))
    asked = {"pages": {face[0] for face in wanted}, "names": {face[1] for face in wanted}}
    worn = {(row[0], row[1], row[2]): int(row[3]) for row in connection.execute(_WORN, asked)}
    return {face: worn[face] if face in worn else secrets.randbelow(COUNT) for face in wanted}
