"""Queries about moderation rules: stored settings, bans, and earlier replies to judge by."""

import secrets
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from comments_service.domain.email_address import folded_forms, mailbox
from comments_service.domain.models import Ban, Origin
from comments_service.store.comments import ERASED
from comments_service.store.tables import ban, comment, contact, page, setting
from comments_service.store.visibility import IS_PUBLIC

RULES, BANS = "rules", "bans"
_BATCH = 500


class Setting(NamedTuple):
    """The value stored under a name; version 0 if there is none."""

    value: dict[str, Any]
    version: int


class Stamps(NamedTuple):
    """Random values, new with every save of rules and of bans; "" before the first one.

    Unlike versions, stamps are never equal for different content, even after a restore.
    """

    rules: str
    bans: str


# Used for every submission, so it is built once.
_STAMPS = select(setting.c.name, setting.c.stamp).where(
    setting.c.site_id == bindparam("of_site"), setting.c.name.in_((RULES, BANS))
)
_BAN = tuple(ban.c[name] for name in Ban._fields)


def stamps(connection: Connection, site_id: int) -> Stamps:
    """Return the stamps of the current rules and bans."""
    rows = connection.execute(_STAMPS, {"of_site": site_id})
    by_name = {row.name: row.stamp for row in rows}
    return Stamps(by_name.get(RULES, ""), by_name.get(BANS, ""))


def find(connection: Connection, site_id: int, name: str) -> Setting:
    """Return the setting with that name."""
    query = select(setting.c.value, setting.c.version).where(
        setting.c.site_id == site_id, setting.c.name == name
    )
    row = connection.execute(query).first()
    return Setting(row.value, row.version) if row else Setting({}, 0)


def put(connection: Connection, site_id: int, name: str, new: Setting) -> None:
    """Store `new` under that name; the transaction must have locked the site's row."""
    here = (setting.c.site_id == site_id) & (setting.c.name == name)
    values = {"value": new.value, "version": new.version, "stamp": secrets.token_hex(16)}
    if not connection.execute(update(setting).where(here).values(**values)).rowcount:
        connection.execute(insert(setting).values(site_id=site_id, name=name, **values))


def add_ban(
    connection: Connection,
    site_id: int,
    *,
    kind: str,
    value: str,
    note: str,
    now: datetime,
    expires_at: datetime | None,
) -> int:
    """Store a ban and return its id."""
    new = insert(ban).values(
        site_id=site_id, kind=kind, value=value, note=note, created_at=now, expires_at=expires_at
    )
    _bans_changed(connection, site_id)
    return int(connection.execute(new.returning(ban.c.id)).scalar_one())


def set_lifted(connection: Connection, site_id: int, ban_id: int, at: datetime | None) -> None:
    """Lift a ban; with None, put it in force again."""
    connection.execute(update(ban).where(ban.c.id == ban_id).values(lifted_at=at))
    _bans_changed(connection, site_id)


def _bans_changed(connection: Connection, site_id: int) -> None:
    before = find(connection, site_id, BANS)
    put(connection, site_id, BANS, Setting({}, before.version + 1))


def find_ban(connection: Connection, site_id: int, ban_id: int) -> Ban | None:
    """Return the ban with that id, or None."""
    query = select(*_BAN).where(ban.c.site_id == site_id, ban.c.id == ban_id)
    row = connection.execute(query).first()
    return Ban._make(row) if row else None


def bans(connection: Connection, site_id: int) -> list[Ban]:
    """Return every ban that was not lifted, including expired ones."""
    query = select(*_BAN).where(ban.c.site_id == site_id, ban.c.lifted_at.is_(None))
    return [Ban._make(row) for row in connection.execute(query)]


def bans_in_force(
    connection: Connection, site_id: int, now: datetime, *, before: int | None, limit: int
) -> list[Ban]:
    """Return up to `limit` bans in force with an id below `before`, newest first.

    `before` None starts with the newest.
    """
    query = select(*_BAN).where(
        ban.c.site_id == site_id,
        ban.c.lifted_at.is_(None),
        or_(ban.c.expires_at.is_(None), ban.c.expires_at > now),
    )
    if before is not None:
        query = query.where(ban.c.id < before)
    rows = connection.execute(query.order_by(ban.c.id.desc()).limit(limit))
    return [Ban._make(row) for row in rows]


def ended_bans(connection: Connection, site_id: int, now: datetime) -> list[Ban]:
    """Return the expired bans that were not lifted."""
    query = select(*_BAN).where(
        ban.c.site_id == site_id, ban.c.lifted_at.is_(None), ban.c.expires_at <= now
    )
    return [Ban._make(row) for row in connection.execute(query)]


def approved_before(
    connection: Connection, site_id: int, addresses: Collection[str]
) -> dict[str, datetime]:
    """Return for each address the time of its first reply that is approved now.

    Addresses are `mailbox` values. Only replies with a confirmed address count, because anybody
    can type an address.
    """
    folded = sorted({form for address in addresses for form in folded_forms(address)})
    first: dict[str, datetime] = {}
    for start in range(0, len(folded), _BATCH):
        query = (
            select(contact.c.email, func.min(comment.c.submitted_at).label("at"))
            .join(comment, comment.c.id == contact.c.comment_id)
            .where(
                contact.c.folded.in_(folded[start : start + _BATCH]),
                contact.c.verified_at.is_not(None),
                comment.c.site_id == site_id,
                IS_PUBLIC,
            )
            .group_by(contact.c.email)
        )
        # Different owners can have the same folded address.
        for row in connection.execute(query):
            owner = mailbox(row.email)
            if owner in addresses:
                first[owner] = min(row.at, first.get(owner, row.at))
    return first


class Past(NamedTuple):
    """An earlier reply with everything that the rules depend on."""

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
    version: int
    page_title: str


_PAST = (
    select(
        comment.c.id,
        comment.c.public_id,
        comment.c.status,
        comment.c.author_name,
        comment.c.author_url,
        contact.c.email,
        contact.c.network,
        contact.c.verified_at,
        comment.c.text,
        comment.c.html,
        comment.c.reasons,
        comment.c.submitted_at,
        comment.c.version,
        page.c.title.label("page_title"),
    )
    .join(contact, contact.c.comment_id == comment.c.id)
    .join(page, page.c.id == comment.c.page_id)
)


def past(connection: Connection, site_id: int, limit: int) -> Sequence[Past]:
    """Return the last `limit` replies that readers sent, newest first."""
    query = (
        _PAST.where(
            comment.c.site_id == site_id,
            comment.c.origin == Origin.FORM,
            comment.c.status != ERASED,
        )
        .order_by(comment.c.submitted_at.desc(), comment.c.id.desc())
        .limit(limit)
    )
    return [Past._make(row) for row in connection.execute(query)]


def one_past(connection: Connection, site_id: int, public_id: str) -> Past | None:
    """Return the reply if a reader sent it by the form, or None."""
    query = _PAST.where(
        comment.c.site_id == site_id,
        comment.c.origin == Origin.FORM,
        comment.c.public_id == public_id,
    )
    row = connection.execute(query).first()
    return Past._make(row) if row else None
