"""Following of discussions by mail: request, confirmation by a mailed link, unsubscribing.

Notifications are sent only to addresses whose owners have confirmed. Responses never reveal whether
an address follows something.
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

# At most one confirmation mail for each address and article in this time.
AGAIN_AFTER = timedelta(days=1)

NO_PAGE = sentence("There is no article here that could be followed.")
NO_REPLY = sentence("This reply does not exist any more, or is not published.")


class Asking(NamedTuple):
    """A request to follow all replies of a page, or the answers to one's own reply.

    `known`: the address is confirmed already. `client` is the IP address of the request.
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
    """Stores requests to follow, and writes the confirmation mails."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._secret = settings.secret.get_secret_value().encode()

    def arrived(self, connection: Connection, site: Site, new: Sequence[Arrived]) -> set[str]:
        """Store the requests to follow that came with replies, in the replies' transaction.

        A mail limit does not stop the reply. Returns the public ids of the replies whose request
        was refused.
        """
        refused = set()
        for one in new:
            sent = one.sent
            # Spam must not cause mail to the address that it names.
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
        """Store a request to follow an article. Raises `NotFound` and `NotNow`."""
        with db.write() as connection:
            site = the_site(connection)
            page = _page(connection, site, key)
            wish = Asking(page.id, page.title, Kind.ALL, email, known, client)
            self._ask(connection, site, wish, now)

    def follow_reply(
        self, db: Database, public_id: str, *, client: str | None, now: datetime
    ) -> None:
        """Store an author's request to follow the answers to that reply.

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
                # Confirmed by the owner of the mailbox; only the author can open the status page.
                given.verified_at is not None,
                client,
                reply.id,
                public_id,
            )
            self._ask(connection, site, wish, now)

    def _ask(self, connection: Connection, site: Site, wish: Asking, now: datetime) -> None:
        if not wish.known:
            # Before the address is looked up, so that a refusal reveals nothing about it.
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
        """Return whether a confirmation mail may be sent now, by the limits for the address."""
        life = link_tokens.LIFE[link_tokens.FOLLOW]
        open_until = [one.confirm_until for one in theirs if one.state == State.ASKED]
        asked_at = [until - life for until in open_until if until is not None]
        # Requests dated in the future came before the clock was set back, and are ignored.
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
        # Without name and text of a reply, which may be a stranger's who typed this address.
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
    # Keys have no control characters, and PostgreSQL refuses NUL in a text.
    page = pages.find(connection, site.id, key) if key.isprintable() else None
    if page is None or not page.registered:
        raise NotFound(NO_PAGE)
    return page


def page_to_follow(db: Database, key: str) -> Page:
    """Return the page; raises `NotFound`."""
    with db.read() as connection:
        return _page(connection, the_site(connection), key)


class Standing(NamedTuple):
    """State of following for an author's status page.

    Only about requests made with this reply, because the author may not own the address.
    """

    asked: bool = False
    confirmed: bool = False
    kind: str = Kind.REPLIES


def standing(db: Database, public_id: str) -> Standing:
    """Return the state of following of that reply's author."""
    with db.read() as connection:
        found = store.of_reply(connection, public_id)
    for state in (State.CONFIRMED, State.ASKED):
        for one in found:
            if one.state == state:
                return Standing(state == State.ASKED, state == State.CONFIRMED, one.kind)
    return Standing()


def end_reply(db: Database, public_id: str, *, now: datetime) -> int:
    """End the subscriptions made with that reply; return how many."""
    with db.write() as connection:
        return sum(
            store.end(connection, one.site_id, one.email, now, comment_id=one.comment_id)
            for one in store.of_reply(connection, public_id)
            if one.state != State.ENDED
        )


class Asked(NamedTuple):
    """The subscription of a confirmation link, and all of its address on that page (`wishes`)."""

    subscription: Subscription
    wishes: list[Subscription]

    def works(self, now: datetime) -> bool:
        """Return whether the link can still be used."""
        until = self.subscription.confirm_until
        return self.subscription.state == State.ASKED and until is not None and until > now


def look(db: Database, token: str) -> Asked:
    """Return what a confirmation link is for; changes nothing. Raises `NotFound`."""
    with db.read() as connection:
        return _look(connection, token)


def _look(connection: Connection, token: str) -> Asked:
    found = store.by_confirm_hash(connection, link_tokens.digest(token))
    if found is None:
        raise NotFound(link_tokens.UNKNOWN)
    return Asked(found, store.of_address(connection, found.page_id, found.email))


def confirm(db: Database, token: str, *, now: datetime) -> str | None:
    """Confirm all requests of the link's address on its page; return the address.

    None if the link was used or has expired. Raises `NotFound`.
    """
    with db.write() as connection:
        asked = _look(connection, token)
        if not asked.works(now):
            return None
        one = asked.subscription
        store.confirm(connection, [wish.id for wish in asked.wishes], now)
        return one.email


def ending(db: Database, secret: bytes, token: str) -> Subscription | None:
    """Return the subscription of an unsubscribe link, or None if it does not exist any more.

    Its state is that of all subscriptions of the address to the page.
    """
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
    """End all subscriptions of the link's address to its article, or to every article.

    Returns how many were ended. Using the link again is no error.
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
    """The site sends no mail, so nothing can be followed."""

    title = marked("This site sends no mail")
