"""Queries about the audit log (table `event`), which is append-only."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, exists, insert, null, select, update

from comments_service.domain.content_token import content_token
from comments_service.store.tables import batch, comment, event, page


class Event(NamedTuple):
    """An event. `seq` is its number in the site's commit-ordered sequence.

    `before` and `after` map the changed fields (`labels.FIELDS`) to their values.
    """

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

    @property
    def token(self) -> str:
        """The number of the event with a hash of its content, for the form that undoes it."""
        return content_token(
            self.seq, self.at.isoformat(), self.actor, self.action, self.comment, self.page,
            self.before, self.after,
        )  # fmt: skip


class Told(NamedTuple):
    """An event with the names to display it.

    An event of a bulk action represents all of it: `replies` is the number of its replies.
    """

    event: Event
    author_name: str | None
    page_title: str | None
    page_url: str | None
    undone: bool
    replies: int | None


class Wanted(NamedTuple):
    """A filter of the history; empty fields match everything."""

    actor: str = ""
    action: str = ""
    comment: str = ""
    page: str = ""
    since: datetime | None = None
    until: datetime | None = None
    # Include submitted replies, and each event of a bulk action.
    everything: bool = False


_COLUMNS = tuple(event.c[name] for name in Event._fields)
# Fields with texts from or to a reply's author.
_WORDS = frozenset({"text", "author_request", "decline_reason"})


_ADD = insert(event)


def add(connection: Connection, site_id: int, new: Event, *, editor_id: int | None = None) -> None:
    """Store an event; call it in the transaction of the change."""
    add_all(connection, site_id, [new], editor_id=editor_id)


def add_all(
    connection: Connection, site_id: int, new: Sequence[Event], *, editor_id: int | None = None
) -> None:
    """Store events; call it in the transaction of the changes."""
    whose = {"site_id": site_id, "editor_id": editor_id}
    connection.execute(_ADD, [{**whose, **entry._asdict()} for entry in new])


def forget(connection: Connection, comment_id: str) -> None:
    """Clear `before` and `after` of events with texts of a reply.

    A trigger in the database allows it for erased replies only.
    """
    query = select(event.c.id, event.c.before, event.c.after).where(event.c.comment == comment_id)
    for row in connection.execute(query).all():
        if _WORDS & ((row.before or {}).keys() | (row.after or {}).keys()):
            empty = {"before": null(), "after": null()}
            connection.execute(update(event).where(event.c.id == row.id).values(**empty))


def find(connection: Connection, site_id: int, seq: int) -> Event | None:
    """Return the event with that sequence number, or None."""
    query = select(*_COLUMNS).where(event.c.site_id == site_id, event.c.seq == seq)
    row = connection.execute(query).first()
    return Event(*row) if row else None


def last_of(connection: Connection, comment_id: str, *actions: str) -> Event | None:
    """Return the latest event about that reply, of those actions if any are given, or None."""
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
    """Return the times of an action on a reply after `since`: up to `most`, newest first."""
    query = (
        select(event.c.at)
        .where(event.c.comment == comment_id, event.c.action == action, event.c.at > since)
        .order_by(event.c.seq.desc())
        .limit(most)
    )
    return list(connection.execute(query).scalars())


def last_with(connection: Connection, comment_id: str, fields: Collection[str]) -> Event | None:
    """Return the event that set the current value of one of those fields of the reply, or None.

    Events that were undone, and the undos, are skipped.
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
    """Return the latest event that wrote one of those fields of the reply, undone or not."""
    query = select(*_COLUMNS).where(event.c.comment == comment_id).order_by(event.c.seq.desc())
    for row in connection.execute(query):
        if row.before and not row.before.keys().isdisjoint(fields):
            return Event(*row)
    return None


def changed_by_others(
    connection: Connection, comment_id: str, fields: Collection[str], *, than: str
) -> bool:
    """Return whether an editor, or any actor other than `than`, ever wrote one of those fields.

    Also True if that was undone.
    """
    others = event.c.editor_id.is_not(None) | (event.c.actor != than)
    query = select(event.c.after).where(event.c.comment == comment_id, others)
    return any(
        not (after or {}).keys().isdisjoint(fields) for after in connection.execute(query).scalars()
    )


def values_before(connection: Connection, comment_id: str, number: int) -> dict[str, Any]:
    """Return the values that fields of the reply had before the event `number`.

    Only fields that this event or a later one changed are included.
    """
    query = (
        select(event.c.before)
        .where(event.c.comment == comment_id, event.c.seq >= number)
        .order_by(event.c.seq)
    )
    values: dict[str, Any] = {}
    for before in connection.execute(query).scalars():
        values = (before or {}) | values
    return values


# These actions change neither the status nor the version of a reply, so a bulk draft stays valid,
# even if the reply does not match its filter any more.
_SAME_VERSION = ("pin", "unpin", "lock", "unlock", "ask", "settle", "tell")


def changed_since(site_id: int, number: int) -> Select[str]:
    """Return a select of the public ids of replies whose status or version changed since then."""
    return select(event.c.comment).where(
        event.c.site_id == site_id,
        event.c.seq > number,
        event.c.comment.is_not(None),
        event.c.action.not_in(_SAME_VERSION),
    )


def last_of_page(connection: Connection, key: str) -> Event | None:
    """Return the latest event that opened or closed that discussion, or None."""
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
    """Return the latest event of that action, or undo, about neither a reply nor a page."""
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
    """Return the latest event after number `after` that is about the ban, or None."""
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
    """Return up to `limit` events of that editor, newest first.

    Undos of the editor's own actions, and bulk actions that were undone, are left out.
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
    """Return the row id of the editor of that event, or None."""
    query = select(event.c.editor_id).where(event.c.site_id == site_id, event.c.seq == seq)
    return connection.execute(query).scalar()


def undoers(connection: Connection, site_id: int, seq: int) -> list[int]:
    """Return the sequence numbers of the events that undo that one."""
    query = select(event.c.seq).where(event.c.site_id == site_id, event.c.undoes == seq)
    return list(connection.execute(query).scalars())


def of_comments(connection: Connection, public_ids: Sequence[str]) -> dict[str, list[Event]]:
    """Return the events of each of the replies, in order, without the submission."""
    events: dict[str, list[Event]] = {}
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
            events.setdefault(row.comment, []).append(Event(*row))
    return events


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
    wanted: Wanted = Wanted(),  # noqa: B008 - immutable
) -> list[Told]:
    """Return up to `limit` events below number `before` (None: the latest), newest first."""
    query = _TOLD.where(event.c.site_id == site_id).order_by(event.c.seq.desc()).limit(limit)
    if not wanted.everything:
        # Only the last event of a bulk action.
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
    """Return the names of up to 200 actors, sorted; readers are "the author"."""
    query = (
        select(event.c.actor)
        .where(event.c.site_id == site_id, event.c.action != "submit")
        .distinct()
        .order_by(event.c.actor)
        .limit(200)
    )
    return list(connection.execute(query).scalars())
