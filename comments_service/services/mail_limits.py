"""Limits of the mail that strangers can cause, by network, by site and by recipient.

Anybody can enter any address, to confirm it or to follow a discussion. So one network can cause
only few mails an hour, a small share of what the site sends to strangers, and one address gets only
few a day of all kinds together.
"""

import math
from datetime import datetime, timedelta

from sqlalchemy import Connection

from comments_service.domain.errors import TooMany
from comments_service.domain.i18n import counted, marked
from comments_service.services import rate_limit
from comments_service.services.rate_limit import RateLimited
from comments_service.settings import Settings
from comments_service.store import outbox
from comments_service.store.followers import ASK
from comments_service.store.sites import Site

VERIFY = "verify"
# The kinds of mail that go to unconfirmed addresses.
TO_STRANGERS = (VERIFY, ASK)

MOST_TO_ADDRESS_A_DAY = 5
DAY = timedelta(days=1)


class NotNow(TooMany):
    """A mail must not be sent yet; the message says when it may be requested again."""

    title = marked("Not just now")


def take(connection: Connection, settings: Settings, client: str | None, now: datetime) -> None:
    """Count a mail that the client at that IP address causes; raises `NotNow`.

    Call it before looking up the email address, so that the response reveals nothing about it.
    """
    secret = settings.secret.get_secret_value().encode()
    try:
        rate_limit.take(connection, secret, rate_limit.for_mail(settings).buckets(client), now)
    except RateLimited as error:
        raise NotNow(error.until, now, _asked_too_often(error.seconds)) from error


def has_enough(connection: Connection, site: Site, email: str, now: datetime) -> bool:
    """Return whether an address has reached the limit of mails that strangers may cause a day."""
    number = outbox.count_between(connection, site.id, TO_STRANGERS, now - DAY, now, address=email)
    return number >= MOST_TO_ADDRESS_A_DAY


def _asked_too_often(seconds: int) -> str:
    return counted(
        "Many mails were asked for in a short time, so this one is not sent. "
        "Ask again in %(num)s minute.",
        "Many mails were asked for in a short time, so this one is not sent. "
        "Ask again in %(num)s minutes.",
        math.ceil(seconds / 60),
    )
