"""Operations of the API for the site side, each in one transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from comments_service.domain.errors import Conflict, NotFound
from comments_service.services import privacy
from comments_service.services.pages import the_site
from comments_service.services.privacy import Leak
from comments_service.store import article_index, pages, publishing
from comments_service.store.article_index import Text, Wanted
from comments_service.store.database import Database
from comments_service.store.discussions import PublicComment, public_discussion
from comments_service.store.pages import Page, Registration
from comments_service.store.publishing import Report


class Discussion(NamedTuple):
    """A page and its public replies, oldest first, with the epoch of the database."""

    epoch: str
    page: Page
    replies: list[PublicComment]


class Changes(NamedTuple):
    """Discussions with a revision above the one asked for, lowest first.

    `latest` is the site's highest revision, `next` the revision to continue from, and `more` is
    True if there are more changes already.
    """

    epoch: str
    latest: int
    next: int
    more: bool
    discussions: list[Discussion]


class Published(NamedTuple):
    """Response to a report of the publisher.

    `news` is the number of pages whose stored state changed, `unseen` the keys of pages that are
    written but not verified to be live.
    """

    news: int
    unseen: list[str]


def changes(db: Database, since: int, limit: int) -> Changes:
    """Return at most `limit` discussions with a revision above `since`."""
    with db.read() as connection:
        site = the_site(connection)
        latest = pages.latest_revision(connection, site.id)
        changed = pages.changed_since(connection, site.id, since, limit + 1)
        shown = changed[:limit]
        discussions = [
            Discussion(site.epoch, page, public_discussion(connection, page.id)) for page in shown
        ]
    following = shown[-1].revision if shown else min(since, latest)
    return Changes(site.epoch, latest, following, len(changed) > limit, discussions)


def discussion(db: Database, key: str) -> Discussion:
    """Return one page's discussion; raises `NotFound` if no such page is registered."""
    with db.read() as connection:
        site = the_site(connection)
        found = pages.find(connection, site.id, key) if key.isprintable() else None
        if found is None or not found.registered:
            raise NotFound("No page with that key is registered.")
        return Discussion(site.epoch, found, public_discussion(connection, found.id))


def register_pages(db: Database, entries: Sequence[Registration]) -> int:
    """Replace the registered pages; return how many were unregistered."""
    with db.write() as connection:
        return pages.replace_all(connection, the_site(connection).id, entries)


def find_private(db: Database, candidates: Sequence[str]) -> list[Leak]:
    """Return which of the candidates belong to the author of a stored reply."""
    with db.read() as connection:
        return privacy.private(connection, candidates)


def wanted_texts(db: Database, digests: dict[str, str]) -> Wanted:
    """Return which articles' texts differ from the stored ones, by key and digest."""
    with db.read() as connection:
        return article_index.wanted(connection, the_site(connection).id, digests)


def store_texts(db: Database, texts: Sequence[Text]) -> list[str]:
    """Store articles' texts for the readers' search; returns keys that are not registered."""
    with db.write() as connection:
        return article_index.replace(connection, the_site(connection).id, texts)


def report_published(
    db: Database,
    epoch: str,
    reports: Sequence[Report],
    stalled: dict[str, str],
    *,
    complete: bool,
    now: datetime,
) -> Published:
    """Store a report of the publisher: revisions written and live, and problems by key.

    `complete`: the report replaces all stored ones, and the result has `unseen` pages. Raises
    `Conflict` if the report is about another database.
    """
    with db.write() as connection:
        site = the_site(connection)
        if epoch != site.epoch:
            raise Conflict("These revisions are of another database; ask for changes from 0.")
        news = publishing.report(connection, site.id, reports, stalled, complete=complete, now=now)
        return Published(news, publishing.unseen(connection, site.id) if complete else [])
