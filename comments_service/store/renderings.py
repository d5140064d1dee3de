"""Queries for rendering stored replies again after a change of the markup version."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select, tuple_, update

from comments_service.store.tables import comment, page


class Rendering(NamedTuple):
    """A reply to render again; `version` grows with every edit of its text."""

    id: int
    public_id: str
    page_id: int
    page_key: str
    text: str
    html: str
    version: int
    markup_version: int


class State(NamedTuple):
    """The fields of a reply that may have changed since it was read."""

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
    """Return up to `limit` replies rendered by a markup version below `newest`.

    They are sorted by markup version and row id; `after` is the last one of the previous call.
    """
    query = _OUTDATED.where(comment.c.markup_version < newest).limit(limit)
    if after is not None:
        place = tuple_(comment.c.markup_version, comment.c.id)
        query = query.where(place > tuple_(after.markup_version, after.id))
    return [Rendering(*row) for row in connection.execute(query)]


def states(connection: Connection, row_ids: Sequence[int]) -> dict[int, State]:
    """Return the state of each of the replies that still exist, by row id."""
    query = select(
        comment.c.id, comment.c.status, comment.c.version, comment.c.markup_version
    ).where(comment.c.id.in_(row_ids))
    return {row.id: State(*row[1:]) for row in connection.execute(query)}


def set_version(connection: Connection, row_ids: Collection[int], version: int) -> None:
    """Set the markup version of replies whose HTML it does not change."""
    values = {"markup_version": version}
    connection.execute(update(comment).where(comment.c.id.in_(row_ids)).values(**values))


def write(connection: Connection, html: dict[int, str], version: int) -> None:
    """Store new HTML, by row id."""
    rows = [
        {"of_id": row_id, "new_html": new, "by_version": version} for row_id, new in html.items()
    ]
    connection.execute(_WRITE, rows)


def set_revision(connection: Connection, row_ids: Collection[int], revision: int) -> None:
    """Set the revision of the replies: the sequence number of their last public change."""
    connection.execute(update(comment).where(comment.c.id.in_(row_ids)).values(revision=revision))
