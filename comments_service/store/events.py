"""The audit log: who did what, when, with what before and what after."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, exists, insert, null, select, update

from comments_service.store.tables import batch, comment, event, page


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
    """An entry of the history, with what it is about in words.

    An entry of a bulk action stands for all of it: `replies` says how many there were.
    """

    event: Event
    author_name: str | None
    page_title: str | None
    page_url: str | None
    undone: bool
    replies: int | None


class Wanted(NamedTuple):
    """Which entries to tell; what is empty does not narrow it down."""

    actor: str = ""
    action: str = ""
    comment: str = ""
    page: str = ""
    since: datetime | None = None
    until: datetime | None = None
    # Also what readers submitted, and each reply of a bulk action.
    everything: bool = False


_COLUMNS = tuple(event.c[name] for name in Event._fields)
# What of an entry holds words of a reply's author, or to them.
_WORDS = frozenset({"text", "author_request", "decline_reason"})


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


def forget(connection: Connection, comment_id: str) -> None:
    """Empty what the log holds of the words of a reply; the database lets only erased ones go."""
    query = select(event.c.id, event.c.before, event.c.after).where(event.c.comment == comment_id)
    for row in connection.execute(query).all():
        if _WORDS & ((row.before or {}).keys() | (row.after or {}).keys()):
            nothing = {"before": null(), "after": null()}
            connection.execute(update(event).where(event.c.id == row.id).values(**nothing))


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


def latest_times(
    connection: Connection, comment_id: str, action: str, *, since: datetime, most: int
) -> list[datetime]:
    """Return when that was last done to that reply after `since`: up to `most`, newest first."""
    query = (
        select(event.c.at)
        .where(event.c.comment == comment_id, event.c.action == action, event.c.at > since)
        .order_by(event.c.seq.desc())
        .limit(most)
    )
    return list(connection.execute(query).scalars())


def last_with(connection: Connection, comment_id: str, fields: Collection[str]) -> Event | None:
    """Return the entry that made those fields of the reply what they are, or None.

    What was undone since did not, and neither did its undo.
    """
    query = select(*_COLUMNS).where(event.c.comment == comment_id).order_by(event.c.seq.desc())
    cancelled: set[int] = set()
    for row in connection.execute(query):
        if row.seq in cancelled or not row.after or row.after.keys().isdisjoint(fields):
            continue
        if row.undoes is None:
            return Event(*row)
        cancelled.add(row.undoes)
    return None


def last_change(connection: Connection, comment_id: str, fields: Collection[str]) -> Event | None:
    """Return the latest entry that wrote one of those fields of the reply, undone or not."""
    query = select(*_COLUMNS).where(event.c.comment == comment_id).order_by(event.c.seq.desc())
    for row in connection.execute(query):
        if row.before and not row.before.keys().isdisjoint(fields):
            return Event(*row)
    return None


def changed_by_others(
    connection: Connection, comment_id: str, fields: Collection[str], *, than: str
) -> bool:
    """Return whether an editor, or anybody but the actor `than`, wrote one of those fields.

    True also where that was undone since.
    """
    others = event.c.editor_id.is_not(None) | (event.c.actor != than)
    query = select(event.c.after).where(event.c.comment == comment_id, others)
    return any(
        not (after or {}).keys().isdisjoint(fields) for after in connection.execute(query).scalars()
    )


def values_before(connection: Connection, comment_id: str, number: int) -> dict[str, Any]:
    """Return the values that fields of the reply had before that entry.

    A field that nothing has changed since is not among them.
    """
    query = (
        select(event.c.before)
        .where(event.c.comment == comment_id, event.c.seq >= number)
        .order_by(event.c.seq)
    )
    found: dict[str, Any] = {}
    for before in connection.execute(query).scalars():
        found = (before or {}) | found
    return found


# These change neither the state nor the version of a reply. They may change which filters it
# matches, so they say nothing about who belongs to a set that was counted.
_SAME_VERSION = ("pin", "unpin", "lock", "unlock", "ask", "settle", "tell")


def changed_since(site_id: int, number: int) -> Select[str]:
    """Select the public ids of the replies whose state or version changed after that number."""
    return select(event.c.comment).where(
        event.c.site_id == site_id,
        event.c.seq > number,
        event.c.comment.is_not(None),
        event.c.action.not_in(_SAME_VERSION),
    )


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


def last_of_ban(connection: Connection, site_id: int, ban_id: int, *, after: int) -> Event | None:
    """Return the latest entry behind number `after` that is about the ban, or None."""
    query = (
        select(*_COLUMNS)
        .where(
            event.c.site_id == site_id,
            event.c.seq > after,
            event.c.action.in_(("ban", "lift-ban", "undo")),
            event.c.comment.is_(None),
            event.c.page.is_(None),
        )
        .order_by(event.c.seq.desc())
    )
    for row in connection.execute(query):
        if (row.after or {}).get("ban") == ban_id:
            return Event(*row)
    return None


_target = event.alias("target")


def latest_of_editor(
    connection: Connection, site_id: int, editor_id: int, *, limit: int
) -> list[Event]:
    """Return up to `limit` entries of what that editor did, newest first.

    Without what the editor did by undoing own actions, and without bulk actions that were undone.
    """
    query = (
        select(*_COLUMNS)
        .outerjoin(
            _target, (_target.c.site_id == event.c.site_id) & (_target.c.seq == event.c.undoes)
        )
        .where(
            event.c.site_id == site_id,
            event.c.editor_id == editor_id,
            event.c.undoes.is_(None) | _target.c.editor_id.is_distinct_from(editor_id),
            ~exists().where(_undoing_batch.c.undoes == event.c.batch_id),
        )
        .order_by(event.c.seq.desc())
        .limit(limit)
    )
    return [Event(*row) for row in connection.execute(query)]


def editor_of(connection: Connection, site_id: int, seq: int) -> int | None:
    """Return the row id of the editor who made that entry; None if no editor did."""
    query = select(event.c.editor_id).where(event.c.site_id == site_id, event.c.seq == seq)
    return connection.execute(query).scalar()


def undoers(connection: Connection, site_id: int, seq: int) -> list[int]:
    """Return the numbers of the entries that undo that one."""
    query = select(event.c.seq).where(event.c.site_id == site_id, event.c.undoes == seq)
    return list(connection.execute(query).scalars())


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
_undoing_batch = batch.alias("undoing_batch")
_later = event.alias("later")
_TOLD = (
    select(
        *_COLUMNS,
        comment.c.author_name,
        page.c.title,
        page.c.url,
        (
            exists().where(_undoing.c.undoes == event.c.seq, _undoing.c.site_id == event.c.site_id)
            | exists().where(_undoing_batch.c.undoes == event.c.batch_id)
        ).label("undone"),
        batch.c.total,
    )
    .outerjoin(comment, comment.c.public_id == event.c.comment)
    .outerjoin(page, (page.c.site_id == event.c.site_id) & (page.c.key == event.c.page))
    .outerjoin(batch, batch.c.id == event.c.batch_id)
)


def history(
    connection: Connection,
    site_id: int,
    *,
    before: int | None,
    limit: int,
    wanted: Wanted = Wanted(),  # noqa: B008 - it cannot be changed
) -> list[Told]:
    """Return up to `limit` entries below number `before` (None: from the end), newest first."""
    query = _TOLD.where(event.c.site_id == site_id).order_by(event.c.seq.desc()).limit(limit)
    if not wanted.everything:
        # Of a bulk action its last entry only.
        last = exists().where(_later.c.batch_id == event.c.batch_id, _later.c.seq > event.c.seq)
        query = query.where(event.c.action != "submit", event.c.batch_id.is_(None) | ~last)
    for column, value in (
        (event.c.actor, wanted.actor),
        (event.c.action, wanted.action),
        (event.c.comment, wanted.comment),
        (event.c.page, wanted.page),
    ):
        if value:
            query = query.where(column == value)
    if wanted.since is not None:
        query = query.where(event.c.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(event.c.at < wanted.until)
    if before is not None:
        query = query.where(event.c.seq < before)
    width = len(_COLUMNS)
    return [
        Told(
            Event(*row[:width]),
            row.author_name,
            row.title,
            row.url,
            bool(row.undone),
            row.total,
        )
        for row in connection.execute(query)
    ]


def actors(connection: Connection, site_id: int) -> list[str]:
    """Return who ever did something, by name; readers are "the author"."""
    query = (
        select(event.c.actor)
        .where(event.c.site_id == site_id, event.c.action != "submit")
        .distinct()
        .order_by(event.c.actor)
        .limit(200)
    )
    return list(connection.execute(query).scalars())
