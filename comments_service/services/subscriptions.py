"""The verbs of those who follow a discussion: ask, confirm by a mailed link, end.

Nobody is mailed news who did not press a button that only the owner of the address could reach.
What is answered never depends on whether an address follows something.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from comments_service.domain.errors import Conflict, NotFound
from comments_service.domain.i18n import marked, sentence
from comments_service.domain.models import Status
from comments_service.services import link_tokens, mail_limits, mail_text, rate_limit
from comments_service.services.mail_limits import NotNow
from comments_service.services.pages import the_site
from comments_service.services.submission import Arrived
from comments_service.settings import Settings
from comments_service.store import comments, contacts, outbox, pages
from comments_service.store import followers as store
from comments_service.store.database import Database
from comments_service.store.followers import ASK, Kind, NewSubscription, State, Subscription
from comments_service.store.outbox import NewMail
from comments_service.store.pages import Page
from comments_service.store.sites import Site

# One address is asked about one article once a day.
AGAIN_AFTER = timedelta(days=1)

NO_PAGE = sentence("There is no article here that could be followed.")
NO_REPLY = sentence("This reply does not exist any more, or is not published.")


class Asking(NamedTuple):
    """A wish to follow: all of a page, or the answers to one of one's own replies.

    `known` when the address is shown to be the reader's already; `client` is where it comes from.
    """

    page_id: int
    page_title: str
    kind: Kind
    email: str
    known: bool
    client: str | None
    comment_id: int | None = None
    public_id: str = ""


class Followers:
    """Takes wishes, in the transactions that they come with."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._secret = settings.secret.get_secret_value().encode()

    def arrived(self, connection: Connection, site: Site, new: Sequence[Arrived]) -> set[str]:
        """Take the wishes that came with replies; what cannot be mailed now stops no reply.

        Returns the public ids of the replies whose wishes were not taken.
        """
        refused = set()
        for one in new:
            sent = one.sent
            # Spam must not make us write to whoever it names.
            if not sent.draft.follow or one.reply.status == Status.SPAM:
                continue
            wish = Asking(
                one.page.id,
                one.page.title,
                Kind(sent.draft.follow),
                sent.draft.email,
                sent.verified,
                sent.network,
                one.id,
                one.reply.public_id,
            )
            try:
                self._ask(connection, site, wish, sent.now)
            except NotNow as error:
                rate_limit.log(error, sent.network)
                refused.add(one.reply.public_id)
        return refused

    def follow_page(
        self, db: Database, key: str, email: str, *, known: bool, client: str | None, now: datetime
    ) -> None:
        """Take the wish to follow all of an article. Raises `NotFound` and `NotNow`."""
        with db.write() as connection:
            site = the_site(connection)
            page = _page(connection, site, key)
            wish = Asking(page.id, page.title, Kind.ALL, email, known, client)
            self._ask(connection, site, wish, now)

    def follow_reply(
        self, db: Database, public_id: str, *, client: str | None, now: datetime
    ) -> None:
        """Take an author's wish to hear of answers to that reply.

        Raises `NotFound` and `NotNow`.
        """
        with db.write() as connection:
            site = the_site(connection)
            reply = comments.find(connection, site.id, public_id)
            given = contacts.given(connection, public_id)
            if (
                reply is None
                or given is None
                or reply.status not in {Status.PENDING, Status.APPROVED}
            ):
                raise NotFound(NO_REPLY)
            wish = Asking(
                reply.page_id,
                reply.page_title,
                Kind.REPLIES,
                given.email,
                # The owner of the mailbox said that they wrote it, and only they have this page.
                given.verified_at is not None,
                client,
                reply.id,
                public_id,
            )
            self._ask(connection, site, wish, now)

    def _ask(self, connection: Connection, site: Site, wish: Asking, now: datetime) -> None:
        if not wish.known:
            # Before the address is looked at: whether this is refused tells nothing about it.
            mail_limits.take(connection, self._settings, wish.client, now)
        theirs = store.of_address(connection, wish.page_id, wish.email)
        same = [one for one in theirs if (one.kind, one.comment_id) == (wish.kind, wish.comment_id)]
        if wish.known:
            if same:
                store.confirm(connection, [one.id for one in same], now)
            else:
                self._add(connection, site, wish, now, confirmed_at=now)
            return
        if any(one.state == State.CONFIRMED for one in same):
            return
        row_id = same[0].id if same else self._add(connection, site, wish, now)
        if self._may_write(connection, site, theirs, wish.email, now):
            self._write(connection, site, wish, row_id, now)

    def _add(
        self,
        connection: Connection,
        site: Site,
        wish: Asking,
        now: datetime,
        confirmed_at: datetime | None = None,
    ) -> int:
        return store.add(
            connection,
            NewSubscription(
                site.id,
                wish.page_id,
                wish.comment_id,
                wish.kind,
                wish.email,
                link_tokens.new_seed(),
                now,
                confirmed_at,
            ),
        )

    def _may_write(
        self,
        connection: Connection,
        site: Site,
        theirs: Sequence[Subscription],
        email: str,
        now: datetime,
    ) -> bool:
        """Whether the question may be mailed: not while one is open, and not many a day."""
        life = link_tokens.LIFE[link_tokens.FOLLOW]
        open_until = [one.confirm_until for one in theirs if one.state == State.ASKED]
        asked_at = [until - life for until in open_until if until is not None]
        # One of the future was asked before the clock was set back.
        if any(at <= now < at + AGAIN_AFTER for at in asked_at):
            return False
        return not mail_limits.has_enough(connection, site, email, now)

    def _write(
        self, connection: Connection, site: Site, wish: Asking, row_id: int, now: datetime
    ) -> None:
        seed, life = link_tokens.new_seed(), link_tokens.LIFE[link_tokens.FOLLOW]
        store.question(
            connection,
            wish.page_id,
            wish.email,
            row_id,
            link_tokens.hash_of(self._secret, seed),
            now + life,
        )
        # Neither name nor text of a reply: anybody may have typed this address beside them.
        body = mail_text.body(
            self._settings,
            "follow",
            title=mail_text.one_line(wish.page_title, 80),
            token=link_tokens.unsigned(seed),
            days=life.days,
        )
        subject = mail_text.subject(
            sentence(
                "Do you want mail about new replies on %(site)s?", site=self._settings.site_name
            )
        )
        # Begins with the reply's id, so that erasing it finds this mail.
        cause = f"{wish.public_id or f'page {row_id}'}:{now.isoformat()}"
        mail = NewMail(site.id, ASK, cause, wish.email, subject, body, now)
        outbox.add(connection, [mail])


def _page(connection: Connection, site: Site, key: str) -> Page:
    # PostgreSQL refuses NUL in a text; no key has a control character.
    found = pages.find(connection, site.id, key) if key.isprintable() else None
    if found is None or not found.registered:
        raise NotFound(NO_PAGE)
    return found


def page_to_follow(db: Database, key: str) -> Page:
    """Return the page; raises `NotFound`."""
    with db.read() as connection:
        return _page(connection, the_site(connection), key)


class Standing(NamedTuple):
    """What an author's status page says of following: what was asked for with this very reply.

    Nothing else: whoever typed an address here may not be whose it is.
    """

    asked: bool = False
    confirmed: bool = False
    kind: str = Kind.REPLIES


def standing(db: Database, public_id: str) -> Standing:
    """Return how far the following of that reply's author is."""
    with db.read() as connection:
        found = store.of_reply(connection, public_id)
    for state in (State.CONFIRMED, State.ASKED):
        for one in found:
            if one.state == state:
                return Standing(state == State.ASKED, state == State.CONFIRMED, one.kind)
    return Standing()


def end_reply(db: Database, public_id: str, *, now: datetime) -> int:
    """End what was asked for with that reply; return how many wishes that were."""
    with db.write() as connection:
        return sum(
            store.end(connection, one.site_id, one.email, now, comment_id=one.comment_id)
            for one in store.of_reply(connection, public_id)
            if one.state != State.ENDED
        )


class Asked(NamedTuple):
    """A link that asks whether an address agrees, and all that it was asked about on that page."""

    subscription: Subscription
    wishes: list[Subscription]

    def works(self, now: datetime) -> bool:
        """Whether the button can still be pressed."""
        until = self.subscription.confirm_until
        return self.subscription.state == State.ASKED and until is not None and until > now


def look(db: Database, token: str) -> Asked:
    """Return what a link asks; changes nothing. Raises `NotFound`."""
    with db.read() as connection:
        return _look(connection, token)


def _look(connection: Connection, token: str) -> Asked:
    found = store.by_confirm_hash(connection, link_tokens.digest(token))
    if found is None:
        raise NotFound(link_tokens.UNKNOWN)
    return Asked(found, store.of_address(connection, found.page_id, found.email))


def confirm(db: Database, token: str, *, now: datetime) -> str | None:
    """Begin to mail news; return the address, or None if the link was used or is too old.

    All that was asked for this address on this page begins: the page of the link says so.
    """
    with db.write() as connection:
        asked = _look(connection, token)
        if not asked.works(now):
            return None
        one = asked.subscription
        store.confirm(connection, [wish.id for wish in asked.wishes], now)
        return one.email


def ending(db: Database, secret: bytes, token: str) -> Subscription | None:
    """Return what a link at the end of a mail is for; None: nothing comes by it any more."""
    seed = link_tokens.seed_of(secret, token)
    if seed is None:
        return None
    with db.read() as connection:
        found = store.by_seed(connection, seed)
        if found is None:
            return None
        live = store.of_address(connection, found.page_id, found.email)
    return found._replace(state=live[0].state if live else State.ENDED)


def end(db: Database, secret: bytes, token: str, *, everything: bool, now: datetime) -> int:
    """End all mail about the link's article to its address, or about every article.

    Returns how many wishes ended. Doing it again ends nothing more and is no error.
    """
    seed = link_tokens.seed_of(secret, token)
    if seed is None:
        return 0
    with db.write() as connection:
        found = store.by_seed(connection, seed)
        if found is None:
            return 0
        page_id = None if everything else found.page_id
        return store.end(connection, found.site_id, found.email, now, page_id=page_id)


class NoMail(Conflict):
    """What needs mail, on a site that sends none."""

    title = marked("This site sends no mail")
