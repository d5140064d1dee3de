"""Query of the queue's list of articles."""

from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Connection, and_, func, literal, or_, select

from comments_service.store.tables import UTCDateTime, page

# Articles without a date are sorted last.
_NEVER = datetime(1, 1, 1, tzinfo=UTC)
_published = func.coalesce(
    page.c.published_at, literal(_NEVER, UTCDateTime), type_=UTCDateTime
).label("published")


class Article(NamedTuple):
    """An article. `opened` is the decision of editors or rules; None: the article decides."""

    id: int
    key: str
    url: str
    title: str
    open: bool
    opened: bool | None
    published_at: datetime | None

    @property
    def takes_replies(self) -> bool:
        """Whether new replies are accepted."""
        return self.open if self.opened is None else self.opened


class Place(NamedTuple):
    """The last article of a list page; the next list page begins after it."""

    published: datetime
    id: int


def place(article: Article) -> Place:
    """Return the position of an article in the list."""
    return Place(article.published_at or _NEVER, article.id)


def listed(
    connection: Connection, site_id: int, words: str, *, after: Place | None, limit: int
) -> list[Article]:
    """Return up to `limit` registered articles after `after`, latest first.

    Each of the `words` must occur in the title or the key.
    """
    query = select(*(page.c[name] for name in Article._fields)).where(
        page.c.site_id == site_id, page.c.registered
    )
    for word in words.split():
        query = query.where(
            or_(
                page.c.title.icontains(word, autoescape=True),
                page.c.key.icontains(word, autoescape=True),
            )
        )
    if after is not None:
        query = query.where(
            or_(
                _published < after.published,
                and_(_published == after.published, page.c.id > after.id),
            )
        )
    rows = connection.execute(query.order_by(_published.desc(), page.c.id).limit(limit))
    return [Article._make(row) for row in rows]
