"""Queries about pages (table `page`): registration by builds, look-ups and revisions."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, func, insert, select, update

from comments_service.store import article_index
from comments_service.store.tables import page


class Page(NamedTuple):
    """A page. `revision` is 0 until the first public change of its discussion."""

    id: int
    key: str
    url: str
    title: str
    question: str
    open: bool
    registered: bool
    revision: int
    page_size: int | None
    replies_url: str | None
    published_at: datetime | None
    opened: bool | None

    @property
    def takes_replies(self) -> bool:
        """Whether new replies are accepted: as editors or rules decided, else as the article."""
        return self.open if self.opened is None else self.opened


class Registration(NamedTuple):
    """A page as a build registers it."""

    key: str
    url: str
    title: str
    question: str
    open: bool
    page_size: int | None = None
    replies_url: str | None = None
    published_at: datetime | None = None


_COLUMNS = tuple(page.c[name] for name in Page._fields)


_OF_KEYS = select(*_COLUMNS).where(
    page.c.site_id == bindparam("of_site"), page.c.key.in_(bindparam("keys", expanding=True))
)


def find(connection: Connection, site_id: int, key: str) -> Page | None:
    """Return the page with that key, also if it is no longer registered, or None."""
    return find_all(connection, site_id, [key]).get(key)


def find_all(connection: Connection, site_id: int, keys: Collection[str]) -> dict[str, Page]:
    """Return the existing pages of those keys, by key."""
    rows = connection.execute(_OF_KEYS, {"of_site": site_id, "keys": sorted(keys)})
    return {row.key: Page._make(row) for row in rows}


def replace_all(connection: Connection, site_id: int, pages: Iterable[Registration]) -> int:
    """Make `pages` the site's registered pages; return how many others were unregistered."""
    known = {
        row.key: row
        for row in connection.execute(select(*_COLUMNS).where(page.c.site_id == site_id))
    }
    listed = set()
    new = []
    for entry in pages:
        listed.add(entry.key)
        values = {**entry._asdict(), "registered": True}
        before = known.get(entry.key)
        if before is None:
            new.append({**values, "site_id": site_id, "revision": 0})
        elif any(getattr(before, name) != value for name, value in values.items()):
            connection.execute(update(page).where(page.c.id == before.id).values(**values))
    if new:
        connection.execute(insert(page), new)
    gone = [row.id for row in known.values() if row.registered and row.key not in listed]
    for page_id in gone:
        connection.execute(update(page).where(page.c.id == page_id).values(registered=False))
        article_index.remove(connection, page_id)
    return len(gone)


def url_of_position(connection: Connection, page_id: int, position: int | None) -> str:
    """Return the URL of the page of the discussion that shows the thread at this position."""
    query = select(page.c.url, page.c.page_size, page.c.replies_url).where(page.c.id == page_id)
    url, size, pattern = connection.execute(query).one()
    number = (position - 1) // size + 1 if position and size else 1
    return str(url if number == 1 or pattern is None else pattern.replace("{page}", str(number)))


def set_revision(connection: Connection, page_id: int, revision: int) -> None:
    """Store the sequence number of a public change of the page's discussion."""
    connection.execute(update(page).where(page.c.id == page_id).values(revision=revision))


def set_opened(connection: Connection, page_id: int, opened: bool | None) -> None:
    """Store the decision about new replies; None: the article decides."""
    connection.execute(update(page).where(page.c.id == page_id).values(opened=opened))


def latest_revision(connection: Connection, site_id: int) -> int:
    """Return the highest revision of any page of the site; 0 if nothing was ever public."""
    query = select(func.max(page.c.revision)).where(page.c.site_id == site_id)
    return connection.execute(query).scalar() or 0


def changed_since(connection: Connection, site_id: int, since: int, limit: int) -> list[Page]:
    """Return up to `limit` pages with a revision above `since`, lowest revision first."""
    query = (
        select(*_COLUMNS)
        .where(page.c.site_id == site_id, page.c.revision > since)
        .order_by(page.c.revision)
        .limit(limit)
    )
    return [Page(*row) for row in connection.execute(query)]


def published_until(connection: Connection, site_id: int, until: datetime) -> list[str]:
    """Return the keys of pages published until then that accept replies by default.

    Pages that an editor or a rule opened or closed are left out.
    """
    query = select(page.c.key).where(
        page.c.site_id == site_id,
        page.c.published_at <= until,
        page.c.registered,
        page.c.open,
        page.c.opened.is_(None),
    )
    return list(connection.execute(query).scalars())
