"""The editors' list of articles that accept replies."""

from typing import NamedTuple

from comments_service.services.pages import the_site
from comments_service.store import articles, counters, events, followers
from comments_service.store.articles import Article, Place
from comments_service.store.database import Database
from comments_service.store.events import Event


class Listed(NamedTuple):
    """An article with its replies by status, the event that opened or closed it, and followers."""

    article: Article
    counts: dict[str, int]
    decided: Event | None
    followers: int


class Listing(NamedTuple):
    """A page of the list; `next` is where the next page begins, None on the last one.

    `done` is the requested event, if it opened or closed an article.
    """

    articles: list[Listed]
    next: Place | None
    done: Event | None


def listing(
    db: Database, words: str, *, after: Place | None, limit: int, done: int | None
) -> Listing:
    """Return articles whose title or key contains the words, latest first; `done` is an event."""
    with db.read() as connection:
        site = the_site(connection)
        found = articles.listed(connection, site.id, words, after=after, limit=limit + 1)
        shown = found[:limit]
        counts = counters.of_pages(connection, [one.id for one in shown])
        following = followers.counts(connection, [one.id for one in shown])
        entry = events.find(connection, site.id, done) if done is not None else None
        listed = [
            Listed(
                one,
                counts[one.id],
                None if one.opened is None else events.last_of_page(connection, one.key),
                following[one.id],
            )
            for one in shown
        ]
    return Listing(
        listed,
        articles.place(shown[-1]) if len(found) > limit else None,
        entry if entry and entry.page and "opened" in (entry.after or {}) else None,
    )
