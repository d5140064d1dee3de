"""Composition root: builds the ASGI application from settings, database, routes and workers."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fastapi import FastAPI
from sqlalchemy import Connection
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from comments_service.domain import i18n
from comments_service.mail.outbox_worker import STOP_SECONDS, Worker
from comments_service.services import (
    bulk_drafts,
    database_scrub,
    login_throttle,
    rate_limit,
    retention,
    submission,
)
from comments_service.services.editor_notices import Notices
from comments_service.services.subscriptions import Followers
from comments_service.settings import Settings
from comments_service.store.database import Database
from comments_service.store.sites import Site
from comments_service.web import error_responses
from comments_service.web.api import error_schemas, site_api
from comments_service.web.moderation import (
    account,
    articles,
    audit_log,
    bulk,
    editors,
    login,
    outbox,
    queue,
    reply_ban,
    reply_page,
    undo,
)
from comments_service.web.moderation import settings as settings_page
from comments_service.web.public import comments, live_reload, mail_links, search, subscribe
from comments_service.web.public.static_site import StaticSite
from comments_service.web.support.bulk_runner import BulkRunner
from comments_service.web.support.context import Context
from comments_service.web.support.error_containment import Application, log_forgotten
from comments_service.web.support.notifier import Notifier
from comments_service.web.support.pages import page
from comments_service.web.support.password_hashing import PasswordHashing
from comments_service.web.support.periodic import daily
from comments_service.web.support.previews import Previews
from comments_service.web.support.publisher_heartbeat import PublisherHeartbeat
from comments_service.web.support.rate_limit import MinuteLimit
from comments_service.web.support.render_pool import RenderPool
from comments_service.web.support.write_batcher import WriteBatcher

logger = logging.getLogger("rejoinder.service")
ASSETS = Path(__file__).parent / "static"


def utc_now() -> datetime:
    """Return the current time; the service uses no other clock."""
    return datetime.now(UTC)


def create_app(
    settings: Settings, db: Database, now: Callable[[], datetime] = utc_now
) -> Starlette:
    """Return the application: routes for readers, the queue, the API, and the built site if set."""
    # Raises ValueError now, not in the first request.
    i18n.words_of(settings.language)
    notifier = Notifier()
    db.subscribe(notifier.ring)
    window = timedelta(hours=settings.resend_hours)
    on_arrival = _writing_mail(settings) if settings.sends_mail else None
    secret = settings.secret.get_secret_value().encode()
    limits = submission.PostLimits(secret, rate_limit.for_posts(settings))

    def submit_all(
        batch: Sequence[submission.Submission],
    ) -> list[submission.Submitted | Exception]:
        # In a thread of the batcher, which has no request's context.
        i18n.use(settings.language)
        return submission.submit_all(
            db, batch, resend_window=window, on_arrival=on_arrival, limits=limits
        )

    write_batcher = WriteBatcher(submit_all)
    context = Context(
        settings=settings,
        db=db,
        now=now,
        render_pool=RenderPool(secret, now, lambda: write_batcher.waiting),
        write_batcher=write_batcher,
        hashing=PasswordHashing(),
        notifier=notifier,
        heartbeat=PublisherHeartbeat(now()),
        bulk_runner=BulkRunner(db, now),
        previews=Previews(),
        post_limit=MinuteLimit(comments.TRIES_PER_POST * settings.posts_per_minute),
        search_limit=MinuteLimit(search.A_MINUTE),
    )
    api = _api(context)

    def forget_counts() -> None:
        login_throttle.forget_old(db, now=now())
        rate_limit.forget_old(db, now=now())

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        i18n.use(settings.language)
        asyncio.get_running_loop().set_exception_handler(log_forgotten)
        async with _sending_mail(db, settings, now):
            upkeeping = [
                asyncio.create_task(daily(lambda: retention.keep_up(db, now=now()))),
                asyncio.create_task(daily(forget_counts, every=login_throttle.FORGET_SECONDS)),
                asyncio.create_task(
                    daily(
                        lambda: bulk_drafts.remove_expired(db, now=now()),
                        first=bulk_drafts.EVERY_SECONDS,
                        every=bulk_drafts.EVERY_SECONDS,
                    )
                ),
                asyncio.create_task(
                    daily(
                        lambda: database_scrub.scrub(db),
                        first=database_scrub.EVERY_SECONDS,
                        every=database_scrub.EVERY_SECONDS,
                    )
                ),
            ]
            yield
            for task in upkeeping:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            notifier.close()
            await context.render_pool.close()
            await context.bulk_runner.close()
            write_batcher.close()

    async def api_guide(request: Request) -> Response:
        return page(request, "api.html", schema=api.openapi())

    routes = [
        # Before the routes with page keys; no page has this key.
        *search.ROUTES,
        *comments.ROUTES,
        Route("/comments/api/", api_guide, methods=["GET"]),
        Mount("/comments/api", api),
        *login.ROUTES,
        *account.ROUTES,
        *editors.ROUTES,
        *queue.ROUTES,
        *reply_page.ROUTES,
        *reply_ban.ROUTES,
        *undo.ROUTES,
        *settings_page.ROUTES,
        *articles.ROUTES,
        *bulk.ROUTES,
        *audit_log.ROUTES,
        *outbox.ROUTES,
        *mail_links.ROUTES,
        *subscribe.ROUTES,
        Mount("/moderate/assets", StaticSite(ASSETS)),
    ]
    if settings.site_dir is not None:
        if settings.live_reload:
            routes += live_reload.routes(
                settings.site_dir, lambda: notifier.closed, settings.site_report
            )
        else:
            site = StaticSite(settings.site_dir, settings.site_report)
            routes.append(Mount("/", GZipMiddleware(site)))
    app = Application(
        routes=routes,
        exception_handlers=error_responses.PAGE_HANDLERS,
        middleware=[
            Middleware(_Language, language=settings.language),
            Middleware(_RequestLog),
            Middleware(_NoSniff),
        ],
        lifespan=lifespan,
    )
    # Its redirects would contain the Host header, which clients can forge.
    app.router.redirect_slashes = False
    app.state.context = context
    return app


def _writing_mail(settings: Settings) -> submission.OnArrival:
    """Return a callback that writes mail about new replies: to editors and to new followers."""
    editors_mail, following_mail = Notices(settings), Followers(settings)

    def write(connection: Connection, site: Site, new: Sequence[submission.Arrived]) -> set[str]:
        editors_mail.arrived(connection, site, new)
        return following_mail.arrived(connection, site, new)

    return write


@asynccontextmanager
async def _sending_mail(
    db: Database, settings: Settings, now: Callable[[], datetime]
) -> AsyncIterator[None]:
    """Run the outbox worker during the block, if a mail server is set."""
    if not settings.sends_mail:
        yield
        return
    worker = Worker(db, settings, now)
    working = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.stop()
        await asyncio.wait([working], timeout=STOP_SECONDS)
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working


def _api(context: Context) -> FastAPI:
    app = FastAPI(
        title="Rejoinder's comments service",
        summary="What the site side reads and registers.",
        description="What the site side reads from the service and reports to it: docs/api.md.",
        version="1",
        license_info={"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"},
        # FastAPI's own pages load scripts from a third party; `api.html` does not.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        root_path_in_servers=False,
        servers=[{"url": "/comments/api"}],
    )
    for kind, handler in error_responses.API_HANDLERS.items():
        app.add_exception_handler(kind, handler)
    app.include_router(site_api.router)
    error_schemas.describe(app)
    app.state.context = context
    return app


class _Language:
    """Sets the site's language for each request."""

    def __init__(self, app: ASGIApp, language: str) -> None:
        self._app = app
        self._language = language

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        i18n.use(self._language)
        await self._app(scope, receive, send)


class _NoSniff:
    """Middleware that adds `X-Content-Type-Options: nosniff` to every response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def mark(message: Message) -> None:
            if message["type"] == "http.response.start" and not any(
                name == b"x-content-type-options" for name, _ in message["headers"]
            ):
                message["headers"].append((b"x-content-type-options", b"nosniff"))
            await send(message)

        await self._app(scope, receive, mark if scope["type"] == "http" else send)


class _RequestLog:
    """Middleware that logs one line per request, with the route's pattern instead of the URL.

    URLs contain private links, which must not be logged.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not logger.isEnabledFor(logging.INFO):
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        status = 500

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            route = getattr(scope.get("route"), "path", "-")
            logger.info(
                "event=request method=%s route=%s status=%d ms=%.1f",
                scope["method"] if scope["method"].isalpha() else "-",
                route,
                status,
                (time.perf_counter() - start) * 1000,
            )
