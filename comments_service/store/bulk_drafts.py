"""Queries about bulk drafts: bulk actions on a filter that the editor has yet to confirm.

A draft stores each counted reply with its status and version. Confirming uses these rows and not
the filter, so that replies that arrive later are never included.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, case, delete, func, insert, literal, null, select, update

from comments_service.store import bulk_jobs, events, queue
from comments_service.store.bulk_jobs import Batch
from comments_service.store.queue import Filter
from comments_service.store.tables import bulk_draft, bulk_draft_item, comment


class Draft(NamedTuple):
    """A draft that one editor can confirm until `expires_at`.

    `counted_at` is the site's last sequence number when the replies were counted, `batch_id` the
    bulk action that was made of the draft.
    """

    id: int
    token: str
    editor_id: int
    action: str
    chosen: str
    counted_at: int
    expires_at: datetime
    batch_id: int | None


_COLUMNS = tuple(bulk_draft.c[name] for name in Draft._fields)
_ITEM = ("draft_id", "comment", "expected", "version")


def add(
    connection: Connection, site_id: int, new: Draft, what: Filter, *, without: str, most: int
) -> int:
    """Store a draft with up to `most` matching replies; return their number.

    Replies with the status `without` are left out, because the action would not change them. A
    draft without replies is not stored.
    """
    chosen = queue.chosen(connection, site_id, what, most=most)
    if chosen is None:
        return 0
    values = {**new._asdict(), "site_id": site_id}
    del values["id"]
    stored = insert(bulk_draft).values(**values).returning(bulk_draft.c.id)
    draft_id: int = connection.execute(stored).scalar_one()
    # INSERT ... SELECT, so that 100,000 rows need not be loaded into Python.
    inner = chosen.subquery()
    rows = select(literal(draft_id), inner.c.public_id, inner.c.status, inner.c.version).where(
        inner.c.status != without
    )
    matching = connection.execute(insert(bulk_draft_item).from_select(_ITEM, rows)).rowcount
    if not matching:
        remove(connection, draft_id)
    return matching


def find(connection: Connection, site_id: int, token: str, editor_id: int | None) -> Draft | None:
    """Return that editor's draft with this token, or None."""
    query = select(*_COLUMNS).where(
        bulk_draft.c.token == token,
        bulk_draft.c.site_id == site_id,
        bulk_draft.c.editor_id == editor_id,
    )
    row = connection.execute(query).first()
    return Draft._make(row) if row else None


def confirm(
    connection: Connection, site_id: int, draft: Draft, new: Batch, *, if_changed: str
) -> int:
    """Make a bulk action of all replies of the draft; return its id, or 0 if none is left.

    Replies whose status or version changed after the count get `if_changed` as their result, so
    that they are skipped. The replies are sorted by page.
    """
    item = bulk_draft_item.c
    changed = item.comment.in_(events.changed_since(site_id, draft.counted_at))
    items = (
        select(
            func.row_number().over(order_by=(comment.c.page_id, comment.c.id)),
            item.comment,
            item.expected,
            item.version,
            case((changed, if_changed), else_=null()),
        )
        .join(comment, comment.c.public_id == item.comment)
        .where(item.draft_id == draft.id)
    )
    batch_id = bulk_jobs.add_from(connection, site_id, new, items, editor_id=draft.editor_id)
    if batch_id:
        done = update(bulk_draft).where(bulk_draft.c.id == draft.id).values(batch_id=batch_id)
        connection.execute(done)
        connection.execute(delete(bulk_draft_item).where(item.draft_id == draft.id))
    return batch_id


def leave_out(connection: Connection, public_id: str) -> None:
    """Remove a reply from all drafts."""
    # Selected by draft id, so that the primary key is used. There are few drafts, and another index
    # would slow down every count.
    drafts = select(bulk_draft.c.id)
    connection.execute(
        delete(bulk_draft_item).where(
            bulk_draft_item.c.draft_id.in_(drafts), bulk_draft_item.c.comment == public_id
        )
    )


def surplus(connection: Connection, editor_id: int | None, keep: int) -> list[int]:
    """Return the ids of that editor's drafts except the latest `keep`."""
    query = (
        select(bulk_draft.c.id)
        .where(bulk_draft.c.editor_id == editor_id)
        .order_by(bulk_draft.c.id.desc())
        .offset(keep)
    )
    return list(connection.execute(query).scalars())


def expired(connection: Connection, now: datetime) -> list[int]:
    """Return the ids of expired drafts."""
    query = select(bulk_draft.c.id).where(bulk_draft.c.expires_at <= now)
    return list(connection.execute(query).scalars())


def remove(connection: Connection, draft_id: int) -> None:
    """Delete a draft with its replies."""
    connection.execute(delete(bulk_draft).where(bulk_draft.c.id == draft_id))
