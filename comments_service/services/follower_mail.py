"""Notification mail to followers about new replies, in rounds: one mail per page and address.

An approval writes one row. Two minutes later, so that it can be undone, a round begins for its
page. The next round of the page begins 15 minutes later at the earliest, with all replies since. A
round writes its mails in parts, so that neither approvals nor other mail have to wait. The text of
a mail is rendered when it is sent, so that it never shows a reply that is not public any more.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from sqlalchemy import Connection

from comments_service.domain.email_address import ascii_domain, mailbox
from comments_service.domain.i18n import counted, sentence
from comments_service.services import link_tokens, mail_text
from comments_service.settings import Settings
from comments_service.store import comments, followers, notifications, outbox, pages
from comments_service.store.database import Database
from comments_service.store.followers import Kind, State, Subscription
from comments_service.store.notifications import Round, Told
from comments_service.store.outbox import Mail, NewMail

SETTLE: Final = timedelta(minutes=2)
AT_MOST_EVERY: Final = timedelta(minutes=15)
# Mails written in one transaction; none are written while this many wait in the outbox.
PART: Final = 100
# Replies shown in one mail; of others only the number is given.
_IN_MAIL = 20


class News:
    """Writes notification mail; several processes can share one database."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def go_on(self, db: Database, now: datetime) -> None:
        """Begin the rounds that are due, and write some mails of an unfinished one."""
        when = {"settled": now - SETTLE, "last": now - AT_MOST_EVERY}
        # Checked in a read transaction first, which takes no lock: mostly nothing is due.
        with db.read() as connection:
            begins = bool(notifications.due(connection, **when))
            goes_on = notifications.going_on(connection) is not None
            if notifications.waiting(connection, PART) >= PART:
                goes_on = False
        if begins:
            with db.write() as connection:
                for site_id, page_id in notifications.due(connection, **when):
                    notifications.begin(connection, site_id, page_id, now)
        if begins or goes_on:
            with db.write() as connection:
                one = notifications.going_on(connection)
                if one is not None:
                    self._write_some(connection, one, now)

    def _write_some(self, connection: Connection, one: Round, now: datetime) -> None:
        found = notifications.recipients(connection, one, PART)
        have = notifications.already(connection, one, [who.email for who in found])
        # Without a body yet; the subject is only for the editors' list of mails.
        subject = mail_text.subject(sentence("New replies"))
        outbox.add(
            connection,
            [
                NewMail(one.site_id, followers.NEWS, str(one.id), who.email, subject, "", now)
                for who in found
                if mailbox(who.email) not in have
            ],
        )
        if found:
            notifications.reached(connection, one, found[-1].id)
        if len(found) < PART:
            notifications.done(connection, one, now)

    def written(self, db: Database, mail: Mail, sender: str) -> Mail | None:
        """Return the mail with its text; None if there is nothing to notify about any more."""
        round_id = int(mail.cause)
        with db.read() as connection:
            page_id = notifications.page_of(connection, round_id)
            if page_id is None:
                return None
            wishes = [
                one
                for one in followers.of_address(connection, page_id, mail.to_address)
                if one.state == State.CONFIRMED
            ]
            mine = mailbox(mail.to_address)
            told = [
                reply
                for reply in notifications.told(connection, round_id)
                if mailbox(reply.author_email) != mine
                and any(_concerns(one, reply) for one in wishes)
            ]
            if not told:
                return None
            shown = [self._shown(connection, page_id, reply) for reply in told[:_IN_MAIL]]
        return self._in_words(mail, wishes, shown, len(told), sender)

    def _shown(self, connection: Connection, page_id: int, reply: Told) -> dict[str, str]:
        position = comments.position_of_thread(connection, reply.comment_id)
        address = pages.url_of_position(connection, page_id, position)
        place = urljoin(self._settings.site_url, address)
        return {
            "name": mail_text.one_line(reply.author_name, 60),
            "text": mail_text.quoted(reply.text, 1_000),
            "link": f"{place}#comment-{reply.public_id}",
        }

    def _in_words(
        self,
        mail: Mail,
        wishes: Sequence[Subscription],
        shown: Sequence[Mapping[str, str]],
        count: int,
        sender: str,
    ) -> Mail:
        title = mail_text.one_line(wishes[0].page_title, 80)
        token = link_tokens.unsigned(wishes[0].seed)
        values: dict[str, Any] = {
            "title": title,
            "replies": shown,
            "count": count,
            "more": count - len(shown),
            "all": any(one.kind == Kind.ALL for one in wishes),
            "token": token,
        }
        name = shown[0]["name"]
        subject = (
            sentence("%(name)s replied to “%(title)s”", name=name, title=title)
            if count == 1
            else counted(
                "%(num)s new reply to “%(title)s”",
                "%(num)s new replies to “%(title)s”",
                count,
                title=title,
            )
        )
        return mail._replace(
            subject=mail_text.subject(subject),
            body=mail_text.body(self._settings, "news", **values),
            headers=self._headers(wishes[0], token, sender),
        )

    def _headers(self, one: Subscription, token: str, sender: str) -> dict[str, str]:
        """Return headers for threading by article and for one-click unsubscribing (RFC 8058)."""
        site = urlsplit(self._settings.site_url).hostname or "localhost"
        host = ascii_domain(site)
        # The id of a message that does not exist, to which all mails about the article refer.
        name = hashlib.sha256(f"article:{one.page_key}".encode()).hexdigest()[:32]
        thread = f"<{name}@{sender.rpartition('@')[2]}>"
        found = {
            "In-Reply-To": thread,
            "References": thread,
            "List-Id": f"<article-{one.page_id}.replies.{host}>",
            "List-Unsubscribe": f"<{self._settings.site_url}/comments/unsubscribe/{token}>",
        }
        # RFC 8058 allows one click over https only.
        if self._settings.secure:
            found["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        return found


def _concerns(one: Subscription, reply: Told) -> bool:
    # Skip replies published before the request to follow.
    if reply.at < one.asked_at:
        return False
    return one.kind == Kind.ALL or one.comment_id == reply.parent_id
