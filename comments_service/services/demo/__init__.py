"""Sample replies for trying the system; they use the same services as real replies."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from comments_service.domain import actor, comment_form
from comments_service.domain.errors import NotFound
from comments_service.domain.models import Origin
from comments_service.services import moderation, submission
from comments_service.services.pages import the_site
from comments_service.store import pages
from comments_service.store.database import Database

FILE = Path(__file__).parent / "replies.json"
# The moderation action that leads to each status of a sample.
_ACTIONS = {"approved": "approve", "spam": "spam", "trash": "trash"}


def fill(db: Database, secret: bytes, *, now: datetime) -> int:
    """Add the sample replies to the registered pages; return how many were new.

    Running it again adds nothing. Raises `NotFound` if no page of the samples is registered.
    """
    samples: list[dict[str, Any]] = json.loads(FILE.read_text("utf-8"))
    open_keys = _open_pages(db, {sample["page"] for sample in samples})
    if not open_keys:
        raise NotFound("There are no articles to reply to yet; run: rejoinder build")
    ids: dict[str, str] = {}
    added = 0
    # Oldest first, because an answer needs its parent.
    for sample in sorted(samples, key=lambda item: -item["hours_ago"]):
        if sample["page"] not in open_keys:
            continue
        if sample["parent"] is not None and sample["parent"] not in ids:
            continue
        at = now - timedelta(hours=sample["hours_ago"])
        form = {
            "comment": sample["comment"],
            "author": sample["author"],
            "email": sample["email"],
            "url": sample["url"],
            "parent": ids[sample["parent"]] if sample["parent"] else "",
        }
        stored = submission.submit(
            db,
            secret,
            sample["page"],
            comment_form.check(form),
            now=at,
            # Unlimited, so that a sample is never added twice.
            resend_window=timedelta(days=36_500),
            origin=Origin.DEMO,
            by_editor=sample["editor"],
        )
        ids[sample["ref"]] = stored.public_id
        if stored.resent:
            continue
        added += 1
        if action := _ACTIONS.get(sample["status"]):
            moderation.decide(
                db,
                stored.public_id,
                action,
                by=actor.COMMAND_LINE,
                expected="pending",
                # The version of a reply that was just submitted.
                version=0,
                now=at + timedelta(minutes=20),
            )
    return added


def _open_pages(db: Database, keys: set[str]) -> set[str]:
    with db.read() as connection:
        site = the_site(connection)
        found = (pages.find(connection, site.id, key) for key in keys)
        return {page.key for page in found if page is not None and page.registered and page.open}
