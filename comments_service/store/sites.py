"""The site row: its epoch and its commit-ordered sequence."""

from typing import NamedTuple

from sqlalchemy import Connection, insert, select, update

from comments_service.tables import site

DEFAULT = "default"


class Site(NamedTuple):
    """A site as the database has it."""

    id: int
    epoch: str


def find(connection: Connection, key: str = DEFAULT) -> Site | None:
    """Return the site of that key, or None."""
    row = connection.execute(select(site.c.id, site.c.epoch).where(site.c.key == key)).first()
    return Site(*row) if row else None


def add(connection: Connection, *, key: str = DEFAULT, epoch: str) -> Site:
    """Make a site; `epoch` is any text that no other database has."""
    new = insert(site).values(key=key, epoch=epoch, seq=0).returning(site.c.id)
    return Site(connection.execute(new).scalar_one(), epoch)


def next_number(connection: Connection, site_id: int) -> int:
    """Take the next number of the site's sequence; nobody else gets one until this commits."""
    bump = update(site).where(site.c.id == site_id).values(seq=site.c.seq + 1).returning(site.c.seq)
    return int(connection.execute(bump).scalar_one())
