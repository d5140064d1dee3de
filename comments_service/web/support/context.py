"""Application context: the shared objects that handlers use, built by `create_app`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from starlette.requests import Request

from comments_service.services import rate_limit
from comments_service.settings import Settings
from comments_service.store.database import Database
from comments_service.web.support.bulk_runner import BulkRunner
from comments_service.web.support.notifier import Notifier
from comments_service.web.support.password_hashing import PasswordHashing
from comments_service.web.support.previews import Previews
from comments_service.web.support.publisher_heartbeat import PublisherHeartbeat
from comments_service.web.support.rate_limit import MinuteLimit
from comments_service.web.support.render_pool import RenderPool
from comments_service.web.support.write_batcher import WriteBatcher


@dataclass(frozen=True)
class Context:
    """What handlers share. There is one per application; a process may run several.

    `now` returns an aware UTC datetime.
    """

    settings: Settings
    db: Database
    now: Callable[[], datetime]
    render_pool: RenderPool
    write_batcher: WriteBatcher
    hashing: PasswordHashing
    notifier: Notifier
    heartbeat: PublisherHeartbeat
    bulk_runner: BulkRunner
    previews: Previews
    post_limit: MinuteLimit
    search_limit: MinuteLimit

    @cached_property
    def secret(self) -> bytes:
        """The secret key that signs private links and form tokens."""
        return self.settings.secret.get_secret_value().encode()

    @cached_property
    def change_limits(self) -> rate_limit.Limits:
        """The rate limits for authors' changes to their replies."""
        return rate_limit.for_changes(self.settings)

    @property
    def resend_window(self) -> timedelta:
        """How long an identical reply sent again counts as a resend of the first."""
        return timedelta(hours=self.settings.resend_hours)


def context_of(request: Request) -> Context:
    """Return the context of the request's application."""
    context: Context = request.app.state.context
    return context
