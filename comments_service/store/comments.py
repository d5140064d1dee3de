"""Queries about replies (table `comment`): storing, finding, changing and erasing them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from comments_service.domain.email_address import fold
from comments_service.domain.models import Origin, Status
from comments_service.store import avatars, counters, reply_index
from comments_service.store.row_columns import columns_of
from comments_service.store.tables import comment, contact, hold_reason, page
from comments_service.store.visibility import IS_PUBLIC

# The code in `hold_reason` under which the queue lists replies with an author request.
AUTHOR_REQUEST = "author_request"

# Internal status: an erased reply that is kept without content because it has answers.
ERASED = "erased"


# The columns that editors and rules decide by; `version` grows with each change of them.
CONTENT = frozenset({"text", "author_name", "author_url"})


class Stored(NamedTuple):
    """A reply with its page, as the author's status page and moderation need it."""

    id: int
    public_id: str
    page_id: int
    status: str
    author_name: str
    author_url: str | None
    text: str
    html: str
    reasons: list[str]
    submitted_at: datetime
    edited_at: datetime | None
    parent_id: int | None
    version: int
    revision: int
    pinned: bool
    locked: bool
    by_editor: bool
    author_request: dict[str, str] | None
    decline_reason: str | None
    page_key: str
    page_url: str
    page_title: str


class NewComment(NamedTuple):
    """A new reply to store."""

    public_id: str
    site_id: int
    page_id: int
    parent_id: int | None
    status: Status
    author_name: str
    author_url: str | None
    by_editor: bool
    text: str
    html: str
    markup_version: int
    reasons: list[str]
    origin: Origin
    submitted_at: datetime
    revision: int = 0
    editor_id: int | None = None


class NewContact(NamedTuple):
    """Private data of the author of a new reply."""

    email: str
    fingerprint: str
    network: str | None = None
    verified_at: datetime | None = None


_ADD = insert(comment).returning(comment.c.id, comment.c.public_id)
_ADD_CONTACT = insert(contact)
_ADD_HELD = insert(hold_reason)


def add(
    connection: Connection,
    new: Sequence[tuple[NewComment, NewContact]],
    revisions: Mapping[int, int] = avatars.NOTHING,
) -> dict[str, int]:
    """Store replies and their authors' contact data; return the row id by public id.

    `revisions` of the pages, by row id, save queries for avatars (`avatars.draw_all`).
    """
    faces = [(reply.page_id, reply.author_name, reply.by_editor) for reply, _ in new]
    drawn = avatars.draw_all(connection, faces, revisions)
    rows = connection.execute(
        _ADD,
        [
            reply._asdict() | {"avatar": drawn[face]}
            for (reply, _), face in zip(new, faces, strict=True)
        ],
    )
    ids = {row.public_id: row.id for row in rows}
    connection.execute(
        _ADD_CONTACT,
        [
            {"comment_id": ids[reply.public_id], "folded": fold(who.email), **who._asdict()}
            for reply, who in new
        ],
    )
    reply_index.add(
        connection, [(ids[reply.public_id], reply.text, reply.author_name) for reply, _ in new]
    )
    _hold(connection, [(ids[reply.public_id], reply.reasons) for reply, _ in new])
    counters.add(connection, [(reply.site_id, reply.page_id, reply.status) for reply, _ in new])
    return ids


def _hold(connection: Connection, new: Sequence[tuple[int, Sequence[str]]]) -> None:
    """Store the codes of hold reasons for the queue's filter, except "all", which has no filter."""
    rows = [
        {"reason": code, "comment_id": row_id}
        for row_id, reasons in new
        for code in dict.fromkeys(reason.partition(":")[0] for reason in reasons)
        if code != "all"
    ]
    if rows:
        connection.execute(_ADD_HELD, rows)


class Earlier(NamedTuple):
    """An earlier reply. `revision` is 0 if it was never public."""

    public_id: str
    revision: int
    submitted_at: datetime
    verified: bool


_SAME = (
    select(
        contact.c.fingerprint,
        *columns_of(Earlier, comment, verified=contact.c.verified_at.is_not(None)),
    )
    .join(comment, comment.c.id == contact.c.comment_id)
    .where(
        contact.c.fingerprint.in_(bindparam("fingerprints", expanding=True)),
        comment.c.submitted_at > bindparam("since"),
    )
    .order_by(comment.c.id)
)


def find_resends(
    connection: Connection, fingerprints: Collection[str], since: datetime
) -> dict[str, Earlier]:
    """Return the last reply after `since` with each fingerprint, by fingerprint."""
    rows = connection.execute(_SAME, {"fingerprints": sorted(fingerprints), "since": since})
    return {row.fingerprint: Earlier(*row[1:]) for row in rows}


_STORED = select(
    *columns_of(Stored, comment, page_key=page.c.key, page_url=page.c.url, page_title=page.c.title)
).join(page, page.c.id == comment.c.page_id)


def find(connection: Connection, site_id: int, public_id: str) -> Stored | None:
    """Return the reply with any status, or None if it does not exist or was erased."""
    query = _STORED.where(
        comment.c.public_id == public_id, comment.c.site_id == site_id, comment.c.status != ERASED
    )
    row = connection.execute(query).first()
    return Stored._make(row) if row else None


def find_public(connection: Connection, page_id: int, public_id: str) -> Stored | None:
    """Return the reply if it is public and on that page, or None."""
    query = _STORED.where(comment.c.public_id == public_id, comment.c.page_id == page_id, IS_PUBLIC)
    row = connection.execute(query).first()
    return Stored._make(row) if row else None


def public_answer(
    connection: Connection, parent_id: int, *, editor_id: int, text: str
) -> str | None:
    """Return the public id of that editor's public answer with exactly this text, or None."""
    query = select(comment.c.public_id).where(
        comment.c.parent_id == parent_id,
        comment.c.editor_id == editor_id,
        comment.c.text == text,
        IS_PUBLIC,
    )
    public_id = connection.execute(query).scalar()
    return None if public_id is None else str(public_id)


def write(connection: Connection, reply: Stored, **values: Any) -> None:
    """Update columns of the reply, and its counters, index entry and hold reasons."""
    connection.execute(update(comment).where(comment.c.id == reply.id).values(**values))
    if "status" in values and values["status"] != reply.status:
        counters.move(connection, reply.page_id, reply.status, values["status"])
    if not values.keys().isdisjoint({"text", "author_name"}):
        reply_index.replace(
            connection,
            reply.id,
            (reply.text, reply.author_name),
            (values.get("text", reply.text), values.get("author_name", reply.author_name)),
        )
    if "reasons" in values:
        connection.execute(
            delete(hold_reason).where(
                hold_reason.c.comment_id == reply.id, hold_reason.c.reason != AUTHOR_REQUEST
            )
        )
        _hold(connection, [(reply.id, values["reasons"])])
    if "author_request" in values:
        connection.execute(
            delete(hold_reason).where(
                hold_reason.c.comment_id == reply.id, hold_reason.c.reason == AUTHOR_REQUEST
            )
        )
        _hold(connection, [(reply.id, [AUTHOR_REQUEST] if values["author_request"] else [])])


def give_position(connection: Connection, comment_id: int) -> None:
    """Give a top-level reply the next position of its discussion, unless it has one already."""
    without = select(comment.c.page_id).where(
        comment.c.id == comment_id, comment.c.parent_id.is_(None), comment.c.position.is_(None)
    )
    page_id = connection.execute(without).scalar()
    if page_id is None:
        return
    count = update(page).where(page.c.id == page_id).values(positions=page.c.positions + 1)
    position = connection.execute(count.returning(page.c.positions)).scalar_one()
    connection.execute(update(comment).where(comment.c.id == comment_id).values(position=position))


def position_of_thread(connection: Connection, comment_id: int) -> int | None:
    """Return the position of the thread that the reply belongs to, or None."""
    thread = (
        select(comment.c.parent_id, comment.c.position)
        .where(comment.c.id == comment_id)
        .cte(recursive=True)
    )
    above = select(comment.c.parent_id, comment.c.position).where(
        comment.c.id == thread.c.parent_id
    )
    thread = thread.union(above)
    return connection.execute(
        select(thread.c.position).where(thread.c.parent_id.is_(None))
    ).scalar()


def erase(connection: Connection, reply: Stored) -> None:
    """Delete the reply, or clear its content if it has answers; contact data is always removed."""
    reply_index.remove(connection, reply.id, reply.text, reply.author_name)
    answered = select(comment.c.id).where(comment.c.parent_id == reply.id).limit(1)
    if connection.execute(answered).first() is None:
        connection.execute(delete(comment).where(comment.c.id == reply.id))
        counters.move(connection, reply.page_id, reply.status, None)
        return
    connection.execute(delete(hold_reason).where(hold_reason.c.comment_id == reply.id))
    connection.execute(
        update(contact)
        .where(contact.c.comment_id == reply.id)
        .values(email="", folded="", fingerprint="", network=None, verified_at=None)
    )
    connection.execute(
        update(comment)
        .where(comment.c.id == reply.id)
        .values(
            status=ERASED,
            author_name="",
            author_url=None,
            avatar=None,
            text="",
            html="",
            reasons=[],
            author_request=None,
            decline_reason=None,
        )
    )
    counters.move(connection, reply.page_id, reply.status, None)


def is_locked(connection: Connection, comment_id: int) -> bool:
    """Return whether the reply or one of its ancestors is locked."""
    thread = (
        select(comment.c.parent_id, comment.c.locked)
        .where(comment.c.id == comment_id)
        .cte(recursive=True)
    )
    above = select(comment.c.parent_id, comment.c.locked).where(comment.c.id == thread.c.parent_id)
    thread = thread.union(above)
    return connection.execute(select(thread.c.locked).where(thread.c.locked)).first() is not None


class Gone(NamedTuple):
    """A reply that was deleted."""

    id: int
    page_id: int
    origin: str
    public: bool


def remove_origin(connection: Connection, site_id: int, origin: Origin) -> list[Gone]:
    """Delete the replies of that origin, and those below them; return the deleted ones."""
    query = select(comment.c.id, comment.c.page_id, comment.c.origin, comment.c.status)
    level: Sequence[Any] = connection.execute(
        query.where(comment.c.site_id == site_id, comment.c.origin == origin)
    ).all()
    rows = {row.id: row for row in level}
    while level:
        below = query.where(comment.c.parent_id.in_([row.id for row in level]))
        level = [row for row in connection.execute(below) if row.id not in rows]
        rows.update({row.id: row for row in level})
    texts = {
        row.id: (row.text, row.author_name)
        for ids in batched(rows)
        for row in connection.execute(
            select(comment.c.id, comment.c.text, comment.c.author_name).where(comment.c.id.in_(ids))
        )
    }
    # Children before parents because of the foreign key; children have higher ids.
    for comment_id in sorted(rows, reverse=True):
        reply_index.remove(connection, comment_id, *texts[comment_id])
        connection.execute(delete(comment).where(comment.c.id == comment_id))
    for row in rows.values():
        counters.move(connection, row.page_id, row.status, None)
    return [
        Gone(row.id, row.page_id, row.origin, row.status == Status.APPROVED)
        for row in rows.values()
    ]


def public_ids(connection: Connection, row_ids: Sequence[int]) -> dict[int, str]:
    """Return the public id of each row id."""
    query = select(comment.c.id, comment.c.public_id).where(comment.c.id.in_(row_ids))
    return {row.id: row.public_id for row in connection.execute(query)}


def batched(row_ids: Iterable[int], size: int = 500) -> Iterator[list[int]]:
    """Yield the ids in lists of at most `size`, so that each fits into one statement."""
    rest = list(row_ids)
    for start in range(0, len(rest), size):
        yield rest[start : start + size]
