"""What the publisher said of its pages: what they show, what readers see, what it cannot write."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, select, update

from comments_service.domain.models import PublisherState, Stalled
from comments_service.store.tables import event, page

# Pages with a problem that are told one by one.
_TOLD = 50
# Pages that the publisher is asked to look at.
_UNSEEN = 100
_BATCH = 500


class Report(NamedTuple):
    """The revision of the discussion that a page shows, and what readers saw of it, if known."""

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
    """Take in what the publisher says; return for how many pages that was news.

    A page that is reported, and not as `stalled`, is not stalled any more. Revisions only grow,
    but a `complete` report replaces all there was: after a restore they may be lower, and pages
    that it does not list as stalled are not. A revision beyond the page's own is of a database
    that was replaced, and says nothing; nor does a page that is not known.
    """
    reported = {one.key: one for one in pages}
    news = []
    for row in _known(connection, site_id, None if complete else {*reported, *stalled}):
        one = reported.get(row.key)
        written, live = row.written_revision, row.live_revision
        if one is not None and one.written <= row.revision:
            written = one.written if complete else max(written, one.written)
        if one is not None and one.live is not None and one.live <= row.revision:
            live = one.live if complete else max(live, one.live)
        why = stalled.get(row.key)
        after = (written, min(live, written), why)
        if after != (row.written_revision, row.live_revision, row.stalled):
            news.append(dict(zip(("written", "live", "why"), after, strict=True)))
            news[-1] |= {"of_page": row.id, "now": now}
    if news:
        connection.execute(_WRITE, news)
    return len(news)


def unseen(connection: Connection, site_id: int) -> list[str]:
    """Return the keys of the pages of which readers have not been seen to get what is written.

    The newest first, and not more than a publisher can look at.
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
    """Return how the publisher does; the last two are what this process knows of it."""
    here = (page.c.site_id == site_id) & page.c.registered
    last = connection.execute(select(func.max(page.c.reported_at)).where(here)).scalar()
    # The change with the number of the page's revision is its last public one.
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
    signs = [one for one in (seen_at, last) if one is not None]
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
    # PostgreSQL refuses NUL in a text; no key has a control character.
    wanted, rows = sorted(key for key in keys if key.isprintable()), list[Any]()
    for start in range(0, len(wanted), _BATCH):
        batch = wanted[start : start + _BATCH]
        rows += connection.execute(query.where(page.c.key.in_(batch))).all()
    return rows


def reported(connection: Connection, page_id: int) -> tuple[int, int, str | None]:
    """Return what was said of one page: revision written, revision seen by readers, what stalls."""
    columns = (page.c.written_revision, page.c.live_revision, page.c.stalled)
    written, seen, stalled = connection.execute(select(*columns).where(page.c.id == page_id)).one()
    return written, seen, stalled
