"""Data for the pages of the moderation queue, each read in one transaction."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from comments_service.domain import publish_state
from comments_service.domain.errors import NotFound
from comments_service.domain.models import Status
from comments_service.services import bulk_actions, reply_versions
from comments_service.services.pages import the_site
from comments_service.services.reply_versions import Stale
from comments_service.store import counters, events, outbox, publishing, queue
from comments_service.store.comments import ERASED
from comments_service.store.database import Database
from comments_service.store.events import Event
from comments_service.store.queue import Cursor, Filter, Queued

# Matches are counted up to this number; the page shows "more than" beyond it.
MOST_COUNTED = 1_000


class Done(NamedTuple):
    """The last action: its event, its reply, and the number of pending replies under a new ban."""

    event: Event
    reply: Queued | None
    caught: int


class Publisher(NamedTuple):
    """The publisher's last heartbeat and reported problem."""

    seen_at: datetime
    trouble: str | None


class Listing(NamedTuple):
    """A page of the queue; `last` is the reply after which the next page begins, or None.

    `counts` are the site's replies by status. `matching` and `wishes` (open author requests) are
    counted up to `MOST_COUNTED`, or one more. `email` is the address that is searched for. `alarms`
    are alerts about the publisher and the outbox, as sentences.
    """

    replies: list[Queued]
    last: Queued | None
    counts: dict[str, int]
    matching: int
    done: Done | None
    batch: bulk_actions.State | None
    email: str
    alarms: list[str]
    author_requests: int


def listing(
    db: Database,
    wanted: Filter,
    *,
    after: Cursor | None,
    limit: int,
    done: int | None,
    batch: int | None,
    publisher: Publisher,
    now: datetime,
) -> Listing:
    """Return up to `limit` replies that match the filter, and the other data of the page.

    `done` is the number of the event and `batch` the id of the bulk action to report on the page.
    """
    with db.read() as connection:
        site_id = the_site(connection).id
        found = queue.listed(connection, site_id, wanted, after=after, limit=limit + 1)
        shown = found[:limit]
        email = queue.email_of_search(connection, wanted.who) if wanted.who is not None else None
        return Listing(
            replies=shown,
            last=shown[-1] if len(found) > limit else None,
            counts=counters.of_site(connection, site_id),
            matching=queue.count(connection, site_id, wanted, most=MOST_COUNTED + 1),
            done=_done(connection, site_id, done),
            batch=_batch(connection, site_id, batch),
            email=email or "",
            alarms=_alarms(connection, site_id, publisher, now),
            author_requests=queue.author_requests(connection, most=MOST_COUNTED),
        )


def find(db: Database, public_id: str) -> Queued:
    """Return one reply as the queue shows it; raises `NotFound`."""
    with db.read() as connection:
        return _find(connection, public_id)


def find_with_done(db: Database, public_id: str, number: int | None) -> tuple[Queued, Done | None]:
    """Return one reply, and the last action by the number of its event; raises `NotFound`."""
    with db.read() as connection:
        reply = _find(connection, public_id)
        return reply, _done(connection, the_site(connection).id, number)


def find_with_counts(db: Database, public_id: str) -> tuple[Queued, dict[str, int]]:
    """Return one reply, and the site's replies by status; raises `NotFound`."""
    with db.read() as connection:
        reply = _find(connection, public_id)
        return reply, counters.of_site(connection, the_site(connection).id)


def changed_since(db: Database, public_id: str, shown: str | None) -> Stale | None:
    """Return an error, not raised, if the reply has another version than the token `shown`."""
    with db.read() as connection:
        reply = _find(connection, public_id)
        if shown is None or reply_versions.is_current(reply, shown):
            return None
        return reply_versions.stale(connection, reply, shown)


def remember_email(db: Database, email: str) -> int:
    """Store the address that an editor searches for; return its id for URLs."""
    with db.write() as connection:
        return queue.add_email_search(connection, email)


def _find(connection: Connection, public_id: str) -> Queued:
    found = queue.find(connection, the_site(connection).id, public_id)
    if found is None or found.status == ERASED:
        raise NotFound("That reply does not exist any more.")
    return found


def _done(connection: Connection, site_id: int, number: int | None) -> Done | None:
    event = events.find(connection, site_id, number) if number is not None else None
    if event is None:
        return None
    reply = queue.find(connection, site_id, event.comment) if event.comment else None
    caught = 0
    if event.after and event.after.get("lifted") is False:
        under = Filter(status=Status.PENDING, ban=event.after["ban"])
        caught = queue.count(connection, site_id, under, most=MOST_COUNTED)
    return Done(event, reply, caught)


def _batch(connection: Connection, site_id: int, batch_id: int | None) -> bulk_actions.State | None:
    if batch_id is None:
        return None
    try:
        return bulk_actions.state_of(connection, site_id, batch_id)
    except NotFound:
        return None


def _alarms(connection: Connection, site_id: int, publisher: Publisher, now: datetime) -> list[str]:
    state = publishing.publisher_state(
        connection, site_id, seen_at=publisher.seen_at, trouble=publisher.trouble
    )
    found = (publish_state.alarm(state, now), outbox.trouble(connection, now=now))
    return [one for one in found if one]
