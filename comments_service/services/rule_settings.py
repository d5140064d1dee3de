"""Operations of the settings page: show and save rules, preview them, add and lift bans."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from comments_service.domain import bans
from comments_service.domain.actor import Actor
from comments_service.domain.content_token import content_token, number_in
from comments_service.domain.errors import Conflict, NotFound
from comments_service.domain.models import Ban
from comments_service.domain.rules import Rules
from comments_service.services import rule_preview, site_rules
from comments_service.services.pages import the_site
from comments_service.services.rule_preview import Replay
from comments_service.store import events
from comments_service.store import rules as store
from comments_service.store.database import Database
from comments_service.store.events import Event


class InForce(NamedTuple):
    """The rules with their version, and a page of bans, newest first.

    `next_ban` is the id before which the next page begins, None on the last page. `done` is the
    requested event, if it changed rules or bans.
    """

    rules: Rules
    version: int
    bans: list[Ban]
    next_ban: int | None
    done: Event | None

    @property
    def token(self) -> str:
        """The version of the rules with a hash of them, for the form that changes them."""
        return _token(self.version, self.rules)


def in_force(
    db: Database, *, now: datetime, before: int | None, limit: int, done: int | None
) -> InForce:
    """Return the rules, and up to `limit` bans with an id below `before`."""
    with db.read() as connection:
        site = the_site(connection)
        book = site_rules.in_force(connection, site)
        found = store.bans_in_force(connection, site.id, now, before=before, limit=limit + 1)
        entry = events.find(connection, site.id, done) if done is not None else None
    shown = found[:limit]
    return InForce(
        book.rules,
        book.version,
        shown,
        shown[-1].id if len(found) > limit else None,
        entry if entry is not None and site_rules.knows(entry) else None,
    )


def save(db: Database, proposed: Rules, *, shown: str, by: Actor, now: datetime) -> Event | None:
    """Save rules; returns None if they are the same.

    `shown` is the token of the rules on the editor's page. Raises `Conflict` if others are in
    force by now.
    """
    with db.write() as connection:
        site = the_site(connection)
        book = site_rules.in_force(connection, site)
        # No version is -1, so that an outdated form, or one without a version, changes nothing.
        seen = book.version if shown == _token(book.version, book.rules) else -1
        return site_rules.save(connection, site, proposed, version=seen, by=by, now=now)


def _token(version: int, rules: Rules) -> str:
    return content_token(version, rules.model_dump(mode="json"))


def try_on_past(db: Database, proposed: Rules, *, most: int, now: datetime) -> Replay:
    """Return what the rules would have decided about the last `most` replies."""
    with db.read() as connection:
        return rule_preview.replay(connection, the_site(connection), proposed, most=most, now=now)


def add_ban(db: Database, form: Mapping[str, str], *, by: Actor, now: datetime) -> Event:
    """Store the ban of a form; raises `Invalid`, by field, or `Conflict`."""
    new = bans.parse(form, now=now)
    with db.write() as connection:
        return site_rules.ban(connection, the_site(connection), new, by=by, now=now)


def lift_ban(db: Database, token: str, *, by: Actor, now: datetime) -> Event:
    """Lift the ban with that token (`Ban.token`); raises `NotFound` or `Conflict`."""
    with db.write() as connection:
        site = the_site(connection)
        number = number_in(token)
        ban = store.find_ban(connection, site.id, number) if number is not None else None
        if ban is None:
            raise NotFound("There is no such ban.")
        if ban.token != token:
            raise Conflict("This page shows another ban under that number. Reload the page.")
        return site_rules.lift(connection, site, ban.id, by=by, now=now)
