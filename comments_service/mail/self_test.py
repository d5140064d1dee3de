"""Sends a test mail through the outbox and the mail server (`rejoinder mail test`)."""

from collections.abc import Callable
from datetime import datetime

from comments_service.domain.comment_form import email_problem
from comments_service.domain.errors import Invalid, ServiceError
from comments_service.domain.i18n import sentence
from comments_service.mail.outbox_worker import LEASE, Worker
from comments_service.mail.sender import Result, Said
from comments_service.services import mail_text
from comments_service.services.pages import the_site
from comments_service.settings import Settings
from comments_service.store import outbox
from comments_service.store.database import Database
from comments_service.store.outbox import NewMail

TEST = "test"


async def send(
    db: Database, settings: Settings, address: str, *, now: Callable[[], datetime]
) -> Said:
    """Store a mail, send it, record the result and return it.

    A failed mail is not retried, because the operator sees the result. Raises `Invalid` for an
    invalid address, and `ServiceError` if no mail server is set.
    """
    if problem := email_problem(address):
        raise Invalid({"address": problem})
    if not settings.sends_mail:
        raise ServiceError("No mail server is set. Set REJOINDER_SMTP_URL and REJOINDER_MAIL_FROM.")
    at = now()
    body = mail_text.body(settings, "test")
    subject = mail_text.subject(sentence("Test mail of %(site)s", site=settings.site_name))
    with db.write() as connection:
        site = the_site(connection)
        new = NewMail(site.id, TEST, at.isoformat(), address, subject, body, at)
        # Leased from the start, so that a running service does not send it first.
        mail = outbox.add_leased(connection, new, at + LEASE)
    said = (await Worker(db, settings, now).deliver([mail]))[0]
    if said.result is Result.LATER:
        with db.write() as connection:
            outbox.forget_waiting(connection, mail.id)
    return said
