"""The HTML of stored replies, and the version of the markup that made it."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select, tuple_, update

from comments_service.store.tables import comment, page


class Rendering(NamedTuple):
    """What rendering a reply again needs; `version` grows with every edit of its text."""

    id: int
    public_id: str
    page_id: int
    page_key: str
    text: str
    html: str
    version: int
    markup_version: int


class State(NamedTuple):
    """What of a reply may have changed since it was read."""

    status: str
    version: int
    markup_version: int


_OUTDATED = (
    select(
        comment.c.id,
        comment.c.public_id,
        comment.c.page_id,
        page.c.key,
        comment.c.text,
        comment.c.html,
        comment.c.version,
        comment.c.markup_version,
    )
    .join(page, page.c.id == comment.c.page_id)
    .order_by(comment.c.markup_version, comment.c.id)
)
_WRITE = (
    update(comment)
    .where(comment.c.id == bindparam("of_id"))
    .values(html=bindparam("new_html"), markup_version=bindparam("by_version"))
)


def outdated(
    connection: Connection, newest: int, *, after: Rendering | None, limit: int
) -> list[Rendering]:
    """Return up to `limit` replies that a version below `newest` rendered.

    They come in the order of version and row id; `after` is the last one that was seen.
    """
    query = _OUTDATED.where(comment.c.markup_version < newest).limit(limit)
    if after is not None:
        place = tuple_(comment.c.markup_version, comment.c.id)
        query = query.where(place > tuple_(after.markup_version, after.id))
    return [Rendering(*row) for row in connection.execute(query)]


def states(connection: Connection, row_ids: Sequence[int]) -> dict[int, State]:
    """Return the state of each of the replies that there still are."""
    query = select(
        comment.c.id, comment.c.status, comment.c.version, comment.c.markup_version
    ).where(comment.c.id.in_(row_ids))
    return {row.id: State(*row[1:]) for row in connection.execute(query)}


def set_version(connection: Connection, row_ids: Collection[int], version: int) -> None:
    """Record that the version renders these replies as they are stored."""
    values = {"markup_version": version}
    connection.execute(update(comment).where(comment.c.id.in_(row_ids)).values(**values))


def write(connection: Connection, html: dict[int, str], version: int) -> None:
    """Store new HTML, by row id."""
    rows = [
        {"of_id": row_id, "new_html": new, "by_version": version} for row_id, new in html.items()
    ]
    connection.execute(_WRITE, rows)


def set_revision(connection: Connection, row_ids: Collection[int], revision: int) -> None:
    """Record the number of the last change of these replies that readers can see."""
    connection.execute(update(comment).where(comment.c.id.in_(row_ids)).values(revision=revision))
