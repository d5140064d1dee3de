"""Helpers of the tests of followers: subscribe, confirm, read mail."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import select

from comments_service.domain import actor
from comments_service.domain.email_address import fold, mailbox
from comments_service.services import follower_mail, moderation
from comments_service.store.database import Database
from comments_service.store.tables import outbox, subscription
from tests.running import Service, version_of
from tests.service.mail_server import Post, mailing_service, post_office, until

LINK = re.compile(r"https?://[^/\s]+(/comments/(?:follow|unsubscribe)/[\w-]{65})\b")


class Site:
    """A service that sends mail, its mail server, and methods for followers."""

    def __init__(self, service: Service, post: Post) -> None:
        self.service, self.post = service, post

    def get(self, path: str) -> requests.Response:
        return requests.get(self.service.url + path, timeout=30)

    def send(self, path: str, **fields: str) -> requests.Response:
        return requests.post(
            self.service.url + path, data=fields, timeout=30, allow_redirects=False
        )

    def ask(self, email: str, key: str = "networking") -> requests.Response:
        return self.send(f"/comments/{key}/follow", email=email)

    def link(self, number: int = -1) -> str:
        (found,) = LINK.findall(self.post.text(number))
        return str(found)

    def confirm(self) -> requests.Response:
        """Confirm with the link of the last mail."""
        return self.send(self.link())

    def follow(self, email: str, key: str = "networking") -> None:
        """Follow all replies to an article, including the confirmation by mail."""
        count = len(self.post.taken)
        assert self.ask(email, key).status_code == 303
        self.post.wait(count + 1)
        assert self.confirm().status_code == 303
        self.clear()

    def publish(self, key: str = "networking", **fields: str) -> str:
        public_id = self.service.submit(key, **fields)
        self.service.approve(public_id)
        return public_id

    def decide(self, public_id: str, action: str, was: str) -> None:
        moderation.decide(
            self.service.db, public_id, action,
            by=actor.COMMAND_LINE, expected=was,
            version=version_of(self.service.db, public_id), now=self.service.clock(),
        )  # fmt: skip

    def settle(self) -> None:
        """Process the published replies into mail for followers."""
        self.service.clock.forward(seconds=follower_mail.SETTLE.total_seconds())

    def quiet(self) -> None:
        """Wait until no news and no mail is left, advancing the clock as needed."""
        self.service.clock.forward(seconds=follower_mail.AT_MOST_EVERY.total_seconds())
        until(lambda: not untold(self.service.db) and "waiting" not in kinds(self.service.db))

    def clear(self) -> None:
        """Clear the received mail."""
        until(lambda: "waiting" not in kinds(self.service.db))
        self.post.taken.clear()
        self.post.recipients.clear()

    def told(self, count: int = 1) -> list[EmailMessage]:
        self.quiet()
        self.post.wait(count)
        assert len(self.post.taken) == count
        return self.post.taken


def tried(db: Database) -> bool:
    """Return whether one attempt was made to send mail with news."""
    with db.read() as connection:
        query = select(outbox.c.attempts).where(outbox.c.kind == "news")
        return connection.execute(query).scalars().all() == [1]


def kinds(db: Database) -> set[str]:
    with db.read() as connection:
        return set(connection.execute(select(outbox.c.state)).scalars())


def untold(db: Database) -> int:
    with db.read() as connection:
        query = "SELECT count(*) FROM news WHERE round_id IS NULL"
        rounds = "SELECT count(*) FROM news_round WHERE done_at IS NULL"
        return sum(connection.exec_driver_sql(one).scalar_one() for one in (query, rounds))


def wishes(db: Database) -> list[Any]:
    with db.read() as connection:
        return list(connection.execute(select(subscription).order_by(subscription.c.id)))


def wish_states(db: Database) -> list[str]:
    return [one.state for one in wishes(db)]


def confirmed(db: Database, emails: list[str], page_id: int, at: Any) -> None:
    """Add confirmed followers directly, without confirmation by mail."""
    with db.write() as connection:
        connection.execute(
            subscription.insert(),
            [
                {
                    "site_id": 1, "page_id": page_id, "kind": "all", "state": "confirmed",
                    "email": email, "folded": fold(email), "mailbox": mailbox(email),
                    "seed": f"{number:022d}",
                    "asked_at": at - timedelta(hours=1), "confirmed_at": at,
                }
                for number, email in enumerate(emails)
            ],
        )  # fmt: skip


@contextmanager
def site(folder: Path, **settings: Any) -> Iterator[Site]:
    with post_office() as post, mailing_service(folder, post, **settings) as service:
        yield Site(service, post)
