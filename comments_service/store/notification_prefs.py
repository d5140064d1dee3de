"""Mail preferences of editors about new replies, and the time of their last digest."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, func, select, update

from comments_service.domain.models import Status
from comments_service.store.tables import comment, editor

NONE, EACH, DIGEST = "none", "each", "digest"


class Wanting(NamedTuple):
    """An editor who wants mail about new replies."""

    id: int
    email: str
    name: str
    digest_at: datetime | None


_COLUMNS = tuple(editor.c[name] for name in Wanting._fields)
# Used for every submission, so it is built once.
_WANTING = select(*_COLUMNS).where(
    editor.c.mail == bindparam("how"), editor.c.disabled_at.is_(None)
)


def wanting(connection: Connection, how: str) -> list[Wanting]:
    """Return the enabled editors with the preference `how`: "each" or "digest"."""
    return [Wanting._make(row) for row in connection.execute(_WANTING, {"how": how})]


def count_pending_since(connection: Connection, site_id: int, since: datetime, most: int) -> int:
    """Return how many replies submitted after `since` are pending; counts up to `most`."""
    pending = (
        select(comment.c.id)
        .where(
            comment.c.site_id == site_id,
            comment.c.status == Status.PENDING,
            comment.c.submitted_at > since,
        )
        .limit(most)
    )
    return connection.execute(select(func.count()).select_from(pending.subquery())).scalar_one()


def begin_digest(connection: Connection, who: Wanting, now: datetime) -> bool:
    """Record the time of a digest; False if another process recorded one in the meantime."""
    query = update(editor).where(
        editor.c.id == who.id, editor.c.digest_at.is_not_distinct_from(who.digest_at)
    )
    return connection.execute(query.values(digest_at=now)).rowcount == 1
