"""SMTP server for tests that can reject mail, delay it or drop connections."""

import asyncio
import re
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import select

from comments_service.mail import outbox_worker
from comments_service.store import editors, notification_prefs
from comments_service.store.database import Database
from comments_service.store.tables import editor, outbox
from tests.running import Service, free_port, running_service
from tests.service.pages import add_editor

FROM = "Rejoinder <noreply@blog.example>"
LINK = re.compile(r"http://127\.0\.0\.1:[0-9]+(/(?:moderate/mail|comments/confirm)/[\w-]{65})\b")


class Post:
    """The mail that a server received, and its next replies, each of which is used once."""

    def __init__(self) -> None:
        self.port = free_port()
        self.taken: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.connections = 0
        # Replies to RCPT and to the end of DATA; "drop" closes the connection instead.
        self.to_rcpt: list[str] = []
        self.to_data: list[str] = []
        # How many times to close the connection during DATA.
        self.drop_in_data = 0
        # Delay before accepting a message.
        self.seconds = 0.0

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, name: str, answers: list[str]
    ) -> list[str]:
        session.host_name = name
        self.connections += 1
        return answers

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.to_rcpt:
            return self.to_rcpt.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        await asyncio.sleep(self.seconds)
        answer = self.to_data.pop(0) if self.to_data else "250 taken as 42"
        if answer.startswith("250") or answer == "drop":
            content = envelope.content
            assert isinstance(content, bytes)
            message = message_from_bytes(content, policy=policy.default)
            assert isinstance(message, EmailMessage)
            self.taken.append(message)
            self.recipients += envelope.rcpt_tos
        if answer == "drop":
            assert server.transport is not None
            server.transport.close()
        return answer

    def text(self, number: int = -1) -> str:
        return str(self.taken[number].get_content()).replace("\r\n", "\n")

    def link(self, number: int = -1) -> str:
        """Return the path of the one action link in a mail."""
        found = LINK.findall(self.text(number))
        assert len(found) == 1, self.text(number)
        return str(found[0])

    def wait(self, count: int = 1) -> None:
        until(lambda: len(self.taken) >= count)


class _Server(SMTP):
    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        post = self.event_handler
        if post.drop_in_data:
            post.drop_in_data -= 1
            await self.push("354 go on")
            assert self.transport is not None
            self.transport.close()
            return
        await super().smtp_DATA(arg)


class _Controller(Controller):
    def factory(self) -> SMTP:
        return _Server(self.handler, **self.SMTP_kwargs)


@contextmanager
def post_office(post: Post | None = None, **options: Any) -> Iterator[Post]:
    """Run a mail server until the block ends; `options` are aiosmtpd's."""
    post = post or Post()
    controller = _Controller(post, hostname="127.0.0.1", port=post.port, **options)
    controller.start()
    # aiosmtpd connects once when starting.
    post.connections = 0
    try:
        yield post
    finally:
        controller.stop()


@contextmanager
def mailing_service(folder: Path, post: Post, **settings: Any) -> Iterator[Service]:
    """Run a service that sends its mail to `post` and polls its outbox often."""
    known = {"smtp_url": post.url, "mail_from": FROM} | settings
    with pytest.MonkeyPatch.context() as patch, running_service(folder, **known) as running:
        patch.setattr(outbox_worker, "LOOK_EVERY_S", 0.02)
        running.register("networking", "meetings", "saying-no")
        yield running


def wanting(
    service: Service,
    how: str = notification_prefs.EACH,
    email: str = "editor@example.org",
    name: str = "Edith",
) -> int:
    """Add an editor who gets mail; returns the id."""
    added = add_editor(service, email, name)
    with service.db.write() as connection:
        editors.set_preferences(connection, added.id, shortcuts=True, mail=how)
    return added.id


def disable(service: Service, editor_id: int) -> None:
    with service.db.write() as connection:
        connection.execute(
            editor.update().where(editor.c.id == editor_id).values(disabled_at=service.clock())
        )


def mails(db: Database) -> list[Any]:
    """Return the rows of the outbox."""
    with db.read() as connection:
        return list(connection.execute(select(outbox).order_by(outbox.c.id)))


def states(db: Database) -> list[str]:
    return [row.state for row in mails(db)]


def until(ready: Callable[[], object], seconds: float = 60) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Return a TLS server context with a self-signed certificate for 127.0.0.1."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-keyout", str(key), "-out", str(cert), "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context, cert
