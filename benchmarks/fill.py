"""Writes many replies at once, for benchmarks: what is stored is as the verbs would store it."""

import random
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, select

from comments_service.domain import markup
from comments_service.domain.ids import new_id
from comments_service.domain.models import Origin, Status
from comments_service.services import reply_versions
from comments_service.services.pages import the_site
from comments_service.store import comments, pages, sites
from comments_service.store.comments import NewComment, NewContact
from comments_service.store.database import Database
from comments_service.store.tables import page

BATCH = 500


def fill(url: str, *, replies: int, pending: int) -> list[tuple[str, str]]:
    """Give each registered page `replies` approved replies; add `pending` over random pages.

    Returns (public id, page key) of the pending ones. Every third reply answers an earlier one.
    """
    chance = random.Random(replies)
    start = datetime.now(UTC) - timedelta(days=30)
    db = Database(url)
    waiting: list[tuple[str, str]] = []
    with db.read() as connection:
        keys = [(row.id, row.key) for row in connection.execute(select(page.c.id, page.c.key))]
    for begin in range(0, len(keys), BATCH):
        with db.write() as connection:
            site = the_site(connection)
            for page_id, _ in keys[begin : begin + BATCH]:
                ids: list[int] = []
                for number in range(replies):
                    parent = chance.choice(ids) if number % 3 == 2 else None
                    at = start + timedelta(minutes=number)
                    new = _reply(site.id, page_id, parent, at, Status.APPROVED, chance)
                    ids.append(_add(connection, new))
                    comments.give_position(connection, ids[-1])
                pages.set_revision(connection, page_id, sites.next_number(connection, site.id))
    with db.write() as connection:
        site = the_site(connection)
        for page_id, key in chance.choices(keys, k=pending):
            at = start + timedelta(days=1)
            new = _reply(site.id, page_id, None, at, Status.PENDING, chance)
            _add(connection, new)
            waiting.append((new.public_id, key))
    db.close()
    return waiting


def version_tokens(url: str, public_ids: Collection[str]) -> dict[str, str]:
    """Return what a form carries as the version of each of the replies."""
    db = Database(url)
    with db.read() as connection:
        site = the_site(connection)
        found = {one: comments.find(connection, site.id, one) for one in public_ids}
    db.close()
    return {one: reply_versions.token(reply) for one, reply in found.items() if reply is not None}


def _reply(
    site_id: int,
    page_id: int,
    parent: int | None,
    at: datetime,
    status: Status,
    chance: random.Random,
) -> NewComment:
    text = f"Reply {chance.randrange(10**9)}: " + "some words that somebody typed. " * 8
    return NewComment(
        public_id=new_id(at),
        site_id=site_id,
        page_id=page_id,
        parent_id=parent,
        status=status,
        author_name=f"Reader {chance.randrange(1000)}",
        author_url=None,
        by_editor=False,
        text=text,
        html=f"<p>{text}</p>\n",
        markup_version=markup.VERSION,
        reasons=["all"],
        origin=Origin.FORM,
        submitted_at=at,
    )


def _add(connection: Connection, new: NewComment) -> int:
    who = NewContact(f"{new.public_id}@example.org", fingerprint="")
    return comments.add(connection, [(new, who)])[new.public_id]
