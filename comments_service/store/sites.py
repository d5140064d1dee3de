"""Queries about the site row: its epoch and its commit-ordered sequence numbers."""

from typing import NamedTuple

from sqlalchemy import Connection, bindparam, insert, select, update

from comments_service.store.tables import site

DEFAULT = "default"


class Site(NamedTuple):
    """The row of a site."""

    id: int
    epoch: str


# Used for every submission, so they are built once: building one costs more than running it.
_FIND = select(site.c.id, site.c.epoch).where(site.c.key == bindparam("of_key"))
_LOCK = _FIND.with_for_update()
_TAKE = (
    update(site)
    .where(site.c.id == bindparam("of_site"))
    .values(seq=site.c.seq + bindparam("count"))
    .returning(site.c.seq)
)


def find(connection: Connection, key: str = DEFAULT) -> Site | None:
    """Return the site of that key, or None."""
    row = connection.execute(_FIND, {"of_key": key}).first()
    return Site(*row) if row else None


def lock(connection: Connection, key: str = DEFAULT) -> Site | None:
    """Return the site of that key; locks its sequence until the transaction ends."""
    row = connection.execute(_LOCK, {"of_key": key}).first()
    return Site(*row) if row else None


def last_number(connection: Connection, site_id: int) -> int:
    """Return the last number taken from the site's sequence."""
    return int(connection.execute(select(site.c.seq).where(site.c.id == site_id)).scalar_one())


def add(connection: Connection, *, key: str = DEFAULT, epoch: str) -> Site:
    """Store a new site; `epoch` must be unique among all databases."""
    new = insert(site).values(key=key, epoch=epoch, seq=0).returning(site.c.id)
    return Site(connection.execute(new).scalar_one(), epoch)


def next_number(connection: Connection, site_id: int) -> int:
    """Take the next number of the site's sequence; locks it until the transaction ends."""
    return next_numbers(connection, site_id, 1)[0]


def next_numbers(connection: Connection, site_id: int, count: int) -> range:
    """Take the next `count` numbers of the site's sequence."""
    last = int(connection.execute(_TAKE, {"of_site": site_id, "count": count}).scalar_one())
    return range(last - count + 1, last + 1)
