"""Exceptions of the service, mapped to HTTP statuses; their messages say how to fix the problem.

Titles and messages are English here. They are translated where they are shown (`i18n.py`).
"""

import math
from collections.abc import Mapping
from datetime import datetime

from comments_service.domain.i18n import counted, marked, sentence


class SettingsError(Exception):
    """Settings are missing or invalid; the message names each one and how to fix it."""


class StartupError(Exception):
    """The service cannot start; the message says why and what to do."""


class DatabaseDamaged(Exception):
    """The database file is damaged; the message is SQLite's and contains no stored data."""


class ServiceError(Exception):
    """Base of the errors that become responses; `detail` may be shown to the client."""

    status = 500
    title = marked("Something went wrong")

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    @property
    def headers(self) -> dict[str, str]:
        """Additional headers of the response."""
        return {}


class BadRequest(ServiceError):
    """The request cannot be read."""

    status = 400
    title = marked("The request could not be read")


class Unauthorized(ServiceError):
    """The token or session is missing or unknown."""

    status = 401
    title = marked("Sign in first")


class Forbidden(ServiceError):
    """The signed-in user may not do this, or the form has no valid CSRF token."""

    status = 403
    title = marked("That is not allowed")


class NotFound(ServiceError):
    """No such page, reply, event or link.

    Also raised for what is not public, so that responses do not reveal that it exists.
    """

    status = 404
    title = marked("Not found")


class Conflict(ServiceError):
    """The current state does not allow the change; the message says why and what to do."""

    status = 409
    title = marked("Your change was not applied")


class AlreadyHandled(Conflict):
    """Another editor changed the reply first; the message says who did what, and when."""

    title = marked("Already handled")


class TooLarge(ServiceError):
    """The request body is over the size limit."""

    status = 413
    title = marked("That is too long")


class UnsupportedMediaType(ServiceError):
    """The content type of the request body is not supported by this route."""

    status = 415
    title = marked("That kind of content is not read here")


class TooMany(ServiceError):
    """A rate limit was exceeded; requests are accepted again at `until`.

    `detail` replaces the default message, which is about attempts.
    """

    status = 429
    title = marked("Too many attempts")

    def __init__(self, until: datetime, now: datetime, detail: str = "") -> None:
        self.until = until
        self.seconds = max(1, math.ceil((until - now).total_seconds()))
        super().__init__(detail or _too_many(f"{until:%H:%M:%S}", self.seconds))

    @property
    def headers(self) -> dict[str, str]:
        """`Retry-After` in seconds."""
        return {"Retry-After": str(self.seconds)}


def _too_many(time: str, seconds: int) -> str:
    if seconds < 120:
        return counted(
            "There were too many attempts. Try again at %(time)s UTC, in %(num)s second.",
            "There were too many attempts. Try again at %(time)s UTC, in %(num)s seconds.",
            seconds,
            time=time,
        )
    return counted(
        "There were too many attempts. Try again at %(time)s UTC, in %(num)s minute.",
        "There were too many attempts. Try again at %(time)s UTC, in %(num)s minutes.",
        math.ceil(seconds / 60),
        time=time,
    )


class Unavailable(ServiceError):
    """The database cannot be used at the moment; `reason` is for the log, never for readers."""

    status = 503
    title = marked("Not just now")

    def __init__(self, reason: str) -> None:
        super().__init__(
            sentence(
                "The service cannot store anything just now. "
                "Keep your text and try again in a minute."
            )
        )
        self.reason = reason


class Busy(ServiceError):
    """Too many sign-ins are being processed; the client may retry after `seconds`."""

    status = 503
    title = Unavailable.title

    def __init__(self, seconds: int) -> None:
        super().__init__(
            f"Too many people are signing in just now. Try again in {seconds} seconds."
        )
        self.seconds = seconds

    @property
    def headers(self) -> dict[str, str]:
        """`Retry-After` in seconds."""
        return {"Retry-After": str(self.seconds)}


class Invalid(ServiceError):
    """Form fields are invalid; `fields` maps each field's name to one sentence."""

    status = 422
    title = marked("There is a problem")

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.fields = dict(fields)
