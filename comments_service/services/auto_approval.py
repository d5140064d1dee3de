"""Automatic approval of pending replies when their authors confirm the address."""

from datetime import datetime

from sqlalchemy import Connection

from comments_service.domain.actor import RULES
from comments_service.domain.errors import Conflict
from comments_service.domain.models import Status
from comments_service.services import moderation, rule_preview, site_rules
from comments_service.services.pages import the_site
from comments_service.store import contacts, events
from comments_service.store import rules as store
from comments_service.store.comments import CONTENT
from comments_service.store.events import Event
from comments_service.store.sites import Site


def verified(connection: Connection, public_id: str, *, now: datetime) -> bool:
    """Record that a reply's author confirmed the address, and approve the reply if rules allow.

    Returns whether a reply became public; the caller must call `announce` after the transaction
    then.
    """
    contacts.verify(connection, public_id, now)
    return reconsider(connection, the_site(connection), public_id, now=now) is not None


def reconsider(
    connection: Connection, site: Site, public_id: str, *, now: datetime
) -> Event | None:
    """Approve a reply by the rule that trusts known authors; return the event, or None.

    A reply that an editor has decided about or edited is not changed.
    """
    rules = site_rules.in_force(connection, site).rules
    if not rules.trust_verified:
        return None
    one = store.one_past(connection, site.id, public_id)
    if one is None or one.status != Status.PENDING or one.verified_at is None:
        return None
    done = events.of_comments(connection, [public_id])
    if any({"status", *CONTENT} & (entry.after or {}).keys() for entry in done.get(public_id, [])):
        return None
    [verdict] = rule_preview.judge_past(connection, site, rules, [one], done, now=now)
    if verdict.status != Status.APPROVED:
        return None
    try:
        return moderation.move(
            connection,
            site,
            public_id,
            "approve",
            by=RULES,
            expected=one.status,
            # The version that was judged above, so that a newer one is never published.
            version=one.version,
            now=now,
        )
    except Conflict:
        # It shows a reader's address. An editor sees that error when approving it.
        return None
