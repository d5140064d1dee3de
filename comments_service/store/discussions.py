"""Discussions as they go public."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, literal, select

from comments_service.store.row_columns import columns_of
from comments_service.store.tables import comment
from comments_service.store.visibility import IS_PUBLIC


class PublicComment(NamedTuple):
    """A reply as it goes public. No field here could hold an email address."""

    id: int
    public_id: str
    parent_id: int | None
    author_name: str
    author_url: str | None
    by_editor: bool
    html: str
    submitted_at: datetime
    edited_at: datetime | None
    position: int | None
    pinned: bool
    locked: bool
    avatar: int | None
    removed: bool


_PUBLIC = select(*columns_of(PublicComment, comment, removed=literal(False)))


def public_discussion(connection: Connection, page_id: int) -> list[PublicComment]:
    """Return the page's public replies in the order of submission.

    A reply that is no longer public but has public ones below it is there as a placeholder,
    `removed`, without its author and text: the thread keeps its shape.
    """
    shown = _PUBLIC.where(comment.c.page_id == page_id, IS_PUBLIC)
    found = {row.id: PublicComment._make(row) for row in connection.execute(shown)}
    missing = _absent_parents(found)
    while missing:
        hidden = _PUBLIC.where(comment.c.id.in_(missing))
        for row in connection.execute(hidden):
            found[row.id] = PublicComment._make(row)._replace(
                removed=True,
                author_name="",
                author_url=None,
                by_editor=False,
                html="",
                edited_at=None,
                pinned=False,
                avatar=None,
            )
        missing = _absent_parents(found)
    return sorted(found.values(), key=lambda one: (one.submitted_at, one.id))


def _absent_parents(found: dict[int, PublicComment]) -> set[int]:
    parents = {one.parent_id for one in found.values() if one.parent_id is not None}
    return parents - found.keys()
