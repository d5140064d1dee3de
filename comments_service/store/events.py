"""The audit log: who did what, when, with what before and what after."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select

from comments_service.tables import comment, event, page


class Event(NamedTuple):
    """One entry. `seq` is its number in the site's commit-ordered sequence."""

    seq: int
    at: datetime
    actor: str
    action: str
    comment: str | None
    page: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    undoes: int | None
    batch_id: int | None = None


class Told(NamedTuple):
    """An entry of the history, with what it is about in words."""

    event: Event
    author_name: str | None
    page_title: str | None
    undone: bool


_COLUMNS = tuple(event.c[name] for name in Event._fields)


_ADD = insert(event)


def add(connection: Connection, site_id: int, new: Event, *, editor_id: int | None = None) -> None:
    """Write one entry; call it in the transaction of what it tells."""
    add_all(connection, site_id, [new], editor_id=editor_id)


def add_all(
    connection: Connection, site_id: int, new: Sequence[Event], *, editor_id: int | None = None
) -> None:
    """Write entries; call it in the transaction of what they tell."""
    whose = {"site_id": site_id, "editor_id": editor_id}
    connection.execute(_ADD, [{**whose, **entry._asdict()} for entry in new])


def find(connection: Connection, site_id: int, seq: int) -> Event | None:
    """Return the entry with that number, or None."""
    query = select(*_COLUMNS).where(event.c.site_id == site_id, event.c.seq == seq)
    row = connection.execute(query).first()
    return Event(*row) if row else None


def last_of(connection: Connection, comment_id: str, *actions: str) -> Event | None:
    """Return the latest entry about that reply, of those actions if any are given, or None."""
    query = (
        select(*_COLUMNS).where(event.c.comment == comment_id).order_by(event.c.seq.desc()).limit(1)
    )
    if actions:
        query = query.where(event.c.action.in_(actions))
    row = connection.execute(query).first()
    return Event(*row) if row else None


def last_with(connection: Connection, comment_id: str, fields: Collection[str]) -> Event | None:
    """Return the latest entry that changed one of those fields of the reply, or None."""
    query = select(*_COLUMNS).where(event.c.comment == comment_id).order_by(event.c.seq.desc())
    for row in connection.execute(query):
        if row.after and not row.after.keys().isdisjoint(fields):
            return Event(*row)
    return None


def last_of_page(connection: Connection, key: str) -> Event | None:
    """Return the latest entry about whether that discussion takes replies, or None."""
    query = (
        select(*_COLUMNS)
        .where(
            event.c.page == key,
            event.c.comment.is_(None),
            event.c.action.in_(("open", "close", "article", "undo")),
        )
        .order_by(event.c.seq.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return Event(*row) if row else None


def last_of_queue(connection: Connection, site_id: int, action: str) -> Event | None:
    """Return the latest entry of that action, or that takes one back, about the queue itself."""
    query = (
        select(*_COLUMNS)
        .where(
            event.c.site_id == site_id,
            event.c.action.in_((action, "undo")),
            event.c.comment.is_(None),
            event.c.page.is_(None),
        )
        .order_by(event.c.seq.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return Event(*row) if row else None


def of_comments(connection: Connection, public_ids: Sequence[str]) -> dict[str, list[Event]]:
    """Return what was done to each of the replies after they came, in order."""
    found: dict[str, list[Event]] = {}
    for start in range(0, len(public_ids), 500):
        query = (
            select(*_COLUMNS)
            .where(
                event.c.comment.in_(public_ids[start : start + 500]),
                event.c.action != "submit",
            )
            .order_by(event.c.seq)
        )
        for row in connection.execute(query):
            found.setdefault(row.comment, []).append(Event(*row))
    return found


_undoing = event.alias("undoing")


def history(connection: Connection, site_id: int, *, before: int | None, limit: int) -> list[Told]:
    """Return up to `limit` entries below number `before` (None: from the end), newest first.

    Submissions by readers are left out: the queue shows those.
    """
    query = (
        select(
            *_COLUMNS,
            comment.c.author_name,
            page.c.title,
            _undoing.c.seq.is_not(None).label("undone"),
        )
        .outerjoin(comment, comment.c.public_id == event.c.comment)
        .outerjoin(page, page.c.id == comment.c.page_id)
        .outerjoin(
            _undoing, (_undoing.c.undoes == event.c.seq) & (_undoing.c.site_id == event.c.site_id)
        )
        .where(event.c.site_id == site_id, event.c.action != "submit")
        .order_by(event.c.seq.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(event.c.seq < before)
    width = len(_COLUMNS)
    return [
        Told(Event(*row[:width]), row[width], row[width + 1], bool(row[width + 2]))
        for row in connection.execute(query)
    ]
