"""Bulk actions: the replies of a batch are stored first and then processed in parts.

Each part is one transaction. Replies are sorted by page, so that the publisher writes each page
once. The result of each reply is stored, so that an interrupted batch can be resumed.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from comments_service.domain.actor import Actor
from comments_service.domain.errors import Conflict, Invalid, NotFound, ServiceError
from comments_service.domain.labels import ACTIONS
from comments_service.domain.models import Status
from comments_service.services import bulk_drafts, moderation, reply_versions
from comments_service.services.pages import the_site
from comments_service.services.reply_versions import Stale, Version
from comments_service.store import bulk_jobs, comments, queue
from comments_service.store.bulk_jobs import DONE, Batch, NewItem, Progress
from comments_service.store.database import Database
from comments_service.store.queue import Chosen, Queued

# Replies in one transaction, during which new submissions wait for one to three seconds.
PART = 1_000


class State(NamedTuple):
    """A batch with its progress, and the id of the batch that undoes it."""

    batch: Batch
    progress: Progress
    undone_by: int | None


class Seen(NamedTuple):
    """Status and version of a selected reply as the editor saw it; None: version unknown."""

    status: str
    version: Version | None


def choose(
    db: Database, action: str, selected: Mapping[str, Seen], *, by: Actor, now: datetime
) -> int:
    """Store a batch for these replies, by public id, as the editor saw them; return its id.

    Raises `Invalid` if none is selected, `NotFound` for an unknown action, and `Conflict` if all of
    them have that status already.
    """
    if not selected:
        raise Invalid({"selected": "Nothing is selected. Select replies, then apply an action."})
    with db.write() as connection:
        site = the_site(connection)
        present = queue.states(connection, site.id, list(selected))
        items = [
            _as_seen(connection, site.id, reply.public_id, selected[reply.public_id])
            for reply in _to_do(action, present)
        ]
        return _begin(connection, site.id, action, items, "a selection", by, now)


def choose_undo(db: Database, batch_id: int, *, by: Actor, now: datetime) -> int:
    """Store a batch that undoes another one; return its id.

    Raises `NotFound`, and `Conflict` if there is nothing to undo.
    """
    with db.write() as connection:
        site = the_site(connection)
        done = bulk_jobs.find(connection, site.id, batch_id)
        if done is None:
            raise NotFound("There is no such bulk action.")
        if bulk_jobs.undone_by(connection, batch_id) is not None:
            raise Conflict("This bulk action was undone already.")
        items = bulk_jobs.done_items(connection, batch_id)
        if not items:
            raise Conflict("Nothing was done that could be undone.")
        words = f"what bulk action {batch_id} did"
        new = Batch(0, "undo", by.name, words, now, None, 0, batch_id)
        rows = [NewItem(item.comment, event_seq=item.event_seq) for item in items]
        return bulk_jobs.add(connection, site.id, new, rows, editor_id=by.editor_id)


def _as_seen(connection: Connection, site_id: int, public_id: str, seen: Seen) -> NewItem:
    reply = comments.find(connection, site_id, public_id)
    # A version number is enough in the batch: it is stored in the same database as the reply.
    version = reply_versions.number(reply, seen.version) if reply is not None else None
    return NewItem(public_id, seen.status, version)


def _to_do(action: str, replies: Sequence[Chosen]) -> list[Chosen]:
    if action not in ACTIONS:
        raise NotFound(f"There is no action called “{action}” for many replies.")
    # Leave out replies that have the action's status already.
    return [reply for reply in replies if reply.status != ACTIONS[action]]


def _begin(
    connection: Connection,
    site_id: int,
    action: str,
    items: Sequence[NewItem],
    words: str,
    by: Actor,
    now: datetime,
) -> int:
    if not items:
        raise Conflict("All of these replies are in that state already.")
    new = Batch(0, action, by.name, words[:500], now, None, 0, None)
    return bulk_jobs.add(connection, site_id, new, items, editor_id=by.editor_id)


def go_on(db: Database, batch_id: int, *, by: Actor, now: datetime, part: int = PART) -> bool:
    """Process up to `part` replies of a batch; return whether some are left."""
    public = False
    with db.write() as connection:
        site = the_site(connection)
        batch = bulk_jobs.find(connection, site.id, batch_id)
        if batch is None:
            raise NotFound("There is no such bulk action.")
        items = bulk_jobs.waiting(connection, batch_id, part)
        results: list[tuple[int, str, int | None]] = []
        for item in items:
            try:
                if batch.action == "undo":
                    entry = moderation.take_back(
                        connection, site, item.event_seq or 0, by=by, now=now, batch_id=batch_id
                    )
                else:
                    entry = moderation.move(
                        connection,
                        site,
                        item.comment,
                        batch.action,
                        by=by,
                        expected=item.expected or "",
                        version=item.version,
                        now=now,
                        batch_id=batch_id,
                    )
            except Stale as error:
                results.append((item.number, error.reason, item.event_seq))
                continue
            except ServiceError as error:
                # Raised before anything is written for this reply, so the transaction is intact.
                results.append((item.number, error.detail, item.event_seq))
                continue
            states = {(entry.before or {}).get("status"), (entry.after or {}).get("status")}
            public = public or Status.APPROVED in states
            results.append((item.number, DONE, entry.seq))
        if results:
            bulk_jobs.record(connection, batch_id, results)
        left = len(items) == part and bool(bulk_jobs.waiting(connection, batch_id, 1))
        if not left and batch.ended_at is None:
            bulk_jobs.end(connection, batch_id, now)
    if public:
        db.announce()
    return left


def state(db: Database, batch_id: int) -> State:
    """Return a batch with its progress; raises `NotFound`."""
    with db.read() as connection:
        return state_of(connection, the_site(connection).id, batch_id)


def state_of(connection: Connection, site_id: int, batch_id: int) -> State:
    """Return a batch with its progress, in a transaction of the caller; raises `NotFound`."""
    batch = bulk_jobs.find(connection, site_id, batch_id)
    if batch is None:
        raise NotFound("There is no such bulk action.")
    return State(
        batch,
        bulk_jobs.progress(connection, batch_id),
        bulk_jobs.undone_by(connection, batch_id),
    )


class Results(NamedTuple):
    """A page of a batch's outcomes, by number, and its replies skipped because they changed.

    `next_after` is the number after which the next page begins, None on the last page.
    """

    state: State
    outcomes: list[tuple[int, bulk_jobs.Outcome]]
    changed: dict[str, Queued]
    next_after: int | None


def results(db: Database, batch_id: int, *, after: int, limit: int, everything: bool) -> Results:
    """Return up to `limit` outcomes after number `after`: all, or only those that are not done.

    Raises `NotFound`.
    """
    with db.read() as connection:
        site_id = the_site(connection).id
        state = state_of(connection, site_id, batch_id)
        found = bulk_jobs.outcomes(
            connection, batch_id, after=after, limit=limit + 1, all_of_them=everything
        )
        shown = found[:limit]
        changed = [one.comment for _, one in shown if _left_out(one)]
        return Results(
            state,
            shown,
            queue.find_all(connection, site_id, changed),
            shown[-1][0] if len(found) > limit else None,
        )


def _left_out(one: bulk_jobs.Outcome) -> bool:
    undone = one.result not in (None, bulk_jobs.DONE)
    return undone and (one.changed or one.result == bulk_drafts.CHANGED)
