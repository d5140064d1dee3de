"""Queries about bulk actions (batches): their replies and the result of each."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, func, insert, literal, select, update

from comments_service.store.tables import batch, batch_item, comment, page

DONE = "done"


class Batch(NamedTuple):
    """A bulk action. `undoes` is the id of the batch that it undoes, `chosen` a description."""

    id: int
    action: str
    actor: str
    chosen: str
    started_at: datetime
    ended_at: datetime | None
    total: int
    undoes: int | None


class Item(NamedTuple):
    """A reply of a batch. `expected` and `version` are its status and version as the editor saw it.

    `event_seq` is the event of the action; in an undo that has not run, the event to undo.
    """

    number: int
    comment: str
    expected: str | None
    version: int | None
    event_seq: int | None


class NewItem(NamedTuple):
    """A reply of a new batch; it is skipped if it has a `result`."""

    comment: str
    expected: str | None = None
    version: int | None = None
    event_seq: int | None = None
    result: str | None = None


class Outcome(NamedTuple):
    """The result of one reply, for display; `result` is None until it is processed.

    `changed` is True if the reply's version differs from the one that the editor saw.
    """

    comment: str
    author_name: str | None
    page_title: str | None
    result: str | None
    changed: bool


class Progress(NamedTuple):
    """Number of replies of a batch that are done, not yet processed, and skipped."""

    done: int
    left: int
    refused: int


_COLUMNS = tuple(batch.c[name] for name in Batch._fields)
_ITEM = tuple(batch_item.c[name] for name in Item._fields)
_RESULT = (
    update(batch_item)
    .where(batch_item.c.batch_id == bindparam("of_batch"), batch_item.c.number == bindparam("of"))
    .values(result=bindparam("became"), event_seq=bindparam("entry"))
)


def add(
    connection: Connection,
    site_id: int,
    new: Batch,
    items: Sequence[NewItem],
    *,
    editor_id: int | None,
) -> int:
    """Store a batch with its replies; return its id."""
    values = {**new._asdict(), "site_id": site_id, "editor_id": editor_id, "total": len(items)}
    del values["id"]
    batch_id: int = connection.execute(
        insert(batch).values(**values).returning(batch.c.id)
    ).scalar_one()
    rows = [
        {"batch_id": batch_id, "number": number, **item._asdict()}
        for number, item in enumerate(items, 1)
    ]
    if rows:
        connection.execute(insert(batch_item), rows)
    return batch_id


def add_from(
    connection: Connection, site_id: int, new: Batch, items: Select[Any], *, editor_id: int | None
) -> int:
    """Store a batch with the replies that `items` selects; return its id, or 0 if it has none.

    `items` selects the number and then the columns of `NewItem` without `event_seq`, in that order.
    If the result is 0, the caller should roll back the transaction.
    """
    batch_id = add(connection, site_id, new, [], editor_id=editor_id)
    numbered = items.add_columns(literal(batch_id))
    columns = ["number", "comment", "expected", "version", "result", "batch_id"]
    total = connection.execute(insert(batch_item).from_select(columns, numbered)).rowcount
    connection.execute(update(batch).where(batch.c.id == batch_id).values(total=total))
    return batch_id if total else 0


def find(connection: Connection, site_id: int, batch_id: int) -> Batch | None:
    """Return the batch, or None."""
    query = select(*_COLUMNS).where(batch.c.id == batch_id, batch.c.site_id == site_id)
    row = connection.execute(query).first()
    return Batch(*row) if row else None


def waiting(connection: Connection, batch_id: int, limit: int) -> list[Item]:
    """Return up to `limit` unprocessed items, in order."""
    query = (
        select(*_ITEM)
        .where(batch_item.c.batch_id == batch_id, batch_item.c.result.is_(None))
        .order_by(batch_item.c.number)
        .limit(limit)
    )
    return [Item(*row) for row in connection.execute(query)]


def record(
    connection: Connection, batch_id: int, results: Sequence[tuple[int, str, int | None]]
) -> None:
    """Store the results of items: (number, result, sequence number of the event or None)."""
    connection.execute(
        _RESULT,
        [
            {"of_batch": batch_id, "of": number, "became": became[:300], "entry": entry}
            for number, became, entry in results
        ],
    )


def end(connection: Connection, batch_id: int, now: datetime) -> None:
    """Record that the batch is complete."""
    connection.execute(update(batch).where(batch.c.id == batch_id).values(ended_at=now))


def progress(connection: Connection, batch_id: int) -> Progress:
    """Return the progress of the batch."""
    query = (
        select(batch_item.c.result, func.count())
        .where(batch_item.c.batch_id == batch_id)
        .group_by(batch_item.c.result)
    )
    counts = {row[0]: row[1] for row in connection.execute(query)}
    done, left = counts.pop(DONE, 0), counts.pop(None, 0)
    return Progress(done, left, sum(counts.values()))


def done_items(connection: Connection, batch_id: int) -> list[Item]:
    """Return the items with the result `DONE`, last one first."""
    query = (
        select(*_ITEM)
        .where(batch_item.c.batch_id == batch_id, batch_item.c.result == DONE)
        .order_by(batch_item.c.number.desc())
    )
    return [Item(*row) for row in connection.execute(query)]


def undone_by(connection: Connection, batch_id: int) -> int | None:
    """Return the id of the batch that undoes this one, or None."""
    return connection.execute(select(batch.c.id).where(batch.c.undoes == batch_id)).scalar()


def outcomes(
    connection: Connection, batch_id: int, *, after: int, limit: int, all_of_them: bool
) -> list[tuple[int, Outcome]]:
    """Return (number, outcome) of up to `limit` items after number `after`.

    Items with the result `DONE` are left out unless `all_of_them`.
    """
    query = (
        select(
            batch_item.c.number,
            batch_item.c.comment,
            comment.c.author_name,
            page.c.title,
            batch_item.c.result,
            (batch_item.c.version != comment.c.version).label("changed"),
        )
        .outerjoin(comment, comment.c.public_id == batch_item.c.comment)
        .outerjoin(page, page.c.id == comment.c.page_id)
        .where(batch_item.c.batch_id == batch_id, batch_item.c.number > after)
        .order_by(batch_item.c.number)
        .limit(limit)
    )
    if not all_of_them:
        query = query.where(batch_item.c.result.is_(None) | (batch_item.c.result != DONE))
    return [(row[0], Outcome._make((*row[1:5], bool(row[5])))) for row in connection.execute(query)]
