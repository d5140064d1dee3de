"""Queries of the moderation queue: filters, and lists with keyset pagination."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    exists,
    false,
    func,
    insert,
    literal,
    select,
    tuple_,
)

from comments_service.domain.email_address import fold, folded_forms, mailbox
from comments_service.domain.models import Status
from comments_service.store import counters, reply_index, rules
from comments_service.store.comments import AUTHOR_REQUEST, ERASED
from comments_service.store.row_columns import columns_of
from comments_service.store.tables import (
    UTCDateTime,
    comment,
    contact,
    email_search,
    hold_reason,
    page,
)

# If a hold reason has at most this many replies, their ids are collected first; otherwise each
# reply of the list is looked up.
FEW = 2_000


class Queued(NamedTuple):
    """A reply as the moderation queue shows it, including private data."""

    id: int
    public_id: str
    status: str
    author_name: str
    author_url: str | None
    email: str
    network: str | None
    verified_at: datetime | None
    text: str
    html: str
    reasons: list[str]
    submitted_at: datetime
    edited_at: datetime | None
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
    page_open: bool
    page_opened: bool | None
    written_revision: int
    live_revision: int
    stalled: str | None
    parent: str | None
    parent_name: str | None


class Filter(NamedTuple):
    """A filter of the queue; empty fields match everything."""

    status: Status | None = None
    words: str = ""
    name: str = ""
    # Id of a search (`seek`) for the beginning of an email address, or for "@example.org".
    who: int | None = None
    # Public id of a reply: all replies with its author's address.
    author: str = ""
    network: str = ""
    # Id of a ban by address, domain or network: all replies that match it.
    ban: int | None = None
    page: str = ""
    reason: str = ""
    since: datetime | None = None
    until: datetime | None = None
    newest: bool = False

    @property
    def narrow(self) -> bool:
        """Whether any field other than the status is set."""
        return self._replace(status=None, newest=False) != Filter()


class Chosen(NamedTuple):
    """A reply selected for a bulk action, with its status and version."""

    public_id: str
    status: str
    version: int


class Cursor(NamedTuple):
    """The last reply of a list page; the next list page begins after it."""

    at: datetime
    id: int


_parent = comment.alias("parent")
_QUEUED = select(
    *columns_of(
        Queued,
        comment,
        contact,
        page,
        page_key=page.c.key,
        page_url=page.c.url,
        page_title=page.c.title,
        page_open=page.c.open,
        page_opened=page.c.opened,
        parent=_parent.c.public_id,
        parent_name=_parent.c.author_name,
    )
)


def find(connection: Connection, site_id: int, public_id: str) -> Queued | None:
    """Return one reply, or None."""
    return find_all(connection, site_id, [public_id]).get(public_id)


def find_all(
    connection: Connection, site_id: int, public_ids: Collection[str]
) -> dict[str, Queued]:
    """Return those of the replies that exist, by public id; meant for one page of the list."""
    those = comment.c.public_id.in_(public_ids) & (comment.c.site_id == site_id)
    rows = _with(connection, select(comment.c.id).where(those))
    return {row.public_id: row for row in rows}


def listed(
    connection: Connection,
    site_id: int,
    what: Filter,
    *,
    after: Cursor | None = None,
    limit: int,
) -> list[Queued]:
    """Return up to `limit` replies after `after`, oldest first unless `what.newest`.

    Results of a search for words are ordered by row id instead of time.
    """
    matches = reply_index.matches(connection, what.words, what.name)
    query = _ids(connection, site_id, what, matches)
    if query is None:
        return []
    number = None
    if matches is not None:
        # SQLite reads the full-text index in row id order; any other order would sort all matches.
        number = reply_index.index.c.rowid
    columns = [comment.c.submitted_at, comment.c.id] if number is None else [number]
    if after is not None:
        query = query.where(_behind(after, number, newest=what.newest))
    query = (
        query.order_by(None)
        .order_by(*(column.desc() if what.newest else column for column in columns))
        .limit(limit)
    )
    rows = {row.id: row for row in _with(connection, query)}
    return sorted(
        rows.values(),
        key=lambda row: (row.submitted_at, row.id) if number is None else (row.id,),
        reverse=what.newest,
    )


def count(connection: Connection, site_id: int, what: Filter, *, most: int) -> int:
    """Return how many replies match; a narrow filter counts up to `most`."""
    if not what.narrow:
        counts = counters.of_site(connection, site_id)
        return sum(counts.values()) if what.status is None else counts[what.status]
    query = _ids(connection, site_id, what, reply_index.matches(connection, what.words, what.name))
    if query is None:
        return 0
    return connection.execute(
        select(func.count()).select_from(query.limit(most).subquery())
    ).scalar_one()


def chosen(
    connection: Connection, site_id: int, what: Filter, *, most: int
) -> Select[tuple[str, str, int]] | None:
    """Return a select of the columns of `Chosen`, for up to `most` matches.

    None if nothing can match.
    """
    query = _ids(connection, site_id, what, reply_index.matches(connection, what.words, what.name))
    if query is None:
        return None
    inner = query.limit(most).subquery()
    columns = select(comment.c.public_id, comment.c.status, comment.c.version)
    return columns.join(inner, inner.c.id == comment.c.id)


def author_requests(connection: Connection, *, most: int) -> int:
    """Return how many replies have an open author request; counts up to `most`."""
    those = (
        select(hold_reason.c.comment_id).where(hold_reason.c.reason == AUTHOR_REQUEST).limit(most)
    )
    return connection.execute(select(func.count()).select_from(those.subquery())).scalar_one()


def states(connection: Connection, site_id: int, public_ids: Sequence[str]) -> list[Chosen]:
    """Return those of the replies that exist, sorted by page."""
    rows = []
    for start in range(0, len(public_ids), 500):
        part = public_ids[start : start + 500]
        columns = [comment.c[name] for name in Chosen._fields]
        query = select(comment.c.page_id, comment.c.id, *columns)
        query = query.where(comment.c.public_id.in_(part), comment.c.site_id == site_id)
        rows += [tuple(row) for row in connection.execute(query)]
    return [Chosen._make(row[2:]) for row in sorted(rows)]


def add_email_search(connection: Connection, text: str) -> int:
    """Return the id of a search for this address, which is stored if it is new."""
    text = fold(text)
    search_id = connection.execute(
        select(email_search.c.id).where(email_search.c.text == text)
    ).scalar()
    if search_id is None:
        new = insert(email_search).values(text=text).returning(email_search.c.id)
        search_id = connection.execute(new).scalar_one()
    return int(search_id)


def email_of_search(connection: Connection, number: int) -> str | None:
    """Return the address of the search with that id, or None."""
    return connection.execute(
        select(email_search.c.text).where(email_search.c.id == number)
    ).scalar()


def _ids(
    connection: Connection,
    site_id: int,
    what: Filter,
    matches: ColumnElement[bool] | None,
) -> Select[Any] | None:
    """Return a select of the row ids of all matches; None if none can match."""
    query = select(comment.c.id).select_from(comment).where(comment.c.site_id == site_id)
    page_id = None
    if what.status is not None:
        query = query.where(comment.c.status == what.status)
    else:
        query = query.where(comment.c.status != ERASED)
    if what.page:
        page_id = connection.execute(
            select(page.c.id).where(page.c.site_id == site_id, page.c.key == what.page)
        ).scalar()
        if page_id is None:
            return None
        query = query.where(comment.c.page_id == page_id)
    if matches is not None:
        narrowed = reply_index.within(connection, _selections(connection, site_id, page_id, what))
        query = query.join(reply_index.index, reply_index.row_id == comment.c.id).where(
            matches, *narrowed
        )
        # Ordered even where it does not matter, because it stops SQLite from reading `comment`
        # first.
        query = query.order_by(reply_index.index.c.rowid)
    elif what.words.strip() or what.name.strip():
        # The query has no words, such as "!?", so nothing matches.
        return None
    if what.reason:
        query = query.where(_held(connection, what.reason))
    if what.who is not None or what.author or what.network or what.ban is not None:
        query = query.join(contact, contact.c.comment_id == comment.c.id)
        query = query.where(*_contact(connection, what))
    if what.ban is not None:
        query = query.where(_under_ban(connection, site_id, what.ban))
    return query.where(*_between(what))


def _selections(
    connection: Connection, site_id: int, page_id: int | None, what: Filter
) -> list[Select[int]]:
    """Return a select of ids for each part of the filter, except words, that has an index."""
    parts: list[Select[int]] = []
    if what.author or what.network or (what.who is not None and not _domain(connection, what)):
        parts.append(select(contact.c.comment_id).where(*_contact(connection, what)))
    if page_id is not None:
        parts.append(select(comment.c.id).where(comment.c.page_id == page_id))
    if what.reason:
        parts.append(select(hold_reason.c.comment_id).where(hold_reason.c.reason == what.reason))
    of_site = select(comment.c.id).where(comment.c.site_id == site_id)
    if what.status is not None:
        parts.append(of_site.where(comment.c.status == what.status))
    if what.since is not None or what.until is not None:
        parts.append(of_site.where(*_between(what)))
    return parts


def _between(what: Filter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if what.since is not None:
        conditions.append(comment.c.submitted_at >= what.since)
    if what.until is not None:
        conditions.append(comment.c.submitted_at < what.until)
    return conditions


def _domain(connection: Connection, what: Filter) -> bool:
    """Return whether the filter is for all addresses of a domain, which no index supports."""
    text = "" if what.who is None else email_of_search(connection, what.who) or ""
    return text.startswith("@")


def _held(connection: Connection, reason: str) -> ColumnElement[bool]:
    those = select(hold_reason.c.comment_id).where(hold_reason.c.reason == reason)
    number = select(func.count()).select_from(those.limit(FEW + 1).subquery())
    if connection.execute(number).scalar_one() <= FEW:
        return comment.c.id.in_(those)
    # Many: SQLite reads the list in its order and looks up each reply.
    return exists().where(hold_reason.c.reason == reason, hold_reason.c.comment_id == comment.c.id)


def _contact(connection: Connection, what: Filter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    stored = contact.c.folded
    if what.who is not None:
        email = email_of_search(connection, what.who) or ""
        if email.startswith("@"):
            conditions.append(stored.endswith(email, autoescape=True))
        else:
            conditions.append(_begins(stored, email) if email else false())
    if what.author:
        conditions.append(_same_author(connection, what.author))
    if network := what.network.strip().lower():
        conditions.append(_begins(contact.c.network, network))
    return conditions


def _same_author(connection: Connection, public_id: str) -> ColumnElement[bool]:
    """Match the replies whose address has the same owner as that reply's."""
    query = select(contact.c.email).join(comment, comment.c.id == contact.c.comment_id)
    email = connection.execute(query.where(comment.c.public_id == public_id)).scalar()
    if not email:
        return false()
    owner = mailbox(email)
    alike = contact.c.folded.in_(folded_forms(owner))
    typed = connection.execute(select(contact.c.email).distinct().where(alike)).scalars()
    # `folded` has the index, but only `mailbox` decides about the owner.
    return alike & contact.c.email.in_([email for email in typed if mailbox(email) == owner])


def _under_ban(connection: Connection, site_id: int, number: int) -> ColumnElement[bool]:
    """Match the replies under a ban; a network ban matches equal stored networks only."""
    ban = rules.find_ban(connection, site_id, number)
    if ban is None or ban.kind == "word":
        return false()
    if ban.kind == "network":
        return contact.c.network == ban.value
    if ban.value.startswith("@"):
        return contact.c.folded.endswith(ban.value, autoescape=True)
    return contact.c.folded == ban.value


def _begins(stored: Any, text: str) -> ColumnElement[bool]:
    # A range, which can use an index; U+10FFFF is the last code point.
    return and_(stored >= text, stored < text + "\U0010ffff")


def _behind(
    after: Cursor, number: ColumnElement[int] | None, *, newest: bool
) -> ColumnElement[bool]:
    at, row_id = after
    if number is not None:
        return number < row_id if newest else number > row_id
    # Keyset pagination: the row comparison uses the index, so that deep pages cost the same.
    here = tuple_(comment.c.submitted_at, comment.c.id)
    there = tuple_(literal(at, UTCDateTime), literal(row_id))
    return here < there if newest else here > there


def _with(connection: Connection, ids: Select[Any]) -> list[Queued]:
    # The inner select has only ids, so that other columns are read for one page of the list only.
    inner = ids.subquery()
    query = (
        _QUEUED.select_from(inner)
        .join(comment, comment.c.id == inner.c.id)
        .join(page, page.c.id == comment.c.page_id)
        .join(contact, contact.c.comment_id == comment.c.id)
        .outerjoin(_parent, _parent.c.id == comment.c.parent_id)
    )
    return [Queued._make(row) for row in connection.execute(query)]
