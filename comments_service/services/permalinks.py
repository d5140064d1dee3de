"""Permalinks: the URL of a reply on the site, also in discussions of several pages."""

from urllib.parse import urljoin

from sqlalchemy import Connection

from comments_service.domain.errors import NotFound
from comments_service.domain.i18n import sentence
from comments_service.services.pages import the_site
from comments_service.store import comments, pages
from comments_service.store.comments import Stored
from comments_service.store.database import Database


def locate(db: Database, site_url: str, public_id: str) -> tuple[Stored, str]:
    """Return the reply with any status, and the URL where it is shown once it is public.

    Raises `NotFound` for an unknown id.
    """
    with db.read() as connection:
        # Ids are alphanumeric, and PostgreSQL refuses NUL in a text.
        site = the_site(connection)
        reply = comments.find(connection, site.id, public_id) if public_id.isalnum() else None
        if reply is None:
            raise NotFound(sentence("This reply does not exist any more."))
        return reply, url_of(connection, site_url, reply)


def url_of(connection: Connection, site_url: str, reply: Stored) -> str:
    """Return the URL of a reply's place, inside a transaction of the caller."""
    position = comments.position_of_thread(connection, reply.id)
    path = pages.url_of_position(connection, reply.page_id, position)
    return f"{urljoin(site_url, path)}#comment-{reply.public_id}"
