"""The editors' page of the outbox: list mails, retry them, delete failed ones."""

from datetime import datetime
from typing import NamedTuple

from comments_service.domain.errors import NotFound
from comments_service.services.pages import the_site
from comments_service.store import outbox
from comments_service.store.database import Database
from comments_service.store.outbox import Listed, State


class Overview(NamedTuple):
    """Number of mails by state, the latest mails by state, and an alert if sending fails."""

    counts: dict[str, int]
    lists: dict[str, list[Listed]]
    trouble: str | None


def overview(db: Database, *, limit: int, now: datetime) -> Overview:
    """Return the overview, with up to `limit` mails of each state."""
    with db.read() as connection:
        site = the_site(connection)
        order = (State.FAILED, State.WAITING, State.SENT)
        return Overview(
            outbox.counts(connection, site.id),
            {one.value: outbox.listed(connection, site.id, one, limit=limit) for one in order},
            outbox.trouble(connection, now=now),
        )


def retry(db: Database, mail_id: int | None, *, now: datetime) -> None:
    """Schedule a mail, or (None) all waiting and failed ones, for now; raises `NotFound`."""
    with db.write() as connection:
        changed = outbox.retry(connection, the_site(connection).id, mail_id, now=now)
    _check(changed, mail_id)


def forget(db: Database, mail_id: int) -> None:
    """Delete a failed mail; raises `NotFound`."""
    with db.write() as connection:
        changed = outbox.forget(connection, the_site(connection).id, mail_id)
    _check(changed, mail_id)


def _check(changed: int, mail_id: int | None) -> None:
    if not changed and mail_id is not None:
        raise NotFound("This mail was sent meanwhile, is being sent just now, or was forgotten.")
