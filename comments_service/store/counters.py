"""Counters of replies by status, for each page and for the site, updated with each change."""

from collections import Counter
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, bindparam, select, text

from comments_service.domain.models import Status
from comments_service.store.tables import page, site_tally, tally

# Plain SQL, because SQLite and PostgreSQL have the same syntax but SQLAlchemy has two constructs.
_ON_PAGE = text(
    "INSERT INTO tally (page_id, site_id, status, count)"
    " VALUES (:of_page, :of_site, :of_status, :more)"
    " ON CONFLICT (page_id, status) DO UPDATE SET count = tally.count + excluded.count"
)
_ON_SITE = text(
    "INSERT INTO site_tally (site_id, status, count) VALUES (:of_site, :of_status, :more)"
    " ON CONFLICT (site_id, status) DO UPDATE SET count = site_tally.count + excluded.count"
)
_SITE_OF = select(page.c.site_id).where(page.c.id == bindparam("of_page"))


def add(connection: Connection, new: Sequence[tuple[int, int, str]]) -> None:
    """Count new replies, given as (site id, page id, status) of each."""
    _count(connection, Counter(new))


def move(connection: Connection, page_id: int, before: str | None, after: str | None) -> None:
    """Count the status change of one reply; None as `before`: it is new, as `after`: deleted."""
    site_id = connection.execute(_SITE_OF, {"of_page": page_id}).scalar_one()
    moves = {(site_id, page_id, before): -1, (site_id, page_id, after): 1}
    _count(connection, {place: by for place, by in moves.items() if place[2] is not None})


def of_site(connection: Connection, site_id: int) -> dict[str, int]:
    """Return how many replies of the site have each status."""
    query = select(site_tally.c.status, site_tally.c.count).where(site_tally.c.site_id == site_id)
    return _all(connection.execute(query))


def of_page(connection: Connection, page_id: int) -> dict[str, int]:
    """Return how many replies of the page have each status."""
    query = select(tally.c.status, tally.c.count).where(tally.c.page_id == page_id)
    return _all(connection.execute(query))


def of_pages(connection: Connection, page_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """Return how many replies of each page have each status, by page id."""
    query = select(tally.c.page_id, tally.c.status, tally.c.count)
    rows: dict[int, list[tuple[str, int]]] = {page_id: [] for page_id in page_ids}
    for row in connection.execute(query.where(tally.c.page_id.in_(page_ids))):
        rows[row.page_id].append((row[1], row[2]))
    return {page_id: _all(pairs) for page_id, pairs in rows.items()}


def _all(rows: object) -> dict[str, int]:
    counts = {row[0]: row[1] for row in rows}  # type: ignore[attr-defined]
    return {status.value: counts.get(status, 0) for status in Status}


def _count(connection: Connection, more: Mapping[tuple[int, int, str | None], int]) -> None:
    """Add the numbers in `more` to the counters of (site id, page id, status)."""
    # Two statements for any number of pages: concurrent submissions share a transaction.
    on_sites: Counter[tuple[int, str]] = Counter()
    on_pages = []
    for (site_id, page_id, status), number in more.items():
        row = {"of_site": site_id, "of_page": page_id, "of_status": str(status), "more": number}
        on_pages.append(row)
        on_sites[site_id, str(status)] += number
    connection.execute(_ON_PAGE, on_pages)
    connection.execute(
        _ON_SITE,
        [
            {"of_site": site_id, "of_status": status, "more": number}
            for (site_id, status), number in on_sites.items()
        ],
    )
