"""A bulk action on all that match: counted first, then confirmed for exactly what was counted.

Counting stores the replies as a draft of the editor. Confirming never runs the filter again: what
matches then may be something else, for more reasons than the log of changes can tell.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from comments_service.domain.actor import Actor
from comments_service.domain.errors import Conflict, NotFound
from comments_service.domain.ids import new_id
from comments_service.services.moderation import ACTIONS
from comments_service.services.pages import the_site
from comments_service.store import bulk_drafts as store
from comments_service.store import queue, sites
from comments_service.store.bulk_drafts import Draft
from comments_service.store.bulk_jobs import Batch
from comments_service.store.database import Database
from comments_service.store.queue import Filter

# Replies of one bulk action.
MOST = 200_000
LIFE = timedelta(hours=1)
# Unconfirmed and just confirmed drafts of one editor: enough for a few tabs.
KEPT = 5
EVERY_SECONDS = 600
CHANGED = "It was changed after you were shown the number. Nothing was done with it."


class Count(NamedTuple):
    """How many replies the action is for, and what confirms it; "" where nothing can be done."""

    matching: int
    token: str


def count(
    db: Database, action: str, what: Filter, *, in_words: str, by: Actor, now: datetime
) -> Count:
    """Store what matches as a draft of this editor and return how many replies it has.

    Replies that are in the action's state already are left out. Where more than `MOST` match,
    nothing is stored, and the count is `MOST` + 1. Raises `NotFound` for an unknown action.
    """
    if action not in ACTIONS:
        raise NotFound(f"There is no action called “{action}” for many replies.")
    with db.read() as connection:
        site = the_site(connection)
        # Before the lock: what is refused should keep nobody waiting.
        if queue.count(connection, site.id, what, most=MOST + 1) > MOST:
            return Count(MOST + 1, "")
    with db.write() as connection:
        number = sites.last_number(connection, site.id)
        new = Draft(
            id=0,
            token=new_id(now),
            editor_id=by.editor_id or 0,
            action=action,
            chosen=in_words[:500],
            counted_at=number,
            expires_at=now + LIFE,
            batch_id=None,
        )
        matching = store.add(connection, site.id, new, what, without=ACTIONS[action], most=MOST)
        for draft_id in store.surplus(connection, by.editor_id, KEPT):
            store.remove(connection, draft_id)
    return Count(matching, new.token if matching else "")


def confirm(db: Database, token: str, *, by: Actor, now: datetime) -> int:
    """Begin the action on what the editor counted; return the batch.

    Confirming twice begins one batch. Raises `Conflict` when the draft is unknown, another
    editor's or expired, or when all its replies were erased.
    """
    with db.write() as connection:
        site = the_site(connection)
        draft = store.find(connection, site.id, token, by.editor_id)
        if draft is not None and draft.batch_id is not None:
            return draft.batch_id
        if draft is None or draft.expires_at <= now:
            raise Conflict(
                "This count has expired, so nothing was done. Go back and count the replies again."
            )
        new = Batch(0, draft.action, by.name, draft.chosen, now, None, 0, None)
        batch_id = store.confirm(connection, site.id, draft, new, if_changed=CHANGED)
        if not batch_id:
            raise Conflict("These replies were all erased. Nothing was done.")
    return batch_id


def remove_expired(db: Database, *, now: datetime) -> None:
    """Delete the drafts that nobody can confirm any more; writes nothing when there are none."""
    with db.read() as connection:
        expired = store.expired(connection, now)
    for draft_id in expired:
        # One transaction each: readers' replies get their turn in between.
        with db.write() as connection:
            store.remove(connection, draft_id)
