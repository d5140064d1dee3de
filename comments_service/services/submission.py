"""Submission of replies: preparation without the database, then one transaction.

The transaction stores the reply and its event in the audit log, with the next number of the site's
sequence. If the rules approve or reject the reply, that is a second event, which can be undone.
"""

import hashlib
import hmac
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from comments_service.domain import ip_prefix, markup
from comments_service.domain.actor import AUTHOR, RULES
from comments_service.domain.comment_form import (
    BIDI_CONTROLS,
    ENTER_COMMENT,
    FIELDS,
    PARENT_GONE,
    Draft,
    Refused,
    shows_address,
    visible,
)
from comments_service.domain.email_address import mailbox
from comments_service.domain.errors import NotFound, ServiceError, Unavailable
from comments_service.domain.i18n import sentence
from comments_service.domain.ids import new_id
from comments_service.domain.markup import Seen
from comments_service.domain.models import Origin, Status
from comments_service.domain.rules import Facts, Verdict
from comments_service.services import rate_limit, site_rules
from comments_service.services.pages import NO_SITE, taking_replies
from comments_service.services.site_rules import Case
from comments_service.store import comments, events, notifications, pages, sites
from comments_service.store.comments import Earlier, NewComment, NewContact
from comments_service.store.database import Database
from comments_service.store.events import Event
from comments_service.store.pages import Page
from comments_service.store.sites import Site

LOCKED = sentence(
    "This thread takes no more answers. "
    "Your comment is kept: post it again to add it to the discussion"
)
# Within this time a resend can only come from the author: nobody else can have copied the reply.
DOUBLE_CLICK = timedelta(seconds=10)


class Submitted(NamedTuple):
    """A stored reply; `resent` if it was stored before and sent again.

    `public`: the rules approved it. `unfollowed`: its author wants to follow, but a mail limit
    prevents the confirmation mail.
    """

    public_id: str
    resent: bool
    public: bool = False
    unfollowed: bool = False


class Submission(NamedTuple):
    """A reply that is ready to be stored.

    `network` is the IP address it came from; the rules decide how much of it is stored.
    """

    page_key: str
    draft: Draft
    rendered: markup.Rendered
    fingerprint: str
    facts: Facts
    now: datetime
    origin: Origin
    by_editor: bool
    network: str | None = None
    # The browser has a cookie that proves that the address was confirmed.
    verified: bool = False


class Arrived(NamedTuple):
    """A reply that is being stored, its page, its row id and its submission."""

    reply: NewComment
    page: Page
    id: int
    sent: Submission


class PostLimits(NamedTuple):
    """The rate limits of posting, and the secret for hashing networks."""

    secret: bytes
    limits: rate_limit.Limits

    def buckets(self, one: Submission) -> list[rate_limit.Bucket]:
        """Return the buckets from which the reply takes a token."""
        return self.limits.buckets(one.network)


# Callback in the transaction that stores new replies, such as for writing mail. Returns the public
# ids of replies whose authors' request to follow was refused.
OnArrival = Callable[[Connection, Site, Sequence[Arrived]], Collection[str]]


def prepare(
    secret: bytes,
    page_key: str,
    draft: Draft,
    *,
    now: datetime,
    origin: Origin = Origin.FORM,
    by_editor: bool = False,
) -> Submission:
    """Render and check a draft, without the database.

    Raises `Refused` if the rendered text has nothing visible.
    """
    rendered = markup.render(draft.text)
    seen = markup.seen(rendered.html)
    # Markup without visible text, such as a lone ">" or "[](https://example.com)".
    if not visible(seen.text):
        raise Refused({"comment": ENTER_COMMENT}, _as_form(draft))
    return Submission(
        page_key,
        draft,
        rendered,
        _fingerprint(secret, page_key, draft),
        Facts(
            draft.text,
            draft.name,
            draft.url,
            rendered.html,
            seen.text,
            seen.links,
            _checks(draft, seen, rendered.disputed),
        ),
        now,
        origin,
        by_editor,
    )


def sent_by(
    one: Submission, secret: bytes, client: str | None, *, verified: bool = False
) -> Submission:
    """Return the submission with the client that sent it, an IP address, or None if unknown.

    The fingerprint then covers the client's network. A resend leads to the private link of the
    first reply, so an equal reply from another network counts as a new one: its sender may have
    read or guessed the text. A reader who changes networks between two tries posts two replies.
    """
    message = f"client:{ip_prefix.household(client)}:{one.fingerprint}"
    digest = hmac.new(secret, message.encode(), hashlib.sha256).hexdigest()
    return one._replace(fingerprint=digest, network=client, verified=verified)


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
    """Store one reply, pending unless the rules decide otherwise.

    Raises `NotFound` (no such page), `Forbidden` (the page does not accept replies) or `Refused`
    (the parent reply is not public, or the text has nothing visible).
    """
    new = prepare(secret, page_key, draft, now=now, origin=origin, by_editor=by_editor)
    answer = submit_all(db, [new], resend_window=resend_window)[0]
    if isinstance(answer, Exception):
        raise answer
    return answer


def submit_all(
    db: Database,
    batch: Sequence[Submission],
    *,
    resend_window: timedelta,
    on_arrival: OnArrival | None = None,
    limits: PostLimits | None = None,
) -> list[Submitted | Exception]:
    """Store concurrent submissions in one transaction, each with its own event.

    `limits` are counted in the same transaction; a reply over a limit results in `RateLimited`.

    Returns a result or an exception for each, in the order of `batch`. An error of one reply does
    not affect the others: if the transaction fails, each is tried alone.
    """
    try:
        with db.write() as connection:
            answers = _submit_all(connection, batch, resend_window, on_arrival, limits)
    except Unavailable as error:
        # Not retried one by one, which would only multiply the waiting time.
        return [error] * len(batch)
    except Exception as error:
        if len(batch) == 1:
            return [error]
        # Those that were committed nevertheless are recognized as resends.
        alone = [
            submit_all(db, [one], resend_window=resend_window, on_arrival=on_arrival, limits=limits)
            for one in batch
        ]
        return [results[0] for results in alone]
    if any(isinstance(answer, Submitted) and answer.public for answer in answers):
        db.announce()
    return answers


def _submit_all(
    connection: Connection,
    batch: Sequence[Submission],
    resend_window: timedelta,
    on_arrival: OnArrival | None,
    limits: PostLimits | None,
) -> list[Submitted | Exception]:
    # The lock prevents races in the detection of resends (double clicks) and in counting posts.
    site = sites.lock(connection)
    if site is None:
        raise NotFound(NO_SITE)
    # Keys have no control characters, and PostgreSQL refuses NUL in a text.
    keys = {one.page_key for one in batch if one.page_key.isprintable()}
    known = pages.find_all(connection, site.id, keys)
    since = min(one.now for one in batch) - resend_window
    first = comments.find_resends(connection, {one.fingerprint for one in batch}, since)
    buckets = [limits.buckets(one) if limits is not None else [] for one in batch]
    counting = _counting(connection, limits, buckets)
    answers: list[Submitted | Exception] = []
    new: list[tuple[Submission, NewComment]] = []
    for one, counted_in in zip(batch, buckets, strict=True):
        try:
            page = taking_replies(known.get(one.page_key))
            if (earlier := first.get(one.fingerprint)) is not None and _is_resend(earlier, one):
                answers.append(Submitted(earlier.public_id, resent=True))
                continue
            reply = _new_comment(connection, site, page, one)
            if counting is not None:
                counting.take(counted_in, one.now)
        except ServiceError as error:
            answers.append(error)
            continue
        new.append((one, reply))
        first[one.fingerprint] = Earlier(reply.public_id, 0, one.now, one.verified)
        answers.append(Submitted(reply.public_id, resent=False))
    public, unfollowed = _store(connection, site, known, new, on_arrival) if new else (set(), ())
    if counting is not None:
        counting.save()
    return [
        one._replace(public=one.public_id in public, unfollowed=one.public_id in unfollowed)
        if isinstance(one, Submitted) and not one.resent
        else one
        for one in answers
    ]


def _counting(
    connection: Connection,
    limits: PostLimits | None,
    buckets: Sequence[Sequence[rate_limit.Bucket]],
) -> rate_limit.Counting | None:
    if limits is None:
        return None
    wanted = dict.fromkeys(bucket for several in buckets for bucket in several)
    return rate_limit.Counting(connection, limits.secret, wanted)


def _is_resend(earlier: Earlier, one: Submission) -> bool:
    """Return whether an equal submission may be treated as the same reply sent again.

    Everything of a public reply but the email address is known to all. If an equal submission with
    a guessed address were treated as a resend, the response would confirm the guess. The private
    link of an author who has confirmed the address goes only to a browser that can prove it.
    """
    if one.origin == Origin.FORM and earlier.verified and not one.verified:
        return False
    return (
        one.origin != Origin.FORM
        or not earlier.revision
        or one.verified
        or one.now - earlier.submitted_at <= DOUBLE_CLICK
    )


# Action in the audit log for each status that the rules can set.
_MOVES = {Status.APPROVED: "approve", Status.SPAM: "spam"}


def _store(
    connection: Connection,
    site: Site,
    known: Mapping[str, Page],
    new: Sequence[tuple[Submission, NewComment]],
    on_arrival: OnArrival | None,
) -> tuple[set[str], Collection[str]]:
    """Judge and store new replies.

    Returns the public ids of the public ones, and of those whose request to follow was refused.
    """
    book = site_rules.in_force(connection, site)
    verdicts = judge(connection, site, book, [one for one, _ in new])
    decided = sum(1 for verdict in verdicts if verdict.status in _MOVES)
    numbers = iter(sites.next_numbers(connection, site.id, len(new) + decided))
    rows: list[tuple[NewComment, NewContact]] = []
    entries: list[Event] = []
    by_rules: list[Event] = []
    for (one, reply), (status, reasons) in zip(new, verdicts, strict=True):
        came = {"status": Status.PENDING.value}
        entry = Event(
            next(numbers), one.now, AUTHOR.name, "submit",
            reply.public_id, one.page_key, None, came, None,
        )  # fmt: skip
        entries.append(entry)
        revision = 0
        if status in _MOVES:
            entry = entry._replace(
                seq=next(numbers),
                actor=RULES.name,
                action=_MOVES[status],
                before=came,
                after={"status": status.value},
            )
            by_rules.append(entry)
            revision = entry.seq if status is Status.APPROVED else 0
        reply = reply._replace(status=status, reasons=reasons, revision=revision)
        where = ip_prefix.kept(one.network, book.rules.keep_network)
        verified_at = one.now if one.verified else None
        rows.append((reply, NewContact(one.draft.email, one.fingerprint, where, verified_at)))
    revisions = {page.id: page.revision for page in known.values()}
    ids = comments.add(connection, rows, revisions)
    events.add_all(connection, site.id, entries + by_rules)
    public = [reply for reply, _ in rows if reply.status == Status.APPROVED]
    for reply in public:
        comments.give_position(connection, ids[reply.public_id])
        pages.set_revision(connection, reply.page_id, reply.revision)
        notifications.note(connection, ids[reply.public_id], reply.submitted_at)
    unfollowed: Collection[str] = ()
    if on_arrival is not None:
        by_id = {page.id: page for page in known.values()}
        arrived = [
            Arrived(reply, by_id[reply.page_id], ids[reply.public_id], one)
            for (reply, _), (one, _) in zip(rows, new, strict=True)
        ]
        unfollowed = on_arrival(connection, site, arrived)
    return {reply.public_id for reply in public}, unfollowed


def judge(
    connection: Connection, site: Site, book: site_rules.Book, new: Sequence[Submission]
) -> list[Verdict]:
    """Return the verdicts. The rules apply only to replies from the form; others are pending."""
    judged = [one for one in new if one.origin == Origin.FORM]
    trusted = site_rules.trusted(
        connection, site, book.rules, [(one.draft.email, one.verified, one.now) for one in judged]
    )
    cases = [
        Case(one.facts._replace(trusted=known), one.draft.email, one.network, one.now)
        for one, known in zip(judged, trusted, strict=True)
    ]
    verdicts = iter(site_rules.weigh(connection, book, cases))
    return [
        next(verdicts)
        if one.origin == Origin.FORM
        else Verdict(Status.PENDING, ["all", *one.facts.checks])
        for one in new
    ]


def _new_comment(connection: Connection, site: Site, page: Page, one: Submission) -> NewComment:
    draft, parent_id = one.draft, None
    if draft.parent is not None:
        parent = comments.find_public(connection, page.id, draft.parent)
        if parent is None:
            raise Refused({"parent": PARENT_GONE}, {**_as_form(draft), "parent": ""})
        if comments.is_locked(connection, parent.id):
            raise Refused({"parent": LOCKED}, {**_as_form(draft), "parent": ""})
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
        reasons=[],
        origin=one.origin,
        submitted_at=one.now,
    )


def _checks(draft: Draft, seen: Seen, disputed: bool) -> list[str]:
    # The typed and the rendered text: `&#64;` becomes an @ only when it is rendered.
    texts = (draft.text, seen.text, *seen.links)
    checks = ["disputed"] if disputed else []
    if any(BIDI_CONTROLS.intersection(text) for text in texts):
        checks.append("bidi")
    if any(shows_address(text, draft.email) for text in texts):
        checks.append("own-address")
    return checks


def _as_form(draft: Draft) -> Mapping[str, str]:
    url, parent = draft.url or "", draft.parent or ""
    values = (draft.text, draft.name, draft.email, url, draft.follow, parent)
    return dict(zip(FIELDS, values, strict=True))


def _fingerprint(secret: bytes, page_key: str, draft: Draft) -> str:
    parts = (
        page_key,
        draft.parent or "",
        draft.name,
        mailbox(draft.email),
        draft.url or "",
        draft.text,
    )
    # Length-prefixed, so that different replies never result in the same bytes.
    message = b"".join(
        len(data).to_bytes(4, "big") + data for data in (part.encode() for part in parts)
    )
    return hmac.new(secret, b"resend:" + message, hashlib.sha256).hexdigest()
