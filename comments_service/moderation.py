"""The verbs: submit, approve, mark as spam, trash, undo. Each is one transaction.

A transaction writes the change, its entry in the audit log, and the next number of the site's
sequence, which becomes the revision of a discussion whose public face changed.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from comments_service import markup, privacy
from comments_service.draft import (
    BIDI_CONTROLS,
    ENTER_COMMENT,
    FIELDS,
    PARENT_GONE,
    Draft,
    Refused,
    shows_address,
    visible,
)
from comments_service.errors import Conflict, Forbidden, NotFound, ServiceError, Unavailable
from comments_service.ids import new_id
from comments_service.markup import Seen
from comments_service.store import comments, events, pages, sites
from comments_service.store.comments import NewComment, NewContact, Stored
from comments_service.store.database import Database
from comments_service.store.events import Event
from comments_service.store.pages import Page
from comments_service.store.sites import Site
from comments_service.tables import Origin, Status

# Why a reply waits, in the words that the queue shows.
REASONS = {
    "all": "Every reply waits for an editor",
    "disputed": "Two HTML parsers read its markup differently: look at the text, not only the page",
    "bidi": "It has characters that change the direction of the text around them",
    "own-address": "Its text contains its author's email address, so it cannot be published",
}

ACTIONS = {
    "approve": Status.APPROVED,
    "spam": Status.SPAM,
    "trash": Status.TRASH,
    "pending": Status.PENDING,
}
# What each action is called once it is done.
DONE = {
    "submit": "Submitted",
    "approve": "Approved",
    "spam": "Marked as spam",
    "trash": "Moved to trash",
    "pending": "Moved back to pending",
    "undo": "Undone",
}


class Actor(NamedTuple):
    """Who acts: a name for the log, and the editor's row id if it is one."""

    name: str
    editor_id: int | None = None


NO_SITE = "The database has no site; run: rejoinder migrate"
AUTHOR = Actor("the author")
COMMAND_LINE = Actor("command line")


class Submitted(NamedTuple):
    """A stored reply; `resent` when it was stored before and this was the same one again."""

    public_id: str
    resent: bool


class Submission(NamedTuple):
    """A reply that needs nothing any more but the database."""

    page_key: str
    draft: Draft
    rendered: markup.Rendered
    fingerprint: str
    reasons: list[str]
    now: datetime
    origin: Origin
    by_editor: bool


def prepare(
    secret: bytes,
    page_key: str,
    draft: Draft,
    *,
    now: datetime,
    origin: Origin = Origin.FORM,
    by_editor: bool = False,
) -> Submission:
    """Do what a submission needs before the database.

    Raises `Refused` if nothing would be seen of the text.
    """
    rendered = markup.render(draft.text)
    seen = markup.seen(rendered.html)
    # A lone ">" or "[](https://example.com)" is markup around nothing.
    if not visible(seen.text):
        raise Refused({"comment": ENTER_COMMENT}, _as_form(draft))
    return Submission(
        page_key,
        draft,
        rendered,
        _fingerprint(secret, page_key, draft),
        _reasons(draft, seen, rendered.disputed),
        now,
        origin,
        by_editor,
    )


def submit(
    db: Database,
    secret: bytes,
    page_key: str,
    draft: Draft,
    *,
    now: datetime,
    resend_window: timedelta,
    origin: Origin = Origin.FORM,
    by_editor: bool = False,
) -> Submitted:
    """Store a reply as pending and return its public id.

    Raises `NotFound` (no such page), `Forbidden` (the page takes no replies) or `Refused` (the
    reply that it answers is not public, or nothing would be seen of the text).
    """
    one = prepare(secret, page_key, draft, now=now, origin=origin, by_editor=by_editor)
    answer = submit_all(db, [one], resend_window=resend_window)[0]
    if isinstance(answer, Exception):
        raise answer
    return answer


def submit_all(
    db: Database, batch: Sequence[Submission], *, resend_window: timedelta
) -> list[Submitted | Exception]:
    """Store the replies that came at the same time in one transaction, each with its own event.

    Answers in the order of `batch`. What is wrong with one of them is its own answer and nobody
    else's; when the database refuses what is in the transaction, each is tried alone.
    """
    try:
        with db.write() as connection:
            return _submit_all(connection, batch, resend_window)
    except Unavailable as error:
        # Trying one by one would only make everybody wait once for each.
        return [error] * len(batch)
    except Exception as error:
        if len(batch) == 1:
            return [error]
        # Whichever of them did reach the disk is found again as a resend.
        return [submit_all(db, [one], resend_window=resend_window)[0] for one in batch]


def _submit_all(
    connection: Connection, batch: Sequence[Submission], resend_window: timedelta
) -> list[Submitted | Exception]:
    # The lock makes the look for resends safe against a double click.
    site = sites.lock(connection)
    if site is None:
        raise NotFound(NO_SITE)
    # PostgreSQL refuses NUL in a text; no key has a control character.
    keys = {one.page_key for one in batch if one.page_key.isprintable()}
    known = pages.find_all(connection, site.id, keys)
    since = min(one.now for one in batch) - resend_window
    first = comments.find_resends(connection, {one.fingerprint for one in batch}, since)
    answers: list[Submitted | Exception] = []
    new: list[tuple[NewComment, NewContact]] = []
    for one in batch:
        try:
            page = taking_replies(known.get(one.page_key))
            if one.fingerprint in first:
                answers.append(Submitted(first[one.fingerprint], resent=True))
                continue
            reply = _new_comment(connection, site, page, one)
        except ServiceError as error:
            answers.append(error)
            continue
        new.append((reply, NewContact(one.draft.email, one.fingerprint)))
        first[one.fingerprint] = reply.public_id
        answers.append(Submitted(reply.public_id, resent=False))
    if new:
        keys_by_id = {page.id: page.key for page in known.values()}
        numbers = sites.next_numbers(connection, site.id, len(new))
        comments.add(connection, new)
        events.add_all(
            connection,
            site.id,
            [
                Event(
                    number,
                    reply.submitted_at,
                    AUTHOR.name,
                    "submit",
                    reply.public_id,
                    keys_by_id[reply.page_id],
                    None,
                    {"status": Status.PENDING},
                    None,
                )
                for number, (reply, _) in zip(numbers, new, strict=True)
            ],
        )
    return answers


def _new_comment(connection: Connection, site: Site, page: Page, one: Submission) -> NewComment:
    draft, parent_id = one.draft, None
    if draft.parent is not None:
        parent = comments.find_public(connection, page.id, draft.parent)
        if parent is None:
            raise Refused({"parent": PARENT_GONE}, {**_as_form(draft), "parent": ""})
        parent_id = parent.id
    return NewComment(
        public_id=new_id(one.now),
        site_id=site.id,
        page_id=page.id,
        parent_id=parent_id,
        status=Status.PENDING,
        author_name=draft.name,
        author_url=draft.url,
        by_editor=one.by_editor,
        text=draft.text,
        html=one.rendered.html,
        markup_version=markup.VERSION,
        reasons=one.reasons,
        origin=one.origin,
        submitted_at=one.now,
    )


def decide(
    db: Database, public_id: str, action: str, *, by: Actor, expected: str, now: datetime
) -> Event:
    """Move a reply to another state and return the entry of the log that can undo it.

    `expected` is the state that the editor saw. Raises `Conflict` when it has another one by now,
    saying who did what, and `NotFound` for an unknown reply or action.
    """
    if action not in ACTIONS:
        raise NotFound(f"There is no action called “{action}”.")
    with db.write() as connection:
        site = the_site(connection)
        entry = _move(
            connection,
            site,
            public_id,
            ACTIONS[action],
            action,
            by=by,
            expected=expected,
            now=now,
            undoes=None,
        )
    _announce(db, entry)
    return entry


def undo(db: Database, number: int, *, by: Actor, now: datetime) -> Event:
    """Give the reply of that log entry the state it had before; return the new entry.

    Raises `Conflict` when something else was done to the reply since, and `NotFound` when there is
    no such entry or nothing in it to undo. An undo can itself be undone.
    """
    with db.write() as connection:
        site = the_site(connection)
        done = events.find(connection, site.id, number)
        if done is None or done.comment is None or not done.before or not done.after:
            raise NotFound("There is nothing to undo there.")
        last = events.last_of(connection, done.comment)
        if last is not None and last.seq != done.seq:
            raise Conflict(_told(last))
        entry = _move(
            connection,
            site,
            done.comment,
            Status(done.before["status"]),
            "undo",
            by=by,
            expected=done.after["status"],
            now=now,
            undoes=done.seq,
        )
    _announce(db, entry)
    return entry


class Removed(NamedTuple):
    """How many samples are gone, and how many real replies went with them."""

    samples: int
    answers: int


def remove_demo(db: Database, *, by: Actor, now: datetime) -> Removed:
    """Delete every sample reply and what answers it, for good."""
    with db.write() as connection:
        site = the_site(connection)
        gone = comments.remove_origin(connection, site.id, Origin.DEMO)
        for page_id in sorted({one.page_id for one in gone}):
            here = [one for one in gone if one.page_id == page_id]
            number = sites.next_number(connection, site.id)
            if any(one.public for one in here):
                pages.set_revision(connection, page_id, number)
            entry = Event(
                number, now, by.name, "remove-demo", None, None, {"replies": len(here)}, None, None
            )
            events.add(connection, site.id, entry, editor_id=by.editor_id)
    if any(one.public for one in gone):
        db.announce()
    samples = sum(1 for one in gone if one.origin == Origin.DEMO)
    return Removed(samples, len(gone) - samples)


def the_site(connection: Connection) -> Site:
    """Return the site; there is one on every service so far, made by the first migration."""
    found = sites.find(connection)
    if found is None:
        raise NotFound(NO_SITE)
    return found


def open_page(connection: Connection, site: Site, key: str) -> Page:
    """Return the page if it takes replies; raises `NotFound` or `Forbidden` otherwise."""
    # PostgreSQL refuses NUL in a text; no key has a control character.
    return taking_replies(pages.find(connection, site.id, key) if key.isprintable() else None)


def taking_replies(page: Page | None) -> Page:
    """Return the page if it takes replies; raises `NotFound` or `Forbidden` otherwise."""
    if page is None or not page.registered:
        raise NotFound("There is no article here that takes replies.")
    if not page.open:
        raise Forbidden(f"Replies to “{page.title}” are closed.")
    return page


def _move(
    connection: Connection,
    site: Site,
    public_id: str,
    to: Status,
    action: str,
    *,
    by: Actor,
    expected: str,
    now: datetime,
    undoes: int | None,
) -> Event:
    # The number first: its lock keeps the state that is read next until this commits.
    number = sites.next_number(connection, site.id)
    reply = comments.find(connection, site.id, public_id)
    if reply is None:
        raise NotFound("That reply does not exist.")
    if reply.status != expected or reply.status == to:
        last = events.last_of(connection, public_id)
        raise Conflict(_told(last) if last else f"The reply is {reply.status} already.")
    if to == Status.APPROVED:
        _check_private(connection, reply)
    comments.set_status(connection, reply.id, to)
    if to == Status.APPROVED:
        comments.give_slot(connection, reply.id)
    if Status.APPROVED in (reply.status, to):
        pages.set_revision(connection, reply.page_id, number)
    entry = Event(
        number,
        now,
        by.name,
        action,
        public_id,
        reply.page_key,
        {"status": reply.status},
        {"status": to.value},
        undoes,
    )
    events.add(connection, site.id, entry, editor_id=by.editor_id)
    return entry


def _check_private(connection: Connection, reply: Stored) -> None:
    """Raise `Conflict` when publishing the reply would publish somebody's address."""
    fields = {"name": reply.author_name, "website": reply.author_url, "text": reply.html}
    for field, shown in fields.items():
        asked = privacy.candidates(shown)
        own = field == "text" and "own-address" in reply.reasons
        if own or (asked and privacy.private(connection, asked)):
            whose = "its author's" if own else "a reader's"
            raise Conflict(
                f"This reply cannot be approved: its {field} contains {whose} email address, or a "
                "hash of one, and no page may show that."
            )


def _announce(db: Database, entry: Event) -> None:
    states = {(entry.before or {}).get("status"), (entry.after or {}).get("status")}
    if Status.APPROVED in states:
        db.announce()


def _told(last: Event) -> str:
    state = (last.after or {}).get("status", "as it was")
    return (
        f"{last.actor} was here first: {DONE.get(last.action, last.action).lower()} at "
        f"{last.at:%H:%M:%S} UTC, so the reply is {state} now. Nothing was changed by you."
    )


def _reasons(draft: Draft, seen: Seen, disputed: bool) -> list[str]:
    # Typed and shown: `&#64;` is an @ only once it is rendered.
    texts = (draft.text, seen.text, *seen.links)
    reasons = ["all"]
    if disputed:
        reasons.append("disputed")
    if any(BIDI_CONTROLS.intersection(text) for text in texts):
        reasons.append("bidi")
    if any(shows_address(text, draft.email) for text in texts):
        reasons.append("own-address")
    return reasons


def _as_form(draft: Draft) -> Mapping[str, str]:
    values = (draft.text, draft.name, draft.email, draft.url or "", draft.parent or "")
    return dict(zip(FIELDS, values, strict=True))


def _fingerprint(secret: bytes, page_key: str, draft: Draft) -> str:
    parts = (page_key, draft.parent or "", draft.name, draft.email.casefold(), draft.text)
    # Length-prefixed, so that no two different replies can run together into the same bytes.
    message = b"".join(
        len(data).to_bytes(4, "big") + data for data in (part.encode() for part in parts)
    )
    return hmac.new(secret, b"resend:" + message, hashlib.sha256).hexdigest()
