"""Bulk actions on all replies that match a filter: counted first, then confirmed.

Counting stores the replies as a draft of the editor. Confirming uses the draft and never runs the
filter again, because other replies may match by then.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from comments_service.domain.actor import Actor
from comments_service.domain.errors import Conflict, NotFound
from comments_service.domain.ids import new_id
from comments_service.domain.labels import ACTIONS
from comments_service.services.pages import the_site
from comments_service.store import bulk_drafts as store
from comments_service.store import queue, sites
from comments_service.store.bulk_drafts import Draft
from comments_service.store.bulk_jobs import Batch
from comments_service.store.database import Database
from comments_service.store.queue import Filter

# Replies that one bulk action can have.
MOST = 200_000
LIFE = timedelta(hours=1)
# Drafts, confirmed or not, that are kept for one editor: enough for a few browser tabs.
KEPT = 5
EVERY_SECONDS = 600
CHANGED = "It was changed after you were shown the number. Nothing was done with it."


class Count(NamedTuple):
    """Number of matching replies, and the token of the draft; "" if there is nothing to confirm."""

    matching: int
    token: str


def count(
    db: Database, action: str, what: Filter, *, in_words: str, by: Actor, now: datetime
) -> Count:
    """Store the matching replies as a draft of this editor; return their number.

    Replies that have the action's status already are left out. If more than `MOST` match, nothing
    is stored, and the count is `MOST` + 1. `in_words` describes the filter. Raises `NotFound` for
    an unknown action.
    """
    if action not in ACTIONS:
        raise NotFound(f"There is no action called “{action}” for many replies.")
    with db.read() as connection:
        site = the_site(connection)
        # Before the write transaction, so that a refused count blocks no writer.
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
    """Store the bulk action for the replies of a draft; return the id of the batch.

    Confirming again returns the same batch. Raises `Conflict` if the draft is unknown, another
    editor's or expired, or if all its replies were erased.
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
    """Delete expired drafts; writes nothing if there are none."""
    with db.read() as connection:
        expired = store.expired(connection, now)
    for draft_id in expired:
        # One transaction each, so that other writers need not wait for all of them.
        with db.write() as connection:
            store.remove(connection, draft_id)
