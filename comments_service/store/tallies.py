"""How many replies stand in each state, on the site and on each page, without counting them."""

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, insert, select, update

from comments_service.tables import Status, page, site_tally, tally

_ON_PAGE = (
    update(tally)
    .where(tally.c.page_id == bindparam("of_page"), tally.c.status == bindparam("of_status"))
    .values(count=tally.c.count + bindparam("more"))
)
_ON_SITE = (
    update(site_tally)
    .where(
        site_tally.c.site_id == bindparam("of_site"), site_tally.c.status == bindparam("of_status")
    )
    .values(count=site_tally.c.count + bindparam("more"))
)
_SITE_OF = select(page.c.site_id).where(page.c.id == bindparam("of_page"))


def add(connection: Connection, new: Sequence[tuple[int, int, str]]) -> None:
    """Count new replies: (site, page, state) of each."""
    for (site_id, page_id, status), more in Counter(new).items():
        _count(connection, site_id, page_id, status, more)


def move(connection: Connection, page_id: int, before: str | None, after: str | None) -> None:
    """Count one reply that moves from a state to another; None: it came, or it is gone."""
    site_id = connection.execute(_SITE_OF, {"of_page": page_id}).scalar_one()
    if before is not None:
        _count(connection, site_id, page_id, before, -1)
    if after is not None:
        _count(connection, site_id, page_id, after, 1)


def of_site(connection: Connection, site_id: int) -> dict[str, int]:
    """Return how many replies of the site are in each state."""
    query = select(site_tally.c.status, site_tally.c.count).where(site_tally.c.site_id == site_id)
    return _all(connection.execute(query))


def of_page(connection: Connection, page_id: int) -> dict[str, int]:
    """Return how many replies of the page are in each state."""
    query = select(tally.c.status, tally.c.count).where(tally.c.page_id == page_id)
    return _all(connection.execute(query))


def of_pages(connection: Connection, page_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """Return how many replies of each page are in each state."""
    query = select(tally.c.page_id, tally.c.status, tally.c.count)
    rows: dict[int, list[tuple[str, int]]] = {page_id: [] for page_id in page_ids}
    for row in connection.execute(query.where(tally.c.page_id.in_(page_ids))):
        rows[row.page_id].append((row[1], row[2]))
    return {page_id: _all(found) for page_id, found in rows.items()}


def _all(rows: object) -> dict[str, int]:
    found = {row[0]: row[1] for row in rows}  # type: ignore[attr-defined]
    return {status.value: found.get(status, 0) for status in Status}


def _count(connection: Connection, site_id: int, page_id: int, status: str, more: int) -> None:
    status = str(status)
    on_page = {"of_page": page_id, "of_status": status, "more": more}
    if not connection.execute(_ON_PAGE, on_page).rowcount:
        connection.execute(
            insert(tally).values(site_id=site_id, page_id=page_id, status=status, count=more)
        )
    on_site = {"of_site": site_id, "of_status": status, "more": more}
    if not connection.execute(_ON_SITE, on_site).rowcount:
        connection.execute(insert(site_tally).values(site_id=site_id, status=status, count=more))
