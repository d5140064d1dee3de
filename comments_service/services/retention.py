"""Daily retention tasks: delete stored networks, close old discussions, lift expired bans."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection

from comments_service.domain import ip_prefix
from comments_service.domain.actor import RULES
from comments_service.domain.errors import Conflict, NotFound
from comments_service.domain.rules import Rules
from comments_service.services import moderation, site_rules
from comments_service.services.pages import the_site
from comments_service.store import contacts, events, pages
from comments_service.store import rules as store
from comments_service.store.database import Database

# Rows per transaction; few, so that other writers do not wait long.
_AT_ONCE = 200


def keep_up(db: Database, *, now: datetime) -> None:
    """Run all retention tasks; writes nothing if there is nothing to do."""
    with db.read() as connection:
        rules = site_rules.in_force(connection, the_site(connection)).rules
    _forget_networks(db, rules, now)
    _close_discussions(db, rules, now)
    _lift_bans(db, now)


def _forget_networks(db: Database, rules: Rules, now: datetime) -> None:
    """Shorten or delete stored networks by the current rules, also those of older replies."""
    if rules.keep_network == "none":
        _shorten(db, lambda _known: None)
        return
    old = now - timedelta(days=rules.network_days)
    _shorten(db, lambda _known: None, submitted_before=old)
    if rules.keep_network == "prefix":
        _shorten(db, lambda known: ip_prefix.kept(known, "prefix"), full_only=True)


def _shorten(
    db: Database,
    how: Callable[[str], str | None],
    *,
    submitted_before: datetime | None = None,
    full_only: bool = False,
) -> None:
    while True:
        with db.read() as connection:
            due = contacts.with_network(
                connection,
                submitted_before=submitted_before,
                full_only=full_only,
                limit=_AT_ONCE,
            )
        if not due:
            return
        with db.write() as connection:
            for comment_id, known in due:
                contacts.set_network(connection, comment_id, how(known))


def _close_discussions(db: Database, rules: Rules, now: datetime) -> None:
    if rules.close_after_days is None:
        return
    until = now - timedelta(days=rules.close_after_days)
    with db.read() as connection:
        site = the_site(connection)
        due = [
            key
            for key in pages.published_until(connection, site.id, until)
            if not _taken_back(connection, key)
        ]
    for key in due:
        try:
            with db.write() as connection:
                moderation.open_or_close(connection, site, key, False, by=RULES, now=now)
        except (Conflict, NotFound):
            # An editor closed it, or a build unregistered the page, in the meantime.
            continue
    if due:
        db.announce()


def _taken_back(connection: Connection, key: str) -> bool:
    """Return whether an editor undid the closing, so that the rule must not repeat it."""
    last = events.last_of_page(connection, key)
    return last is not None and last.action == "undo"


def _lift_bans(db: Database, now: datetime) -> None:
    with db.read() as connection:
        site = the_site(connection)
        due = store.ended_bans(connection, site.id, now)
    for ban in due:
        try:
            with db.write() as connection:
                site_rules.lift(connection, site, ban.id, by=RULES, now=now)
        except (Conflict, NotFound):
            continue
