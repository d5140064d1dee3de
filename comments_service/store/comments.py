"""Replies: what is stored, and the one rule of what is public."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, select, update

from comments_service.tables import Origin, Status, comment, contact, page

# The one rule of what is public. Pages, feeds, counts and search all ask it.
IS_PUBLIC = comment.c.status == Status.APPROVED


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
    slot: int | None
    removed: bool


class Stored(NamedTuple):
    """A reply with its page, as its author's status page and the verbs need it."""

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
    page_key: str
    page_url: str
    page_title: str


class Queued(NamedTuple):
    """A reply as the moderation queue shows it; the only one with an email address."""

    id: int
    public_id: str
    status: str
    author_name: str
    author_url: str | None
    email: str
    text: str
    html: str
    reasons: list[str]
    submitted_at: datetime
    page_key: str
    page_url: str
    page_title: str
    parent: str | None
    parent_name: str | None


class NewComment(NamedTuple):
    """Everything that is stored of a new reply."""

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


class NewContact(NamedTuple):
    """What is stored of an author apart from the reply."""

    email: str
    fingerprint: str


_ADD = insert(comment).returning(comment.c.id, comment.c.public_id)
_ADD_CONTACT = insert(contact)
_SAME = (
    select(contact.c.fingerprint, comment.c.public_id)
    .join(comment, comment.c.id == contact.c.comment_id)
    .where(
        contact.c.fingerprint.in_(bindparam("fingerprints", expanding=True)),
        comment.c.submitted_at > bindparam("since"),
    )
    .order_by(comment.c.id.desc())
)


def add(connection: Connection, new: Sequence[tuple[NewComment, NewContact]]) -> dict[str, int]:
    """Store replies and, apart from them, their authors' contacts; return each one's row id."""
    rows = connection.execute(_ADD, [reply._asdict() for reply, _ in new])
    ids = {row.public_id: row.id for row in rows}
    connection.execute(
        _ADD_CONTACT,
        [{"comment_id": ids[reply.public_id], **who._asdict()} for reply, who in new],
    )
    return ids


def find_resends(
    connection: Connection, fingerprints: Collection[str], since: datetime
) -> dict[str, str]:
    """Return the public id of the first reply stored after `since` with each fingerprint."""
    rows = connection.execute(_SAME, {"fingerprints": sorted(fingerprints), "since": since})
    # Newest first, so that the oldest one stays.
    return {row.fingerprint: row.public_id for row in rows}


_STORED = select(
    comment.c.id,
    comment.c.public_id,
    comment.c.page_id,
    comment.c.status,
    comment.c.author_name,
    comment.c.author_url,
    comment.c.text,
    comment.c.html,
    comment.c.reasons,
    comment.c.submitted_at,
    page.c.key.label("page_key"),
    page.c.url.label("page_url"),
    page.c.title.label("page_title"),
).join(page, page.c.id == comment.c.page_id)


def find(connection: Connection, site_id: int, public_id: str) -> Stored | None:
    """Return the reply whatever its state, or None."""
    query = _STORED.where(comment.c.public_id == public_id, comment.c.site_id == site_id)
    row = connection.execute(query).first()
    return Stored._make(row) if row else None


def find_public(connection: Connection, page_id: int, public_id: str) -> Stored | None:
    """Return the reply if it is public and stands on that page, or None."""
    query = _STORED.where(comment.c.public_id == public_id, comment.c.page_id == page_id, IS_PUBLIC)
    row = connection.execute(query).first()
    return Stored._make(row) if row else None


def set_status(connection: Connection, comment_id: int, status: Status) -> None:
    """Write the reply's state."""
    connection.execute(update(comment).where(comment.c.id == comment_id).values(status=status))


def give_slot(connection: Connection, comment_id: int) -> None:
    """Give a top-level reply the next place in its discussion, once; no number is used twice."""
    without = select(comment.c.page_id).where(
        comment.c.id == comment_id, comment.c.parent_id.is_(None), comment.c.slot.is_(None)
    )
    page_id = connection.execute(without).scalar()
    if page_id is None:
        return
    count = update(page).where(page.c.id == page_id).values(slots=page.c.slots + 1)
    slot = connection.execute(count.returning(page.c.slots)).scalar_one()
    connection.execute(update(comment).where(comment.c.id == comment_id).values(slot=slot))


def slot_of_thread(connection: Connection, comment_id: int) -> int | None:
    """Return the slot of the top-level reply that this one stands below, or is."""
    thread = (
        select(comment.c.parent_id, comment.c.slot)
        .where(comment.c.id == comment_id)
        .cte(recursive=True)
    )
    above = select(comment.c.parent_id, comment.c.slot).where(comment.c.id == thread.c.parent_id)
    thread = thread.union(above)
    return connection.execute(select(thread.c.slot).where(thread.c.parent_id.is_(None))).scalar()


class Gone(NamedTuple):
    """A reply that was deleted."""

    id: int
    page_id: int
    origin: str
    public: bool


def remove_origin(connection: Connection, site_id: int, origin: Origin) -> list[Gone]:
    """Delete the replies of that origin, and those below them; return what they were."""
    query = select(comment.c.id, comment.c.page_id, comment.c.origin, IS_PUBLIC)
    level: Sequence[Any] = connection.execute(
        query.where(comment.c.site_id == site_id, comment.c.origin == origin)
    ).all()
    found = {row.id: row for row in level}
    while level:
        below = query.where(comment.c.parent_id.in_([row.id for row in level]))
        level = [row for row in connection.execute(below) if row.id not in found]
        found.update({row.id: row for row in level})
    # Children before parents, as the foreign key wants; ids grow downwards.
    for comment_id in sorted(found, reverse=True):
        connection.execute(delete(comment).where(comment.c.id == comment_id))
    return [Gone(*row) for row in found.values()]


_PUBLIC = select(
    comment.c.id,
    comment.c.public_id,
    comment.c.parent_id,
    comment.c.author_name,
    comment.c.author_url,
    comment.c.by_editor,
    comment.c.html,
    comment.c.submitted_at,
    comment.c.edited_at,
    comment.c.slot,
)


def public_discussion(connection: Connection, page_id: int) -> list[PublicComment]:
    """Return the page's public replies in the order of submission.

    A reply that is no longer public but has public ones below it is there as a placeholder,
    `removed`, without its author and text: the thread keeps its shape.
    """
    shown = _PUBLIC.where(comment.c.page_id == page_id, IS_PUBLIC)
    found = {row.id: PublicComment._make((*row, False)) for row in connection.execute(shown)}
    missing = _absent_parents(found)
    while missing:
        hidden = _PUBLIC.where(comment.c.id.in_(missing))
        for row in connection.execute(hidden):
            found[row.id] = PublicComment._make((*row, True))._replace(
                author_name="", author_url=None, by_editor=False, html="", edited_at=None
            )
        missing = _absent_parents(found)
    return sorted(found.values(), key=lambda one: (one.submitted_at, one.id))


def _absent_parents(found: dict[int, PublicComment]) -> set[int]:
    parents = {one.parent_id for one in found.values() if one.parent_id is not None}
    return parents - found.keys()


_parent = comment.alias("parent")
_QUEUED = (
    select(
        comment.c.id,
        comment.c.public_id,
        comment.c.status,
        comment.c.author_name,
        comment.c.author_url,
        contact.c.email,
        comment.c.text,
        comment.c.html,
        comment.c.reasons,
        comment.c.submitted_at,
        page.c.key.label("page_key"),
        page.c.url.label("page_url"),
        page.c.title.label("page_title"),
        _parent.c.public_id.label("parent"),
        _parent.c.author_name.label("parent_name"),
    )
    .join(page, page.c.id == comment.c.page_id)
    .join(contact, contact.c.comment_id == comment.c.id)
    .outerjoin(_parent, _parent.c.id == comment.c.parent_id)
)


def _queued(connection: Connection, query: Select[Any]) -> list[Queued]:
    return [Queued._make(row) for row in connection.execute(query)]


def oldest(
    connection: Connection,
    site_id: int,
    status: Status,
    *,
    after: tuple[datetime, int] | None = None,
    limit: int,
) -> list[Queued]:
    """Return up to `limit` replies of that state, oldest first.

    `after` is the (submitted_at, row id) of the last one seen: page 1,000 costs what page 1 does.
    """
    query = _QUEUED.where(comment.c.site_id == site_id, comment.c.status == status)
    if after is not None:
        at, row_id = after
        query = query.where(
            (comment.c.submitted_at > at)
            | ((comment.c.submitted_at == at) & (comment.c.id > row_id))
        )
    return _queued(connection, query.order_by(comment.c.submitted_at, comment.c.id).limit(limit))


def counts(connection: Connection, site_id: int) -> dict[str, int]:
    """Return how many replies are in each state."""
    query = (
        select(comment.c.status, func.count())
        .where(comment.c.site_id == site_id)
        .group_by(comment.c.status)
    )
    found = {row[0]: row[1] for row in connection.execute(query)}
    return {status.value: found.get(status, 0) for status in Status}


def public_ids(connection: Connection, row_ids: Sequence[int]) -> dict[int, str]:
    """Return the public id of each row id."""
    query = select(comment.c.id, comment.c.public_id).where(comment.c.id.in_(row_ids))
    return {row.id: row.public_id for row in connection.execute(query)}
