"""The publisher's reports about pages: revisions written and live, and problems."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, select, update

from comments_service.domain.models import PublisherState, Stalled
from comments_service.store.tables import event, page

# At most this many pages with a problem are listed.
_TOLD = 50
# At most this many pages are returned to the publisher to check.
_UNSEEN = 100
_BATCH = 500


class Report(NamedTuple):
    """The revision of a page on disk, and the revision that readers get, if known."""

    key: str
    written: int
    live: int | None = None


_KNOWN = select(
    page.c.id,
    page.c.key,
    page.c.revision,
    page.c.written_revision,
    page.c.live_revision,
    page.c.stalled,
)
_WRITE = (
    update(page)
    .where(page.c.id == bindparam("of_page"))
    .values(
        written_revision=bindparam("written"),
        live_revision=bindparam("live"),
        stalled=bindparam("why"),
        reported_at=bindparam("now"),
    )
)


def report(
    connection: Connection,
    site_id: int,
    pages: Collection[Report],
    stalled: Mapping[str, str],
    *,
    complete: bool,
    now: datetime,
) -> int:
    """Store a report of the publisher; return how many pages changed.

    `stalled` maps keys of pages to their problems. A page in `pages` that is not in `stalled` has
    no problem any more. Stored revisions only grow, except by a `complete` report, which replaces
    all of them (after a restore they may be lower) and clears the problems that it does not list.
    Revisions above the page's own come from a replaced database and are ignored, as are unknown
    pages.
    """
    reports = {entry.key: entry for entry in pages}
    changes = []
    for row in _known(connection, site_id, None if complete else {*reports, *stalled}):
        entry = reports.get(row.key)
        written, live = row.written_revision, row.live_revision
        if entry is not None and entry.written <= row.revision:
            written = entry.written if complete else max(written, entry.written)
        if entry is not None and entry.live is not None and entry.live <= row.revision:
            live = entry.live if complete else max(live, entry.live)
        why = stalled.get(row.key)
        after = (written, min(live, written), why)
        if after != (row.written_revision, row.live_revision, row.stalled):
            changes.append(dict(zip(("written", "live", "why"), after, strict=True)))
            changes[-1] |= {"of_page": row.id, "now": now}
    if changes:
        connection.execute(_WRITE, changes)
    return len(changes)


def unseen(connection: Connection, site_id: int) -> list[str]:
    """Return the keys of pages that are written but not verified to be live.

    Newest first, limited to what the publisher can check at a time.
    """
    query = (
        select(page.c.key)
        .where(
            page.c.site_id == site_id,
            page.c.registered,
            page.c.live_revision < page.c.written_revision,
        )
        .order_by(page.c.revision.desc())
        .limit(_UNSEEN)
    )
    return list(connection.execute(query).scalars())


def publisher_state(
    connection: Connection,
    site_id: int,
    *,
    seen_at: datetime | None = None,
    trouble: str | None = None,
) -> PublisherState:
    """Return the state of the publisher.

    `seen_at` and `trouble` are the last heartbeat and problem that this process has in memory.
    """
    here = (page.c.site_id == site_id) & page.c.registered
    last = connection.execute(select(func.max(page.c.reported_at)).where(here)).scalar()
    # The event whose number is the page's revision is the last public change.
    behind = (
        select(func.count(), func.min(event.c.at))
        .select_from(page)
        .outerjoin(event, (event.c.site_id == page.c.site_id) & (event.c.seq == page.c.revision))
        .where(here, page.c.revision > page.c.written_revision)
    )
    count, since = connection.execute(behind).one()
    stalled = (
        select(page.c.title, page.c.stalled, page.c.written_revision >= page.c.revision)
        .where(here, page.c.stalled.is_not(None))
        .order_by(page.c.revision.desc())
        .limit(_TOLD)
    )
    signs = [time for time in (seen_at, last) if time is not None]
    return PublisherState(
        max(signs, default=None),
        count,
        since,
        [Stalled(title, why, bool(written)) for title, why, written in connection.execute(stalled)],
        trouble,
    )


def _known(connection: Connection, site_id: int, keys: Collection[str] | None) -> Sequence[Any]:
    query = _KNOWN.where(page.c.site_id == site_id)
    if keys is None:
        return connection.execute(query).all()
    # Keys have no control characters, and PostgreSQL refuses NUL in a text.
    wanted, rows = sorted(key for key in keys if key.isprintable()), list[Any]()
    for start in range(0, len(wanted), _BATCH):
        batch = wanted[start : start + _BATCH]
        rows += connection.execute(query.where(page.c.key.in_(batch))).all()
    return rows


def reported(connection: Connection, page_id: int) -> tuple[int, int, str | None]:
    """Return the last report about a page: written revision, live revision, problem or None."""
    columns = (page.c.written_revision, page.c.live_revision, page.c.stalled)
    written, seen, stalled = connection.execute(select(*columns).where(page.c.id == page_id)).one()
    return written, seen, stalled
