"""A real service that can be stopped and restarted, and whose database can be restored."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Collection
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, update

from comments_service.app import create_app
from comments_service.domain import actor, markup
from comments_service.domain.errors import ServiceError
from comments_service.domain.labels import ACTIONS
from comments_service.domain.models import Origin
from comments_service.services import moderation
from comments_service.services.pages import the_site
from comments_service.store import pages, sites
from comments_service.store.database import Database
from comments_service.store.tables import comment, event, page, site
from tests.running import (
    Clock,
    Service,
    copy_migrated_database,
    free_port,
    serving,
    settings_for,
    version_of,
)

# Without spaces: the site side rejects tokens that are not valid in a header.
TOKEN = "the-token-of-the-tests-of-crashes-and-histories"
DATABASE = "comments.sqlite3"


@dataclass(frozen=True)
class Reply:
    """The fields of a stored reply that the checks use."""

    id: str
    key: str
    status: str
    text: str
    name: str


@dataclass(frozen=True)
class Marked:
    """A stored reply with its marks by editors."""

    id: str
    key: str
    parent: str | None
    status: str
    pinned: bool
    locked: bool


class House:
    """A service that keeps its address when restarted, with methods to act on its replies."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / DATABASE
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.clock = Clock()
        self._settings = settings_for(folder, site_url=self.url, api_token=TOKEN)
        self._running = ExitStack()
        self._count = 0
        self._empty = folder / "empty.sqlite3"
        copy_migrated_database(self.file)
        copy_database(self.file, self._empty)
        self.start()

    def start(self) -> None:
        """Start the service."""
        self.db = Database(self._settings.database)
        self._running = ExitStack()
        self._running.callback(self.db.close)
        app = create_app(self._settings, self.db, self.clock)
        self._running.enter_context(serving(app, self.port))
        self._service = Service(self.url, self._settings, self.db, self.clock)

    def stop(self) -> None:
        """Stop the service."""
        self._running.close()

    def restart(self) -> None:
        """Restart the service."""
        self.stop()
        self.start()

    def forget(self) -> None:
        """Replace the database by an empty one with a new epoch."""
        self.put_back(self._empty, epoch=secrets.token_hex(8))

    def copy(self, to: Path) -> Path:
        """Copy the database to `to`."""
        return copy_database(self.file, to)

    def put_back(self, copy: Path, *, epoch: str | None = None) -> None:
        """Restore the database from a copy, with another epoch if one is given."""
        copy_database(copy, self.file)
        if epoch is not None:
            with self.db.write() as connection:
                connection.execute(update(site).values(epoch=epoch))

    # Actions of readers and editors

    def submit(self, key: str, parent: str = "", *, demo: bool = False) -> str:
        """Post a reply with a unique text and name."""
        self._count += 1
        number = self._count
        self.clock.forward(seconds=1)
        public_id = self._service.submit(
            key,
            comment=f"Words{number}x0x are mine.",
            author=f"Name{number}x",
            email=f"reader{number}x@private.example",
            parent=parent,
        )
        if demo:
            self._set(public_id, origin=Origin.DEMO)
        return public_id

    def decide(self, public_id: str, action: str) -> None:
        """Change the status of a reply; does nothing if it has that status already."""
        self.clock.forward(seconds=1)
        status = {one.id: one.status for one in self.replies()}[public_id]
        if ACTIONS[action] != status:
            moderation.decide(
                self.db,
                public_id,
                action,
                by=actor.COMMAND_LINE,
                expected=status,
                version=version_of(self.db, public_id),
                now=self.clock(),
            )

    def mark(self, public_id: str, what: str) -> bool:
        """Pin, unpin, lock or unlock a reply. Returns whether that was possible."""
        self.clock.forward(seconds=1)
        by_id = {one.id: one for one in self.marked()}
        try:
            moderation.mark(
                self.db,
                public_id,
                what,
                on=not getattr(by_id[public_id], what),
                by=actor.COMMAND_LINE,
                now=self.clock(),
            )
        except ServiceError:
            return False
        return True

    def set_open(self, key: str, opened: bool | None) -> bool:
        """Close or open a discussion, or leave it to the article. Returns whether it changed."""
        self.clock.forward(seconds=1)
        try:
            moderation.set_open(
                self.db, key, opened=opened, by=actor.COMMAND_LINE, now=self.clock()
            )
        except ServiceError:
            return False
        return True

    def answer(self, public_id: str) -> None:
        """Answer a reply as an editor, which also approves it if it is pending."""
        self.clock.forward(seconds=1)
        self._count += 1
        status = {one.id: one.status for one in self.replies()}[public_id]
        moderation.answer(
            self.db,
            public_id,
            f"Words{self._count}x0x are an editor's.",
            by=actor.Actor(f"Name{self._count}x", None),
            email=f"editor{self._count}x@private.example",
            expected=status,
            version=version_of(self.db, public_id),
            now=self.clock(),
        )

    def undo(self, which: int) -> bool:
        """Undo one of the last decisions. Returns whether that was possible."""
        with self.db.read() as connection:
            query = select(event.c.seq).where(event.c.before.is_not(None)).order_by(event.c.seq)
            numbers = list(connection.execute(query).scalars())[-5:]
        if not numbers:
            return False
        try:
            moderation.undo(
                self.db,
                numbers[which % len(numbers)],
                by=actor.COMMAND_LINE,
                now=self.clock(),
            )
        except ServiceError:
            return False
        return True

    def edit(self, public_id: str) -> None:
        """Change a reply's text and revision in one transaction, as its author could."""
        self.clock.forward(seconds=1)
        self._count += 1
        text = f"Words{self._count}x0x are better."
        with self.db.write() as connection:
            here = the_site(connection)
            number = sites.next_number(connection, here.id)
            chosen = comment.c.public_id == public_id
            row = connection.execute(select(comment).where(chosen)).one()
            connection.execute(
                update(comment)
                .where(chosen)
                .values(text=text, html=markup.render(text).html, edited_at=self.clock())
            )
            if row.status == "approved":
                pages.set_revision(connection, row.page_id, number)
        self.db.announce()

    def erase(self, public_id: str) -> None:
        """Delete a reply and the answers to it, permanently."""
        self._set(public_id, origin=Origin.DEMO)
        self.remove_demo()

    def remove_demo(self) -> None:
        """Delete the sample replies and the answers to them, permanently."""
        moderation.remove_demo(self.db, by=actor.COMMAND_LINE, now=self.clock())

    # State

    def replies(self) -> list[Reply]:
        """Return all stored replies, oldest first."""
        columns = (
            comment.c.public_id,
            page.c.key,
            comment.c.status,
            comment.c.text,
            comment.c.author_name,
        )
        query = select(*columns).join(page, page.c.id == comment.c.page_id).order_by(comment.c.id)
        with self.db.read() as connection:
            return [Reply(*row) for row in connection.execute(query)]

    def marked(self) -> list[Marked]:
        """Return all stored replies with their marks."""
        above = comment.alias("above")
        columns = (
            comment.c.public_id,
            page.c.key,
            above.c.public_id.label("parent"),
            comment.c.status,
            comment.c.pinned,
            comment.c.locked,
        )
        query = (
            select(*columns)
            .join_from(comment, page, page.c.id == comment.c.page_id)
            .outerjoin(above, above.c.id == comment.c.parent_id)
            .order_by(comment.c.id)
        )
        with self.db.read() as connection:
            return [Marked(*row) for row in connection.execute(query)]

    def locked(self) -> set[str]:
        """Return the ids of all replies that cannot be answered."""
        found: set[str] = set()
        # Parents come before their answers.
        for one in self.marked():
            if one.locked or one.parent in found:
                found.add(one.id)
        return found

    def taking(self) -> list[str]:
        """Return the keys of the pages that accept replies."""
        takes = func.coalesce(page.c.opened, page.c.open)
        query = select(page.c.key).where(page.c.registered, takes).order_by(page.c.key)
        with self.db.read() as connection:
            return list(connection.execute(query).scalars())

    def registered(self) -> dict[str, tuple[str, str, bool]]:
        """Return (URL, title, open) of each registered page, by key."""
        query = select(page.c.key, page.c.url, page.c.title, page.c.open).where(page.c.registered)
        with self.db.read() as connection:
            return {row.key: (row.url, row.title, row.open) for row in connection.execute(query)}

    def latest(self) -> int:
        """Return the highest revision."""
        with self.db.read() as connection:
            return pages.latest_revision(connection, the_site(connection).id)

    def revisions(self) -> dict[str, int]:
        """Return the revision of each page's discussion, by key."""
        with self.db.read() as connection:
            return {row.key: row.revision for row in connection.execute(select(page))}

    def _set(self, public_id: str, **values: Any) -> None:
        with self.db.write() as connection:
            connection.execute(
                update(comment).where(comment.c.public_id == public_id).values(**values)
            )


def copy_database(source: Path, to: Path) -> Path:
    """Copy a SQLite database, even if it is in use, in one transaction."""
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(to)) as other:
        one.backup(other)
    return to


def of_status(replies: Collection[Reply], *status: str) -> list[Reply]:
    """Return the replies that have one of these statuses."""
    return [one for one in replies if one.status in status]
