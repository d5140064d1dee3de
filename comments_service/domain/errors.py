"""One family of errors; each knows the HTTP status that it becomes, and says the mend.

Titles and sentences are English here, and translated where a reader sees them (language.py).
"""

import math
from collections.abc import Mapping
from datetime import datetime

from comments_service.domain.i18n import counted, marked, sentence


class SettingsError(Exception):
    """The environment does not hold usable settings; the text names each and its mend."""


class StartupError(Exception):
    """The service cannot start; the text says why and what to do."""


class DatabaseDamaged(Exception):
    """The database file is damaged; the text is SQLite's, without anything that is stored."""


class ServiceError(Exception):
    """Something that a caller did or met, told in words that may be shown to them."""

    status = 500
    title = marked("Something went wrong")

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the answer that programs read."""
        return {}


class BadRequest(ServiceError):
    """The request cannot be read."""

    status = 400
    title = marked("The request could not be read")


class Unauthorized(ServiceError):
    """No token or session, or one that is not known."""

    status = 401
    title = marked("Sign in first")


class Forbidden(ServiceError):
    """Known, but not allowed; or a form without its token."""

    status = 403
    title = marked("That is not allowed")


class NotFound(ServiceError):
    """No such page, reply, event or link; also what is not public, so that nobody can tell."""

    status = 404
    title = marked("Not found")


class Conflict(ServiceError):
    """The present state does not allow the change; the text says why, and what to do."""

    status = 409
    title = marked("Your change was not applied")


class AlreadyHandled(Conflict):
    """Another editor changed the reply first; the text says who did what, and when."""

    title = marked("Already handled")


class TooLarge(ServiceError):
    """The body is over the limit."""

    status = 413
    title = marked("That is too long")


class UnsupportedMediaType(ServiceError):
    """The body is of a kind that this address does not read."""

    status = 415
    title = marked("That kind of content is not read here")


class TooMany(ServiceError):
    """Too often in a short time; `until` says from when on it may be tried again.

    `detail` says it in other words than those about attempts.
    """

    status = 429
    title = marked("Too many attempts")

    def __init__(self, until: datetime, now: datetime, detail: str = "") -> None:
        self.until = until
        self.seconds = max(1, math.ceil((until - now).total_seconds()))
        super().__init__(detail or _too_many(f"{until:%H:%M:%S}", self.seconds))

    @property
    def headers(self) -> dict[str, str]:
        """What tells a program how long to wait."""
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
    """The database cannot be used just now; `reason` is for the log, never for readers."""

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
    """Too many requests of the same kind are being worked on; `seconds` is when to try again."""

    status = 503
    title = Unavailable.title

    def __init__(self, seconds: int) -> None:
        super().__init__(
            f"Too many people are signing in just now. Try again in {seconds} seconds."
        )
        self.seconds = seconds

    @property
    def headers(self) -> dict[str, str]:
        """The seconds to wait before the next try."""
        return {"Retry-After": str(self.seconds)}


class Invalid(ServiceError):
    """Fields that cannot be accepted: `fields` maps each field's name to one sentence."""

    status = 422
    title = marked("There is a problem")

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.fields = dict(fields)
