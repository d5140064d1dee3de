"""Look-ups of the site and of pages that accept replies, with the errors shown to readers."""

from typing import NamedTuple

from sqlalchemy import Connection

from comments_service.domain.errors import Forbidden, NotFound
from comments_service.domain.i18n import sentence
from comments_service.store import comments, pages, sites
from comments_service.store.comments import Stored
from comments_service.store.database import Database
from comments_service.store.pages import Page
from comments_service.store.sites import Site

NO_SITE = "The database has no site; run: rejoinder migrate"


def the_site(connection: Connection) -> Site:
    """Return the only site, which the first migration creates; raises `NotFound`."""
    site = sites.find(connection)
    if site is None:
        raise NotFound(NO_SITE)
    return site


def open_page(connection: Connection, site: Site, key: str) -> Page:
    """Return the page with that key if it accepts replies; raises `NotFound` or `Forbidden`."""
    # Keys have no control characters, and PostgreSQL refuses NUL in a text.
    return taking_replies(pages.find(connection, site.id, key) if key.isprintable() else None)


def taking_replies(page: Page | None) -> Page:
    """Return the page if it accepts replies; raises `NotFound` or `Forbidden`."""
    if page is None or not page.registered:
        raise NotFound(sentence("There is no article here that takes replies."))
    if not page.takes_replies:
        raise Forbidden(sentence("Replies to “%(title)s” are closed.", title=page.title))
    return page


class PageWithParent(NamedTuple):
    """A page that accepts replies, and the public reply to answer, if any."""

    page: Page
    parent: Stored | None


def open_page_with_parent(db: Database, key: str, parent: str) -> PageWithParent:
    """Return the page and the reply `parent` on it ("" for none), in one transaction.

    Raises `NotFound` or `Forbidden` if the page does not accept replies. In the result `parent` is
    None if that reply is not public.
    """
    with db.read() as connection:
        page = open_page(connection, the_site(connection), key)
        above = comments.find_public(connection, page.id, parent) if parent else None
        return PageWithParent(page, above)
