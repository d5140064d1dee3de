"""Moderation actions of editors: approve, mark as spam, trash, edit, reply, pin, lock, close, undo.

Each is one transaction that writes the change and its event in the audit log, with the next number
of the site's sequence. If the change is public, that number becomes the discussion's revision.
Publishing requires the version that was read (`reply_versions.py`).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from comments_service.domain import comment_form, markup
from comments_service.domain.actor import AUTHOR, Actor
from comments_service.domain.comment_form import Refused
from comments_service.domain.content_token import number_in
from comments_service.domain.errors import AlreadyHandled, BadRequest, Conflict, NotFound
from comments_service.domain.ids import new_id
from comments_service.domain.labels import ACTIONS, said
from comments_service.domain.models import Origin, Status
from comments_service.services import privacy, reply_versions, site_rules
from comments_service.services.pages import the_site
from comments_service.services.reply_versions import Version
from comments_service.store import (
    bulk_drafts,
    comments,
    contacts,
    events,
    followers,
    notifications,
    outbox,
    pages,
    scrub,
    sites,
)
from comments_service.store.comments import CONTENT, NewComment, NewContact, Stored
from comments_service.store.database import Database
from comments_service.store.events import Event
from comments_service.store.sites import Site

# Maximum length of a decline reason in characters.
TOLD_MOST = 500


def decide(
    db: Database,
    public_id: str,
    action: str,
    *,
    by: Actor,
    expected: str,
    version: Version | None,
    now: datetime,
    decline_reason: str = "",
) -> Event:
    """Change the status of a reply; return the event, which can be undone.

    `expected` and `version` are the status and the version that the editor saw; `decline_reason`
    is for the author. Raises `Conflict` if the status has changed, with who did what, `Stale` if
    another version would be published, and `NotFound` for an unknown reply or action.
    """
    if action not in ACTIONS:
        raise NotFound(f"There is no action called “{action}”.")
    with db.write() as connection:
        entry = move(
            connection,
            the_site(connection),
            public_id,
            action,
            by=by,
            expected=expected,
            version=version,
            now=now,
            decline_reason=decline_reason,
        )
    announce(db, entry)
    return entry


def move(
    connection: Connection,
    site: Site,
    public_id: str,
    action: str,
    *,
    by: Actor,
    expected: str,
    version: Version | None,
    now: datetime,
    batch_id: int | None = None,
    decline_reason: str = "",
) -> Event:
    """Do what `decide` does, in a transaction of the caller."""
    number, reply = take(connection, site, public_id)
    to = ACTIONS[action]
    if reply.status != expected or reply.status == to:
        raise _somebody(connection, reply)
    after: dict[str, Any] = {"status": to.value}
    declined = to in (Status.SPAM, Status.TRASH)
    reason = (_for_author(decline_reason) or reply.decline_reason) if declined else None
    if reason != reply.decline_reason:
        after["decline_reason"] = reason
    if (
        to == Status.TRASH
        and reply.author_request is not None
        and reply.author_request["kind"] == "remove"
    ):
        after["author_request"] = None
    return change(
        connection,
        site,
        number,
        reply,
        after,
        action,
        version=version,
        by=by,
        now=now,
        batch_id=batch_id,
    )


def edit(
    db: Database, public_id: str, text: str, *, by: Actor, version: Version, now: datetime
) -> Event:
    """Change the text of a reply; the event has both texts.

    `version` is the version that the editor saw. Raises `Conflict` if the reply has another version
    now, and `Refused` for an invalid text.
    """
    new = comment_form.check_text(text)
    with db.write() as connection:
        site = the_site(connection)
        number, reply = take(connection, site, public_id)
        if not reply_versions.is_current(reply, version):
            last = events.last_of(connection, public_id, "edit", "undo")
            raise AlreadyHandled(_handled(last, reply))
        if reply.text == new:
            raise Refused({"comment": "Change the text, or cancel"}, {"comment": new})
        after = {"text": new}
        entry = change(
            connection, site, number, reply, after, "edit", version=version, by=by, now=now
        )
    announce(db, entry, was_public=reply.status == Status.APPROVED)
    return entry


def mark(db: Database, public_id: str, what: str, *, on: bool, by: Actor, now: datetime) -> Event:
    """Pin or lock a reply (`what`: "pinned" or "locked"); `on` False unpins or unlocks it."""
    if what not in {"pinned", "locked"}:
        raise NotFound(f"A reply cannot be {what}.")
    action = {"pinned": "pin", "locked": "lock"}[what]
    with db.write() as connection:
        site = the_site(connection)
        number, reply = take(connection, site, public_id)
        if getattr(reply, what) == on:
            raise Conflict(f"The reply is {what} already." if on else f"The reply is not {what}.")
        if what == "pinned" and on and reply.status != Status.APPROVED:
            raise Conflict("Only a reply that is published can be pinned; approve it first.")
        action = action if on else f"un{action}"
        entry = change(
            connection, site, number, reply, {what: on}, action, version=None, by=by, now=now
        )
    announce(db, entry, was_public=what == "locked" or reply.status == Status.APPROVED)
    return entry


def tell(db: Database, public_id: str, decline_reason: str, *, by: Actor, now: datetime) -> Event:
    """Store the decline reason for the author of a declined reply, shown on the status page."""
    with db.write() as connection:
        site = the_site(connection)
        number, reply = take(connection, site, public_id)
        if reply.status not in (Status.SPAM, Status.TRASH):
            raise Conflict("Only the author of a reply that is declined is told why.")
        after = {"decline_reason": _for_author(decline_reason)}
        if after["decline_reason"] == reply.decline_reason:
            raise Conflict("That is what its author is told already.")
        return change(connection, site, number, reply, after, "tell", version=None, by=by, now=now)


def settle(db: Database, public_id: str, *, asked: str | None, by: Actor, now: datetime) -> Event:
    """Mark the author request of a reply as done.

    `asked` is the token of the request that the editor read. Raises `Conflict` if there is no
    request any more, or another one.
    """
    with db.write() as connection:
        site = the_site(connection)
        number, reply = take(connection, site, public_id)
        if reply.author_request is None:
            raise Conflict("This reply has no open change request.")
        if asked != reply_versions.request_token(reply.author_request):
            raise Conflict(
                "The author asked for something else after you opened the page. Nothing was "
                "settled. Here is the new request."
            )
        after = {"author_request": None}
        return change(
            connection, site, number, reply, after, "settle", version=None, by=by, now=now
        )


def _for_author(decline_reason: str) -> str | None:
    words = comment_form.clean_words(decline_reason)
    if len(words) > TOLD_MOST:
        raise BadRequest(f"Tell the author why in {TOLD_MOST} characters or fewer.")
    return words or None


def set_open(db: Database, key: str, *, opened: bool | None, by: Actor, now: datetime) -> Event:
    """Open or close a discussion for new replies; with None, the article decides."""
    with db.write() as connection:
        entry = open_or_close(connection, the_site(connection), key, opened, by=by, now=now)
    db.announce()
    return entry


def open_or_close(
    connection: Connection,
    site: Site,
    key: str,
    opened: bool | None,
    *,
    by: Actor,
    now: datetime,
    undoes: int | None = None,
) -> Event:
    """Do what `set_open` does, in a transaction of the caller."""
    number = sites.next_number(connection, site.id)
    page = pages.find(connection, site.id, key) if key.isprintable() else None
    if page is None:
        raise NotFound("There is no such discussion.")
    if page.opened == opened:
        raise Conflict("The discussion is already set to that.")
    pages.set_opened(connection, page.id, opened)
    pages.set_revision(connection, page.id, number)
    action = "undo" if undoes else "article" if opened is None else "open" if opened else "close"
    before, after = {"opened": page.opened}, {"opened": opened}
    entry = Event(number, now, by.name, action, None, key, before, after, undoes)
    events.add(connection, site.id, entry, editor_id=by.editor_id)
    return entry


def answer(
    db: Database,
    public_id: str,
    text: str,
    *,
    by: Actor,
    email: str,
    expected: str,
    version: Version | None,
    now: datetime,
) -> Event:
    """Publish an editor's answer to a reply, and approve that reply if it is not public.

    Raises `Conflict` if the reply's status is not `expected`, and `Stale` if it has another version
    than the editor read. The same answer sent again, such as by a double click, returns the first
    one's event.
    """
    new = comment_form.check_text(text)
    rendered = markup.render(new)
    with db.write() as connection:
        site = the_site(connection)
        _, reply = take(connection, site, public_id)
        if (sent := _sent_before(connection, reply, new, by)) is not None:
            return sent
        if reply.status != expected:
            raise _somebody(connection, reply)
        if not reply_versions.is_current(reply, version):
            raise reply_versions.stale(connection, reply, version)
        if reply.status != Status.APPROVED:
            move(
                connection,
                site,
                public_id,
                "approve",
                by=by,
                expected=expected,
                version=version,
                now=now,
            )
        number = sites.next_number(connection, site.id)
        own = NewComment(
            public_id=new_id(now),
            site_id=site.id,
            page_id=reply.page_id,
            parent_id=reply.id,
            status=Status.APPROVED,
            author_name=by.name,
            author_url=None,
            by_editor=True,
            text=new,
            html=rendered.html,
            markup_version=markup.VERSION,
            reasons=[],
            origin=Origin.EDITOR,
            submitted_at=now,
            revision=number,
            editor_id=by.editor_id,
        )
        _check_private(connection, {"name": by.name, "text": rendered.html})
        ids = comments.add(connection, [(own, NewContact(email, own.public_id))])
        notifications.note(connection, ids[own.public_id], now)
        pages.set_revision(connection, reply.page_id, number)
        after = {"status": Status.APPROVED.value}
        entry = Event(
            number, now, by.name, "reply", own.public_id, reply.page_key, None, after, None
        )
        events.add(connection, site.id, entry, editor_id=by.editor_id)
    db.announce()
    return entry


def _sent_before(connection: Connection, reply: Stored, text: str, by: Actor) -> Event | None:
    """Return the event of this editor's public answer with the same text, or None."""
    if by.editor_id is None:
        return None
    first = comments.public_answer(connection, reply.id, editor_id=by.editor_id, text=text)
    return None if first is None else events.last_of(connection, first, "reply")


def erase(db: Database, public_id: str, *, by: Actor, now: datetime) -> Event:
    """Erase a reply from the trash, with its author's address and its texts in the audit log.

    This cannot be undone. A reply with answers is kept as an empty placeholder. Raises `Conflict`
    if the reply is not in the trash.
    """
    with db.write() as connection:
        site = the_site(connection)
        number, reply = take(connection, site, public_id)
        if reply.status != Status.TRASH:
            raise Conflict("Only what is in the trash can be erased. Move it there first.")
        if (given := contacts.given(connection, public_id)) is not None:
            followers.forget_reply(connection, site.id, reply.id, given.email)
        comments.erase(connection, reply)
        outbox.forget_reply(connection, public_id)
        bulk_drafts.leave_out(connection, public_id)
        # Pages show at most an empty placeholder already, so nothing public changes.
        entry = Event(number, now, by.name, "erase", public_id, reply.page_key, None, None, None)
        events.add(connection, site.id, entry, editor_id=by.editor_id)
        events.forget(connection, public_id)
        scrub.owe(connection)
    return entry


def undo(db: Database, event: int | str, *, by: Actor, now: datetime) -> Event:
    """Undo an event, by restoring the values from before; return the new event.

    `event` is its number, or its token from a form, which also names what the event did.
    Raises `Conflict` if there was another change since, or if the undo would publish what was not
    public before, and `NotFound` if there is no such event or nothing to undo. An undo can be
    undone too.
    """
    with db.write() as connection:
        site = the_site(connection)
        number = event if isinstance(event, int) else _shown_event(connection, site, event)
        entry = take_back(connection, site, number, by=by, now=now)
    announce(db, entry, was_public=True)
    return entry


def _shown_event(connection: Connection, site: Site, token: str) -> int:
    number = number_in(token)
    entry = events.find(connection, site.id, number) if number is not None else None
    if entry is None:
        raise NotFound("There is nothing to undo there.")
    if entry.token != token:
        raise Conflict("This page is from before the last update or restore. Open the history.")
    return entry.seq


def take_back(
    connection: Connection,
    site: Site,
    number: int,
    *,
    by: Actor,
    now: datetime,
    batch_id: int | None = None,
) -> Event:
    """Do what `undo` does, in a transaction of the caller."""
    done = events.find(connection, site.id, number)
    if done is None or done.after is None or done.action == "submit":
        raise NotFound("There is nothing to undo there.")
    if site_rules.knows(done):
        return site_rules.undo_settings(connection, site, done, by=by, now=now)
    if done.comment is None:
        if done.page is None or "opened" not in done.after:
            raise NotFound("There is nothing to undo there.")
        page = pages.find(connection, site.id, done.page)
        if page is None or page.opened != done.after["opened"]:
            raise Conflict("Somebody decided otherwise about this discussion since.")
        opened = (done.before or {}).get("opened")
        return open_or_close(connection, site, done.page, opened, by=by, now=now, undoes=done.seq)
    number, reply = take(connection, site, done.comment)
    # An undo can be undone only as the last event. Any other event can be undone if all later
    # events about the same fields were undone.
    fields = set(done.after)
    last = (
        events.last_of(connection, done.comment)
        if done.undoes
        else events.last_with(connection, done.comment, fields)
    )
    if last is not None and last.seq != done.seq:
        raise AlreadyHandled(_handled(events.last_of(connection, done.comment), reply))
    # An editor's own reply did not exist before, so an undo moves it to the trash.
    before = done.before or {"status": Status.TRASH.value}
    if any(getattr(reply, name) != value for name, value in done.after.items()):
        raise Conflict("The reply has changed since. Your change was not applied.")
    reply_versions.check_undo(connection, reply, done.seq, before)
    return change(
        connection,
        site,
        number,
        reply,
        before,
        "undo",
        # Checked by `check_undo` against the version that was public before.
        version=reply.version,
        by=by,
        now=now,
        undoes=done.seq,
        batch_id=batch_id,
    )


class Removed(NamedTuple):
    """Number of deleted samples, and of real replies below them that were deleted too."""

    samples: int
    answers: int


def remove_demo(db: Database, *, by: Actor, now: datetime) -> Removed:
    """Delete every sample reply and all replies below it."""
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


def announce(db: Database, entry: Event, *, was_public: bool = False) -> None:
    """Call `Database.announce` if the event changed something public."""
    states = {(entry.before or {}).get("status"), (entry.after or {}).get("status")}
    if was_public or Status.APPROVED in states:
        db.announce()


def take(connection: Connection, site: Site, public_id: str) -> tuple[int, Stored]:
    """Return the next sequence number and the reply, locked until the transaction ends.

    Raises `NotFound`.
    """
    # The number first, because taking it locks the site, so that the reply cannot change.
    number = sites.next_number(connection, site.id)
    reply = comments.find(connection, site.id, public_id)
    if reply is None:
        raise NotFound("That reply does not exist.")
    return number, reply


# Columns of a reply that are never public.
_UNSEEN = frozenset({"author_request", "decline_reason", "reasons"})


def change(
    connection: Connection,
    site: Site,
    number: int,
    reply: Stored,
    after: Mapping[str, Any],
    action: str,
    *,
    version: Version | None,
    by: Actor,
    now: datetime,
    undoes: int | None = None,
    batch_id: int | None = None,
) -> Event:
    """Write fields of a reply, everything that depends on them, and the event.

    `after` maps columns to new values. `version` is the version that the editor or rule has read;
    None if nothing becomes public. Raises `Stale` if something would become public and the reply
    has another version, and `Conflict` if it would show a private address.
    """
    reply_versions.check(connection, reply, after, version)
    before = {name: getattr(reply, name) for name in after}
    values = dict(after)
    status = after.get("status", reply.status)
    html = reply.html
    if "text" in after:
        rendered = markup.render(after["text"])
        html = rendered.html
        values |= {
            "html": html,
            "markup_version": markup.VERSION,
        }
    if not after.keys().isdisjoint(CONTENT):
        values |= {"version": reply.version + 1, "edited_at": now}
    if reply_versions.becomes_public(reply, after):
        _check_private(
            connection,
            {
                "name": after.get("author_name", reply.author_name),
                "website": after.get("author_url", reply.author_url),
                "text": html,
            },
            own="own-address" in reply.reasons
            and "text" not in after
            and _is_authors(connection, reply),
        )
    # A lock is also shown on the placeholder of a reply that is not public.
    seen = after.keys() - _UNSEEN
    if seen and (Status.APPROVED in (reply.status, status) or "locked" in after):
        values["revision"] = number
        pages.set_revision(connection, reply.page_id, number)
    comments.write(connection, reply, **values)
    if after.get("status") == Status.APPROVED:
        comments.give_position(connection, reply.id)
        notifications.note(connection, reply.id, now)
    elif reply.status == Status.APPROVED != status:
        notifications.take_back(connection, reply.id)
    entry = Event(
        number,
        now,
        by.name,
        action,
        reply.public_id,
        reply.page_key,
        before,
        dict(after),
        undoes,
        batch_id,
    )
    events.add(connection, site.id, entry, editor_id=by.editor_id)
    return entry


def _is_authors(connection: Connection, reply: Stored) -> bool:
    """Return whether the text is still the author's, so that its hold reasons apply to it."""
    if reply.version == 0:
        return True
    wrote = events.last_with(connection, reply.public_id, {"text"})
    return wrote is None or wrote.actor == AUTHOR.name


def _check_private(
    connection: Connection, fields: Mapping[str, str | None], *, own: bool = False
) -> None:
    """Raise `Conflict` if the fields contain a reader's private address.

    `own`: the text is known to contain its author's email address.
    """
    for field, shown in fields.items():
        asked = privacy.candidates(shown)
        own_here = own and field == "text"
        leaks = privacy.private(connection, asked) if asked else []
        if own_here or leaks:
            whose = "its author's" if own_here else "a reader's"
            network = not own_here and all(one.kind == "network" for one in leaks)
            what = "IP address" if network else "email address, or a hash of one"
            raise Conflict(
                f"This reply cannot be approved: its {field} contains {whose} {what}, and no page "
                "may show that. Edit the text first."
            )


def _somebody(connection: Connection, reply: Stored) -> Conflict:
    return AlreadyHandled(
        _handled(events.last_with(connection, reply.public_id, {"status"}), reply)
    )


def _handled(last: Event | None, reply: Stored) -> str:
    if last is None or last.action == "submit":
        return f"The reply is {reply.status} already. Your change was not applied."
    return f"{said(last.actor, last.action, last.at)} Your change was not applied."
