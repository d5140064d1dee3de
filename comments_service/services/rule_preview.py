"""Preview of unsaved rules: replays them on past replies and reports the differences.

Uses the same function as for new replies (`site_rules.weigh`), with the current bans.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from comments_service.domain import markup
from comments_service.domain.actor import RULES
from comments_service.domain.models import Status
from comments_service.domain.rules import CHECKS, Facts, Rules, Verdict
from comments_service.services import site_rules
from comments_service.services.site_rules import Case
from comments_service.store import events
from comments_service.store import rules as store
from comments_service.store.events import Event
from comments_service.store.rules import Past
from comments_service.store.sites import Site

SIZES = (2_000, 10_000)
MOST_SHOWN = 50
# Statuses that rules can set, in the order of the table.
OUTCOMES = (Status.APPROVED, Status.PENDING, Status.SPAM)
_REJECTED = (Status.SPAM, Status.TRASH)


class Change(NamedTuple):
    """A reply with another result than before. `editors` is the editors' decision, if any."""

    public_id: str
    author_name: str
    page_title: str
    submitted_at: datetime
    was: Status
    now: Status
    reasons: list[str]
    editors: Status | None


class Row(NamedTuple):
    """A row of the table: number of replies with this outcome before and by the proposed rules.

    `approved`, `rejected` and `waiting` divide `proposed` by the editors' decisions.
    """

    outcome: Status
    before: int
    proposed: int
    approved: int
    rejected: int
    waiting: int


class Replay(NamedTuple):
    """Result of a replay. Rules and editors both decided `decided` replies, `agreed` alike."""

    total: int
    rows: list[Row]
    changed: int
    changes: list[Change]
    agreed: int
    decided: int


def replay(
    connection: Connection, site: Site, proposed: Rules, *, most: int, now: datetime
) -> Replay:
    """Return the results of the proposed rules for the last `most` replies; stores nothing."""
    past = store.past(connection, site.id, most)
    done = events.of_comments(connection, [one.public_id for one in past])
    verdicts = judge_past(connection, site, proposed, past, done, now=now)
    changes: list[Change] = []
    changed = agreed = decided = 0
    before: Counter[Status] = Counter()
    made: Counter[tuple[Status, str]] = Counter()
    for one, verdict in zip(past, verdicts, strict=True):
        entries = done.get(one.public_id, [])
        was, editors = _at_once(entries), _by_editors(one, entries)
        before[was] += 1
        made[verdict.status, _kind(editors)] += 1
        if verdict.status != Status.PENDING and editors is not None:
            decided += 1
            agreed += (verdict.status == Status.APPROVED) == (editors == Status.APPROVED)
        if verdict.status != was:
            changed += 1
            if len(changes) < MOST_SHOWN:
                changes.append(
                    Change(
                        one.public_id,
                        one.author_name,
                        one.page_title,
                        one.submitted_at,
                        was,
                        verdict.status,
                        verdict.reasons,
                        editors,
                    )
                )
    rows = [_row(outcome, before, made) for outcome in OUTCOMES]
    return Replay(len(past), rows, changed, changes, agreed, decided)


def judge_past(
    connection: Connection,
    site: Site,
    proposed: Rules,
    past: Sequence[Past],
    done: dict[str, list[Event]],
    *,
    now: datetime,
) -> list[Verdict]:
    """Return the verdicts of the rules for the original text of each reply, with current bans.

    An author is trusted if the address was confirmed for this reply and had an earlier approved
    reply.
    """
    book = site_rules.in_force(connection, site)._replace(rules=proposed)
    asked = [(one.email, one.verified_at is not None, one.submitted_at) for one in past]
    trusted = site_rules.trusted(connection, site, proposed, asked)
    cases = []
    for one, known in zip(past, trusted, strict=True):
        facts = as_it_came(one, done.get(one.public_id, []))._replace(trusted=known)
        cases.append(Case(facts, one.email, one.network, now))
    return site_rules.weigh(connection, book, cases)


def as_it_came(one: Past, entries: Sequence[Event]) -> Facts:
    """Return the facts of a reply as it was submitted, before any edit."""
    text, html = one.text, one.html
    edits = [entry for entry in entries if entry.before and "text" in entry.before]
    if edits:
        text = (edits[0].before or {})["text"]
        html = markup.render(text).html
    seen = markup.seen(html)
    checks = [check for check in CHECKS if check in one.reasons]
    return Facts(text, one.author_name, one.author_url, html, seen.text, seen.links, checks)


def _at_once(entries: Sequence[Event]) -> Status:
    """Return the status that the rules gave the reply when it was submitted."""
    first = entries[0] if entries else None
    if first is not None and first.actor == RULES.name and first.after:
        return Status(first.after.get("status", Status.PENDING))
    return Status.PENDING


def _by_editors(one: Past, entries: Sequence[Event]) -> Status | None:
    """Return the status that editors gave the reply, or None if they did not decide."""
    if one.status == Status.PENDING:
        return None
    last = next((entry for entry in reversed(entries) if "status" in (entry.after or {})), None)
    return None if last is None or last.actor == RULES.name else Status(one.status)


def _kind(editors: Status | None) -> str:
    if editors is None:
        return "waiting"
    return "rejected" if editors in _REJECTED else "approved"


def _row(outcome: Status, before: Counter[Status], made: Counter[tuple[Status, str]]) -> Row:
    kinds = {kind: made[outcome, kind] for kind in ("approved", "rejected", "waiting")}
    return Row(outcome, before[outcome], sum(kinds.values()), **kinds)
