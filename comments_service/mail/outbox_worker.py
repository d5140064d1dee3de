"""Worker that sends the mail in the outbox, with retries and at-least-once delivery.

A mail is leased for two minutes. If a worker crashes, another one takes its mails after that time.
A mail that the server accepted just before the crash is sent again with the same Message-ID.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from comments_service.domain import smtp_address
from comments_service.domain.errors import Unavailable
from comments_service.error_log import described
from comments_service.mail import messages
from comments_service.mail.sender import MESSAGE_SECONDS, Result, Said, Sender
from comments_service.services.editor_notices import Notices
from comments_service.services.follower_mail import News
from comments_service.services.pages import the_site
from comments_service.settings import Settings
from comments_service.store import followers, mail_links, outbox
from comments_service.store.database import Database
from comments_service.store.outbox import Mail

logger = logging.getLogger("rejoinder.mail")

LEASE: Final = timedelta(minutes=2)
BATCH: Final = 10
LOOK_EVERY_S: Final = 1.0
# How long a stopping service waits for the current message.
STOP_SECONDS: Final = 1.0

# Minutes between attempts; the last value is repeated until three days have passed.
_WAITS = (1, 5, 15, 60, 240)
_TRIES = len(_WAITS) + (3 * 24 * 60 - sum(_WAITS)) // _WAITS[-1] + 1
KEEP: Final = timedelta(days=30)
# Notification mail is kept for a shorter time: there may be very much, and no limit counts it.
KEEP_NEWS: Final = timedelta(days=2)
_PRUNE_EVERY = timedelta(hours=1)


def wait_after(attempts: int) -> timedelta | None:
    """Return the wait after that many attempts; None if that was the last one."""
    if attempts >= _TRIES:
        return None
    return timedelta(minutes=_WAITS[min(attempts, len(_WAITS)) - 1])


class Worker:
    """Sends mail until it is stopped; several workers can share one database."""

    def __init__(self, db: Database, settings: Settings, now: Callable[[], datetime]) -> None:
        if settings.smtp_url is None or settings.mail_from is None:
            raise ValueError("no mail server is set")
        self._db, self._settings, self._now = db, settings, now
        self._server = smtp_address.parse(settings.smtp_url.get_secret_value())
        self._from = settings.mail_from
        self._sender = smtp_address.sender(settings.mail_from).addr_spec
        self._secret = settings.secret.get_secret_value().encode()
        self._notices = Notices(settings)
        self._news = News(settings)
        self._stopping = asyncio.Event()
        self._pruned: datetime | None = None

    async def run(self) -> None:
        """Send due mail until `stop` is called; no error ends the loop."""
        while not self._stopping.is_set():
            try:
                more = await self.round()
            except Unavailable as error:
                more = False
                logger.warning("event=mail-waits %s", described(error))
            except Exception as error:
                more = False
                # Without the error's message, which could contain parts of a mail.
                logger.error("event=mail-worker-failed %s", described(error))  # noqa: TRY400
            if not more:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), LOOK_EVERY_S)

    def stop(self) -> None:
        """Stop after the current message."""
        self._stopping.set()

    async def round(self) -> bool:
        """Write due digests and send one batch; return whether there may be more to send."""
        taken = await asyncio.to_thread(self._prepare)
        if not taken:
            return False
        await self.deliver(taken)
        return len(taken) == BATCH

    def _prepare(self) -> list[Mail]:
        now = self._now()
        self._notices.write_digests(self._db, now)
        self._news.go_on(self._db, now)
        if self._pruned is None or now - self._pruned >= _PRUNE_EVERY:
            self._prune(now)
        with self._db.read() as connection:
            if not outbox.is_due(connection, now):
                return []
        with self._db.write() as connection:
            return outbox.take(connection, now=now, until=now + LEASE, most=BATCH)

    def _prune(self, now: datetime) -> None:
        self._pruned = now
        with self._db.write() as connection:
            outbox.prune(connection, now - KEEP)
            outbox.prune(connection, now - KEEP_NEWS, kind=followers.NEWS)
            followers.prune(connection, now - KEEP)
            mail_links.prune(connection, now - KEEP)

    async def deliver(self, taken: Sequence[Mail]) -> list[Said]:
        """Send leased mails and record each result at once; return the results of those tried."""
        # Stop before the lease can be over. A monotonic clock, because `now` may be set back.
        until = time.monotonic() + LEASE.total_seconds() - MESSAGE_SECONDS - 10
        results: list[Said] = []
        try:
            async with Sender(self._server, self._settings.site_url) as sender:
                for mail in taken:
                    if self._stopping.is_set() or time.monotonic() > until:
                        break
                    said = await self._send(sender, mail)
                    # Shielded, so that a result of the server is always recorded.
                    await asyncio.shield(asyncio.to_thread(self._settle, mail, said))
                    results.append(said)
        finally:
            if rest := taken[len(results) :]:
                await asyncio.shield(asyncio.to_thread(self._release, rest))
        return results

    async def _send(self, sender: Sender, mail: Mail) -> Said:
        try:
            if mail.kind == followers.NEWS:
                written = await asyncio.to_thread(self._news.written, self._db, mail, self._sender)
                if written is None:
                    return Said(Result.NEEDLESS, "There is nothing left to notify about")
                mail = written
            message = messages.build(mail, self._secret, self._from)
        except Unavailable:
            return Said(Result.LATER, "The database could not be read")
        except Exception as error:
            # One invalid row must not stop the others.
            logger.error("event=mail-unbuilt mail=%d %s", mail.id, described(error))  # noqa: TRY400
            return Said(Result.REFUSED, "The message could not be built")
        return await sender.send(message, self._sender, messages.recipient(mail.to_address))

    def _settle(self, mail: Mail, said: Said) -> None:
        now = self._now()
        wait = wait_after(mail.attempts + 1)
        with self._db.write() as connection:
            if said.result is Result.ACCEPTED:
                outbox.sent(connection, mail, now=now, words=said.words)
            elif said.result is Result.LATER and wait is not None:
                outbox.later(connection, mail, at=now + wait, problem=said.words)
            elif said.result is Result.NEEDLESS or (
                # An editor could not fix it, and the address's subscriptions are ended below.
                said.no_such_address and mail.kind == followers.NEWS
            ):
                outbox.drop(connection, mail)
            elif said.no_such_address and mail.kind == followers.ASK:
                # A mistyped address is not the site's failure; the row still counts for limits.
                outbox.sent(connection, mail, now=now, words=said.words)
            else:
                outbox.failed(connection, mail, problem=said.words)
            if said.no_such_address and mail.kind in {followers.ASK, followers.NEWS}:
                ended = followers.end(connection, the_site(connection).id, mail.to_address, now)
                logger.info("event=follow-ended reason=bounce count=%d", ended)
        # Only ids and codes: the recipient is an address, and the server's answer may contain one.
        logger.info(
            "event=mail mail=%d kind=%s attempt=%d result=%s code=%s",
            mail.id,
            mail.kind,
            mail.attempts + 1,
            said.result,
            said.code or "-",
        )

    def _release(self, mails: Sequence[Mail]) -> None:
        with self._db.write() as connection:
            outbox.release(connection, mails)
