"""Mail to editors about pending replies: one mail for each reply, or digests."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from comments_service.domain.i18n import counted, sentence
from comments_service.domain.models import Status
from comments_service.services import link_tokens, mail_text
from comments_service.services.pages import the_site
from comments_service.services.submission import Arrived
from comments_service.settings import Settings
from comments_service.store import counters, mail_links, notification_prefs, outbox
from comments_service.store import queue as listings
from comments_service.store.database import Database
from comments_service.store.notification_prefs import Wanting
from comments_service.store.outbox import NewMail
from comments_service.store.queue import Filter
from comments_service.store.sites import Site

PENDING, MANY, DIGEST = "pending", "many", "digest"

# Single mails that an editor gets in an hour at most, so that a flood of spam does not cause 1,000.
MOST_AN_HOUR = 30
# A digest is sent once a day, or earlier if `DIGEST_AFTER` more replies are pending, but at most
# once in `DIGEST_AT_MOST`.
DIGEST_EVERY = timedelta(days=1)
DIGEST_AFTER = 20
DIGEST_AT_MOST = timedelta(hours=1)
_IN_DIGEST = 10
_HOUR = timedelta(hours=1)


class Notices:
    """Writes mail about pending replies into the outbox."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._secret = settings.secret.get_secret_value().encode()

    def arrived(self, connection: Connection, site: Site, new: Sequence[Arrived]) -> None:
        """Write a mail about each pending reply to each editor who wants single mails.

        Call it in the transaction that stores the replies.
        """
        pending = [one for one in new if one.reply.status == Status.PENDING]
        editors = notification_prefs.wanting(connection, notification_prefs.EACH) if pending else []
        if not editors:
            return
        now = max(one.reply.submitted_at for one in pending)
        latest = outbox.latest(connection, site.id, PENDING, most=MOST_AN_HOUR * len(editors))
        mails: list[NewMail] = []
        made: list[mail_links.Link] = []
        for editor in editors:
            count = sum(1 for to, at in latest if to == editor.email and now - _HOUR < at <= now)
            left = max(0, MOST_AN_HOUR - count)
            for one in pending[:left]:
                link, token = link_tokens.new(
                    self._secret, link_tokens.DECIDE, one.reply.public_id, now, editor_id=editor.id
                )
                made.append(link)
                mails.append(self._about(site, editor, one, token))
            if len(pending) > left:
                self._many(connection, site, editor, now)
        mail_links.add(connection, made)
        outbox.add(connection, mails)

    def _about(self, site: Site, editor: Wanting, one: Arrived, token: str) -> NewMail:
        reply = one.reply
        name, title = (
            mail_text.one_line(reply.author_name, 60),
            mail_text.one_line(one.page.title, 80),
        )
        body = mail_text.body(
            self._settings,
            "pending",
            editor=mail_text.one_line(editor.name),
            name=name,
            title=title,
            text=mail_text.quoted(reply.text, 4_000),
            token=token,
            public_id=reply.public_id,
            days=link_tokens.LIFE[link_tokens.DECIDE].days,
        )
        subject = mail_text.subject(
            sentence("A reply by %(name)s waits: %(title)s", name=name, title=title)
        )
        now = reply.submitted_at
        return NewMail(site.id, PENDING, reply.public_id, editor.email, subject, body, now)

    def _many(self, connection: Connection, site: Site, editor: Wanting, now: datetime) -> None:
        """Write a mail, at most once an hour, that there are more replies than single mails."""
        hour = now.replace(minute=0, second=0, microsecond=0)
        since = now - _HOUR
        if outbox.count_between(connection, site.id, [MANY], since, now, address=editor.email):
            return
        body = mail_text.body(
            self._settings, "many", editor=mail_text.one_line(editor.name), most=MOST_AN_HOUR
        )
        subject = mail_text.subject(
            sentence("Many replies are waiting on %(site)s", site=self._settings.site_name)
        )
        mail = NewMail(site.id, MANY, hour.isoformat(), editor.email, subject, body, now)
        outbox.add(connection, [mail])

    def write_digests(self, db: Database, now: datetime) -> int:
        """Write the digests that are due; return how many."""
        # Checked in a read transaction first, which takes no lock: mostly nothing is due.
        with db.read() as connection:
            site = the_site(connection)
            due = self._due(connection, site, now)
        if not due:
            return 0
        with db.write() as connection:
            return sum(
                self._digest(connection, site, editor, now)
                for editor in due
                if notification_prefs.begin_digest(connection, editor, now)
            )

    def _due(self, connection: Connection, site: Site, now: datetime) -> list[Wanting]:
        editors = notification_prefs.wanting(connection, notification_prefs.DIGEST)
        if not editors or not counters.of_site(connection, site.id)[Status.PENDING]:
            return []
        return [one for one in editors if self._is_due(connection, site, one.digest_at, now)]

    def _is_due(
        self, connection: Connection, site: Site, last: datetime | None, now: datetime
    ) -> bool:
        if last is None or now - last >= DIGEST_EVERY:
            return True
        if now - last < DIGEST_AT_MOST:
            return False
        more = notification_prefs.count_pending_since(connection, site.id, last, DIGEST_AFTER)
        return more >= DIGEST_AFTER

    def _digest(self, connection: Connection, site: Site, editor: Wanting, now: datetime) -> bool:
        count = counters.of_site(connection, site.id)[Status.PENDING]
        first = listings.listed(connection, site.id, Filter(Status.PENDING), limit=_IN_DIGEST)
        if not first:
            return False
        made, replies = [], []
        for one in first:
            link, token = link_tokens.new(
                self._secret, link_tokens.DECIDE, one.public_id, now, editor_id=editor.id
            )
            made.append(link)
            replies.append(
                {
                    "name": mail_text.one_line(one.author_name, 60),
                    "title": mail_text.one_line(one.page_title, 80),
                    "text": mail_text.quoted(one.text, 300),
                    "token": token,
                    "public_id": one.public_id,
                }
            )
        body = mail_text.body(
            self._settings,
            "digest",
            editor=mail_text.one_line(editor.name),
            waiting=count,
            replies=replies,
            more=count - len(first),
            days=link_tokens.LIFE[link_tokens.DECIDE].days,
        )
        subject = mail_text.subject(
            counted(
                "%(num)s reply is waiting on %(site)s",
                "%(num)s replies are waiting on %(site)s",
                count,
                site=self._settings.site_name,
            )
        )
        cause = f"{editor.id}:{now.isoformat()}"
        mail_links.add(connection, made)
        mail = NewMail(site.id, DIGEST, cause, editor.email, subject, body, now)
        outbox.add(connection, [mail])
        return True
