"""Actions of authors on their own replies: edit, remove, ask the editors.

Having a reply's private link proves to be its author. Each action is one transaction with an event
in the audit log, which editors can undo.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from urllib.parse import urljoin

from sqlalchemy import Connection

from comments_service.domain import comment_form
from comments_service.domain.actor import AUTHOR
from comments_service.domain.comment_form import Draft, Refused
from comments_service.domain.errors import Conflict, Invalid, NotFound, TooMany
from comments_service.domain.i18n import sentence
from comments_service.domain.models import Status
from comments_service.domain.publish_state import live_state
from comments_service.services import (
    email_confirmation,
    moderation,
    permalinks,
    reply_versions,
    site_rules,
    submission,
)
from comments_service.services.pages import the_site
from comments_service.services.reply_versions import Version
from comments_service.services.submission import Submission
from comments_service.store import comments, contacts, events, publishing, sites
from comments_service.store.comments import CONTENT, Stored
from comments_service.store.contacts import Given
from comments_service.store.database import Database
from comments_service.store.events import Event
from comments_service.store.sites import Site

KINDS = ("edit", "remove")
WORDS_MOST = 1_000
# Limit of author requests, because each one is an event in the append-only audit log.
ASKS_MOST = 10
ASKS_WITHIN = timedelta(days=1)

UNCHANGED = sentence("Change the text, or leave without saving")
GONE = sentence("This reply does not exist any more.")
DECIDED = sentence(
    "An editor decided about your reply since you opened this page: look at what became of it. "
    "Nothing was changed by you"
)
OTHER_TEXT = sentence(
    "Your reply has another text since you opened this page. "
    "Yours is kept: compare the two, then save it again"
)
PUBLISHED = sentence(
    "An editor published your reply since you opened this page. "
    "Your text is kept: save it again to send it to the editors"
)
TOO_LATE = sentence(
    "The time for changing this reply yourself is over. "
    "Your text is kept: ask the editors to change the reply"
)
ASKED_OFTEN = sentence("You have asked ten times within a day. Ask again tomorrow.")


class Standing(StrEnum):
    """The status of a reply as its author sees it."""

    PENDING = "pending"
    QUEUED = "queued"
    STALLED = "stalled"
    PUBLISHED = "published"
    LIVE = "live"
    SPAM = "spam"
    DECLINED = "declined"
    REMOVED = "removed"


class View(NamedTuple):
    """A reply as its author sees it.

    `open_until` is the end of the edit window, None if the author cannot change the reply. `place`
    and `article` are URLs; `parent` is the public id of the parent reply. `waits`: after an edit an
    editor has to approve the reply again, independent of the rules.
    """

    reply: Stored
    standing: Standing
    open_until: datetime | None
    place: str
    article: str
    parent: str | None
    waits: bool


def look(db: Database, public_id: str, *, site_url: str, window: timedelta, now: datetime) -> View:
    """Return what became of the reply; raises `NotFound`."""
    with db.read() as connection:
        reply = _find(connection, the_site(connection), public_id)
        until = reply.submitted_at + window
        changeable = reply.status in (Status.PENDING, Status.APPROVED) and now < until
        parent = None
        if reply.parent_id is not None:
            parent = comments.public_ids(connection, [reply.parent_id]).get(reply.parent_id)
        return View(
            reply=reply,
            standing=_standing(connection, reply),
            open_until=until if changeable else None,
            place=permalinks.url_of(connection, site_url, reply),
            article=urljoin(site_url, reply.page_url),
            parent=parent,
            waits=changeable and _is_editors(connection, reply),
        )


def edit(
    db: Database,
    secret: bytes,
    public_id: str,
    text: str,
    *,
    was: str,
    version: Version,
    client: str | None,
    author_cookie: str,
    window: timedelta,
    now: datetime,
) -> Event:
    """Change the text of the reply as its author.

    A published reply becomes pending unless the rules would publish the new text, and always if an
    editor has edited or pinned it. `client` is the IP address of the request. `author_cookie` shows
    that the browser has confirmed the address: the private link alone gives nobody the author's
    trust. `was` and `version` are the status and the version that the author saw. Raises `Refused`
    for an invalid text, and `Conflict` if the reply has changed or the edit window is over.
    """
    new = comment_form.check_text(text)
    with db.read() as connection:
        site = the_site(connection)
        seen, given = _find(connection, site, public_id), _given(connection, public_id)
        above = comments.public_ids(connection, [seen.parent_id] if seen.parent_id else [])
    # Rendered outside of the write transaction, so that no other writer waits for it.
    one = submission.prepare(
        secret,
        seen.page_key,
        Draft(
            new,
            seen.author_name,
            given.email,
            seen.author_url,
            above.get(seen.parent_id) if seen.parent_id else None,
        ),
        now=seen.submitted_at,
    )
    trusted = given.verified_at is not None and email_confirmation.is_known(
        secret, author_cookie, given.email, now
    )
    one = submission.sent_by(one, secret, client, verified=trusted)._replace(network=given.network)
    with db.write() as connection:
        site = the_site(connection)
        number, reply = moderation.take(connection, site, public_id)
        _check_same(reply, was=was, version=version)
        if seen.version != reply.version:
            # Changed after `one` was prepared: the rules would judge an outdated name or website.
            raise Conflict(OTHER_TEXT)
        _check_open(reply, window=window, now=now)
        if reply.text == new:
            raise Refused({"comment": UNCHANGED}, {"comment": new})
        after = {"text": new} | _judged(connection, site, reply, one, client)
        entry = moderation.change(
            connection, site, number, reply, after, "edit", version=version, by=AUTHOR, now=now
        )
        # So that posting the old text again is not taken for a resend of this reply.
        contacts.stand_for(connection, public_id, one.fingerprint)
    moderation.announce(db, entry, was_public=reply.status == Status.APPROVED)
    return entry


def remove(db: Database, public_id: str, *, was: str, window: timedelta, now: datetime) -> Event:
    """Move the reply to the trash as its author.

    Raises `Conflict` if an editor has decided about it, or the edit window is over.
    """
    with db.write() as connection:
        site = the_site(connection)
        number, reply = moderation.take(connection, site, public_id)
        if reply.status != was:
            raise Conflict(DECIDED)
        _check_open(reply, window=window, now=now)
        after: dict[str, Any] = {"status": Status.TRASH.value}
        if reply.author_request is not None:
            after["author_request"] = None
        entry = moderation.change(
            connection, site, number, reply, after, "remove", version=None, by=AUTHOR, now=now
        )
        contacts.stand_for(connection, public_id, "")
    moderation.announce(db, entry)
    return entry


def ask(db: Database, public_id: str, kind: str, words: str, *, now: datetime) -> Event | None:
    """Store an author request to edit or remove the reply; None if it has the same one already.

    Raises `Invalid` for a bad form, and `TooMany`.
    """
    words = comment_form.clean_words(words)
    problems = _problems(kind, words)
    if problems:
        raise Invalid(problems)
    with db.write() as connection:
        site = sites.lock(connection) or the_site(connection)
        current = _find(connection, site, public_id).author_request
        if current is not None and (current["kind"], current["words"]) == (kind, words):
            return None
        _check_asked(connection, public_id, now)
        number, reply = moderation.take(connection, site, public_id)
        request = {"kind": kind, "words": words, "at": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
        after = {"author_request": request}
        return moderation.change(
            connection, site, number, reply, after, "ask", version=None, by=AUTHOR, now=now
        )


def _check_asked(connection: Connection, public_id: str, now: datetime) -> None:
    """Raise `TooMany` if the reply has had `ASKS_MOST` author requests within `ASKS_WITHIN`."""
    times = events.latest_times(
        connection, public_id, "ask", since=now - ASKS_WITHIN, most=ASKS_MOST
    )
    if len(times) == ASKS_MOST:
        raise TooMany(times[-1] + ASKS_WITHIN, now, ASKED_OFTEN)


def _problems(kind: str, words: str) -> dict[str, str]:
    problems: dict[str, str] = {}
    if kind not in KINDS:
        problems["kind"] = sentence("Choose whether the reply should be changed or removed")
    if not words:
        problems["words"] = sentence("Enter what the editors should know")
    elif len(words) > WORDS_MOST:
        problems["words"] = sentence(
            "What the editors should know must be %(most)s characters or fewer; it has %(length)s",
            most=WORDS_MOST,
            length=len(words),
        )
    return problems


def _find(connection: Connection, site: Site, public_id: str) -> Stored:
    # Ids are alphanumeric, and PostgreSQL refuses NUL in a text.
    reply = comments.find(connection, site.id, public_id) if public_id.isalnum() else None
    if reply is None:
        raise NotFound(GONE)
    return reply


def _given(connection: Connection, public_id: str) -> Given:
    given = contacts.given(connection, public_id)
    if given is None:
        raise NotFound(GONE)
    return given


def _standing(connection: Connection, reply: Stored) -> Standing:
    if reply.status == Status.TRASH:
        last = events.last_with(connection, reply.public_id, {"status"})
        own = last is not None and last.action == "remove"
        return Standing.REMOVED if own else Standing.DECLINED
    if reply.status == Status.APPROVED:
        written, seen, stalled = publishing.reported(connection, reply.page_id)
        state = live_state(reply.revision, written, seen, stalled, reply.status)
        return Standing(state or Standing.QUEUED)
    return Standing.SPAM if reply.status == Status.SPAM else Standing.PENDING


def _check_same(reply: Stored, *, was: str, version: Version) -> None:
    if reply.status not in (Status.PENDING, Status.APPROVED):
        raise Conflict(DECIDED)
    if not reply_versions.is_current(reply, version):
        raise Conflict(OTHER_TEXT)
    if reply.status != was and reply.status == Status.APPROVED:
        raise Conflict(PUBLISHED)


def _check_open(reply: Stored, *, window: timedelta, now: datetime) -> None:
    if reply.status not in (Status.PENDING, Status.APPROVED):
        raise Conflict(DECIDED)
    if now >= reply.submitted_at + window:
        raise Conflict(TOO_LATE)


def _is_editors(connection: Connection, reply: Stored) -> bool:
    """Return whether an editor has edited or pinned the reply, so that edits need approval.

    An editor's edit counts forever. Otherwise the author could restore the old text after getting
    another one approved.
    """
    return reply.pinned or events.changed_by_others(
        connection, reply.public_id, CONTENT, than=AUTHOR.name
    )


def _judged(
    connection: Connection, site: Site, reply: Stored, one: Submission, client: str | None
) -> dict[str, Any]:
    """Return what else changes with the text: the hold reasons, and perhaps the status.

    An edit never publishes a pending reply, and never marks a reply as spam.
    """
    book = site_rules.in_force(connection, site)
    # Judged for the network that the reply came from, and for that of the edit.
    both = [one, one._replace(network=client)]
    verdicts = submission.judge(connection, site, book, both)
    passes = all(verdict.status == Status.APPROVED for verdict in verdicts)
    # Without duplicates.
    reasons = list(dict.fromkeys(reason for verdict in verdicts for reason in verdict.reasons))
    after: dict[str, Any] = {}
    if reply.status == Status.APPROVED and (not passes or _is_editors(connection, reply)):
        after["status"] = Status.PENDING.value
        reasons = [*reasons, "edited"]
    elif reply.status == Status.PENDING and passes:
        reasons = ["all"]
    if reasons != reply.reasons:
        after["reasons"] = list(reasons)
    return after
