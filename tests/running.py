"""Runs a real service in this process, on a loopback port with its own database."""

import asyncio
import secrets
import socket
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import requests
import uvicorn
from starlette.applications import Starlette

from comments_service.app import create_app
from comments_service.domain import actor
from comments_service.migrations import upgrade
from comments_service.services import moderation, reply_versions
from comments_service.services.pages import the_site
from comments_service.settings import Settings
from comments_service.store import comments
from comments_service.store.database import Database
from comments_service.web.support.http_protocol import Limits
from comments_service.web.support.server import config_for

Answer = TypeVar("Answer")

SECRET = "a secret of the tests, long enough to be one"
TOKEN = "a token of the tests, long enough to be one"
# Tests post much at one moment of their clock, so limits are off; tests of limits set their own.
NO_LIMITS: dict[str, Any] = dict.fromkeys(
    (
        "posts_per_minute",
        "posts_per_hour",
        "site_posts_per_minute",
        "mails_per_hour",
        "site_mails_per_hour",
    ),
    0,
)
# The same as environment variables, for a separate process.
NO_LIMITS_ENVIRON = {f"REJOINDER_{name.upper()}": "0" for name in NO_LIMITS}
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Clock:
    """The clock of the service, which moves only when a test advances it."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **delta: float) -> None:
        self.now += timedelta(**delta)


class Service:
    """Client of a running service, with requests of the site side, readers and editors."""

    def __init__(
        self, url: str, settings: Settings, db: Database, clock: Clock, app: Starlette | None = None
    ) -> None:
        self.url, self.settings, self.db, self.clock, self.app = url, settings, db, clock, app

    def api(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {TOKEN}"} | options.pop("headers", {})
        return requests.request(
            method, f"{self.url}/comments/api{path}", headers=headers, timeout=40, **options
        )

    def register(self, *keys: str, **more: Any) -> None:
        pages = [
            {"key": key, "url": f"/{key}/", "title": f"About {key}", "question": "And you?"} | more
            for key in keys
        ]
        self.api("PUT", "/pages", json={"pages": pages}).raise_for_status()

    def post(self, key: str = "networking", **fields: str) -> requests.Response:
        return requests.post(
            f"{self.url}/comments/{key}", data=reply(**fields), allow_redirects=False, timeout=30
        )

    def submit(self, key: str = "networking", **fields: str) -> str:
        """Post a reply, which must be accepted; return its public id."""
        answer = self.post(key, **fields)
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"].split("/")[3]

    def approve(self, public_id: str) -> None:
        """Approve a pending reply, as the command line does."""
        moderation.decide(
            self.db,
            public_id,
            "approve",
            by=actor.COMMAND_LINE,
            expected="pending",
            version=version_of(self.db, public_id),
            now=self.clock(),
        )


def version_of(db: Database, public_id: str) -> int:
    """Return the current version of a reply."""
    with db.read() as connection:
        found = comments.find(connection, the_site(connection).id, public_id)
    return found.version if found else 0


def token_of(db: Database, public_id: str) -> str:
    """Return the current version of a reply in the format of forms."""
    with db.read() as connection:
        found = comments.find(connection, the_site(connection).id, public_id)
    return reply_versions.token(found) if found else ""


def run(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Run a coroutine to its end in another thread: this one may have a browser's event loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def reply(**fields: str) -> dict[str, str]:
    """Return the form fields of a valid reply, with some of them replaced."""
    good = {
        "comment": "I bring one question and leave after two talks.",
        "author": "Ann Okoye",
        "email": "ann.okoye@example.org",
        "url": "",
        "parent": "",
    }
    return good | fields


def settings_for(folder: Path, **more: Any) -> Settings:
    """Return settings with an SQLite database in `folder`."""
    environ = {
        "REJOINDER_SECRET": SECRET,
        "REJOINDER_API_TOKEN": TOKEN,
        "REJOINDER_DATABASE": f"sqlite:///{folder / 'comments.sqlite3'}",
    }
    return Settings.from_environ(environ, **(NO_LIMITS | more))


@cache
def _migrated_database() -> bytes:
    """Return a migrated database file, made once per process: migrating takes 0.2 s of CPU."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "migrated.sqlite3"
        db = Database(f"sqlite:///{file}")
        upgrade(db.engine)
        db.close()
        return file.read_bytes()


def copy_migrated_database(file: Path) -> None:
    """Create a migrated, empty database with a new epoch, as `migrate` does."""
    file.write_bytes(_migrated_database())
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE site SET epoch = ?", (secrets.token_hex(16),))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(app: Starlette, port: int, limits: Limits | None = None) -> Iterator[None]:
    """Run an application with uvicorn in a thread, like the command, until the block ends."""
    config = config_for(app, app.state.context.settings, host="127.0.0.1", port=port, limits=limits)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started:
        assert time.monotonic() < deadline, "the service did not start"
        time.sleep(0.01)
    yield
    app.state.context.notifier.close()
    server.should_exit = True
    thread.join(60)
    assert not thread.is_alive(), "the service did not end"


@contextmanager
def running_service(
    folder: Path,
    clock: Callable[[], datetime] | None = None,
    limits: Limits | None = None,
    **settings: Any,
) -> Iterator[Service]:
    """Run a service with a new database in `folder`."""
    port = free_port()
    known = settings_for(folder, **({"site_url": f"http://127.0.0.1:{port}"} | settings))
    file = folder / "comments.sqlite3"
    if not file.exists():
        copy_migrated_database(file)
    db = Database(known.database)
    upgrade(db.engine)
    time_of = clock if isinstance(clock, Clock) else Clock()
    app = create_app(known, db, time_of)
    with serving(app, port, limits):
        yield Service(f"http://127.0.0.1:{port}", known, db, time_of, app)
    db.close()
