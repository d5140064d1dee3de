"""Confirmation of authors' email addresses by a mailed link, remembered by a signed cookie."""

import hashlib
import hmac
import re
from datetime import datetime, timedelta
from typing import NamedTuple

from comments_service.domain.email_address import mailbox
from comments_service.domain.errors import Conflict, NotFound
from comments_service.domain.i18n import sentence
from comments_service.domain.models import Status
from comments_service.services import auto_approval, link_tokens, mail_limits, mail_text
from comments_service.services.mail_limits import VERIFY, NotNow
from comments_service.services.pages import the_site
from comments_service.settings import Settings
from comments_service.store import comments, contacts, mail_links, outbox
from comments_service.store.comments import Stored
from comments_service.store.database import Database
from comments_service.store.mail_links import Link
from comments_service.store.outbox import NewMail, State

# At most one confirmation mail per reply in this time.
AGAIN_AFTER = timedelta(hours=1)
KNOWN_DAYS = 180

WAIT = sentence(
    "A mail is on its way already. If it does not arrive, ask for another one in an hour."
)
ENOUGH = sentence("This address got several mails today. Ask again tomorrow.")
NOTHING = sentence("The reply does not exist any more, so there is nothing to confirm.")


class Standing(NamedTuple):
    """State of the confirmation for the status page: `verified_at`, or `asked_at`, or neither."""

    verified_at: datetime | None = None
    # When the last confirmation mail was written, and whether it could not be delivered.
    asked_at: datetime | None = None
    failed: bool = False


def standing(db: Database, public_id: str) -> Standing:
    """Return the state of the confirmation of that reply's address."""
    with db.read() as connection:
        site = the_site(connection)
        given = contacts.given(connection, public_id)
        last = outbox.last_about(connection, site.id, VERIFY, public_id)
    if given is not None and given.verified_at is not None:
        return Standing(verified_at=given.verified_at)
    return Standing(None, last[0], last[1] == State.FAILED) if last else Standing()


def ask(
    db: Database, settings: Settings, public_id: str, *, client: str | None, now: datetime
) -> None:
    """Write the confirmation mail; `client` is the IP address of the request.

    Raises `NotFound`, `Conflict` if there is nothing to confirm, and `NotNow`.
    """
    secret = settings.secret.get_secret_value().encode()
    with db.write() as connection:
        site = the_site(connection)
        reply = comments.find(connection, site.id, public_id)
        given = contacts.given(connection, public_id)
        if reply is None or given is None:
            raise NotFound(sentence("This reply does not exist any more."))
        if given.verified_at is not None:
            raise Conflict(sentence("The address is confirmed already."))
        if reply.status != Status.PENDING:
            raise Conflict(
                sentence("The reply is decided already, so nothing needs to be confirmed.")
            )
        last = outbox.last_about(connection, site.id, VERIFY, public_id)
        # A mail dated in the future was written before the clock was set back, and is ignored.
        if last is not None and last[0] <= now < last[0] + AGAIN_AFTER:
            raise NotNow(last[0] + AGAIN_AFTER, now, WAIT)
        mail_limits.take(connection, settings, client, now)
        if mail_limits.has_enough(connection, site, given.email, now):
            raise NotNow(now + mail_limits.DAY, now, ENOUGH)
        link, token = link_tokens.new(secret, link_tokens.VERIFY, public_id, now)
        # Without name and text of the reply, which may be a stranger's who typed this address.
        body = mail_text.body(
            settings,
            "verify",
            title=mail_text.one_line(reply.page_title, 80),
            token=token,
            days=link_tokens.LIFE[link_tokens.VERIFY].days,
        )
        subject = mail_text.subject(
            sentence("Confirm your email address for %(site)s", site=settings.site_name)
        )
        cause = f"{public_id}:{now.isoformat()}"
        mail_links.add(connection, [link])
        outbox.add(connection, [NewMail(site.id, VERIFY, cause, given.email, subject, body, now)])


class Looked(NamedTuple):
    """A confirmation link and its reply."""

    link: Link
    reply: Stored


def look(db: Database, token: str) -> Looked:
    """Return a confirmation link and its reply; changes nothing. Raises `NotFound`."""
    with db.read() as connection:
        link = link_tokens.find(connection, link_tokens.VERIFY, token)
        site = the_site(connection)
        reply = comments.find(connection, site.id, link.comment)
    if reply is None:
        raise NotFound(NOTHING)
    return Looked(link, reply)


def confirm(db: Database, secret: bytes, token: str, *, now: datetime) -> str | None:
    """Use the link, so that the address is confirmed; return the value of the cookie (`keep`).

    None for a used or expired link, which changes nothing. Raises `NotFound`.
    """
    with db.write() as connection:
        link = link_tokens.find(connection, link_tokens.VERIFY, token)
        given = contacts.given(connection, link.comment)
        if given is None:
            raise NotFound(NOTHING)
        if not mail_links.use(connection, link.token_hash, now):
            return None
        news = auto_approval.verified(connection, link.comment, now=now)
    if news:
        db.announce()
    return keep(secret, given.email, now)


def keep(secret: bytes, email: str, now: datetime) -> str:
    """Return a cookie value that proves a confirmed address without containing it."""
    issued = str(int(now.timestamp()))
    return f"{issued}.{_proof(secret, email, issued)}"


def is_known(secret: bytes, kept: str, email: str, now: datetime) -> bool:
    """Return whether the cookie value `kept` was made for that address and has not expired."""
    match = re.fullmatch(r"([0-9]{1,11})\.([0-9a-f]{64})", kept, re.ASCII)
    if match is None:
        return False
    age = now.timestamp() - int(match[1])
    if not 0 <= age < KNOWN_DAYS * 86_400:
        return False
    return hmac.compare_digest(match[2], _proof(secret, email, match[1]))


def _proof(secret: bytes, email: str, issued: str) -> str:
    message = f"author-address:{issued}:{mailbox(email)}"
    return hmac.new(secret, message.encode(), hashlib.sha256).hexdigest()
