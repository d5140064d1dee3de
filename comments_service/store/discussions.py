"""Query of a public discussion: all public replies of a page, with placeholders."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, literal, select

from comments_service.store.row_columns import columns_of
from comments_service.store.tables import comment
from comments_service.store.visibility import IS_PUBLIC


class PublicComment(NamedTuple):
    """A reply as it is published; without any private field."""

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

    A reply that is not public but has public ones below it is included as a `removed` placeholder
    without author and text, so that the thread stays intact.
    """
    shown = _PUBLIC.where(comment.c.page_id == page_id, IS_PUBLIC)
    replies = {row.id: PublicComment._make(row) for row in connection.execute(shown)}
    missing = _absent_parents(replies)
    while missing:
        hidden = _PUBLIC.where(comment.c.id.in_(missing))
        for row in connection.execute(hidden):
            replies[row.id] = PublicComment._make(row)._replace(
                removed=True,
                author_name="",
                author_url=None,
                by_editor=False,
                html="",
                edited_at=None,
                pinned=False,
                avatar=None,
            )
        missing = _absent_parents(replies)
    return sorted(replies.values(), key=lambda reply: (reply.submitted_at, reply.id))


def _absent_parents(replies: dict[int, PublicComment]) -> set[int]:
    parents = {reply.parent_id for reply in replies.values() if reply.parent_id is not None}
    return parents - replies.keys()
