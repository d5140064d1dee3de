"""The outbox against a real mail server: refused, greylisted, dropped, down, killed."""

import logging
import signal
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult
from sqlalchemy import select

from comments_service.domain.smtp_address import parse
from comments_service.mail import messages
from comments_service.mail.outbox_worker import LEASE, Worker, wait_after
from comments_service.mail.sender import (
    MESSAGE_SECONDS,
    Result,
    Said,
    Sender,
    _is_hard,
    without_addresses,
)
from comments_service.migrations import upgrade
from comments_service.services.pages import the_site
from comments_service.store import outbox
from comments_service.store.database import Database
from comments_service.store.outbox import NewMail
from comments_service.store.tables import contact
from comments_service.store.tables import outbox as table
from tests.canary import leaks
from tests.running import NOON, Clock, Service, run, settings_for
from tests.service.command_line import rejoinder, service_process
from tests.service.mail_server import (
    FROM,
    Post,
    certificate,
    mailing_service,
    mails,
    post_office,
    states,
    until,
    wanting,
)
from tests.service.pages import rows, signed_in


def test_a_mail_leaves_and_its_text_with_it(tmp_path: Path) -> None:
    with post_office() as post, mailing_service(tmp_path, post) as service:
        wanting(service)
        service.submit(comment="Some private words.")
        until(lambda: states(service.db) == ["sent"])
        (message,) = post.taken
        assert post.recipients == ["editor@example.org"]
        assert message["From"] == FROM
        assert message["To"] == "editor@example.org"
        assert message["Auto-Submitted"] == "auto-generated"
        assert message["Message-ID"].endswith("@blog.example>")
        assert message["Date"].datetime == service.clock()
        assert message.get_content_type() == "text/plain"
        assert not message.is_multipart()
        (row,) = mails(service.db)
        assert (row.body, row.attempts, row.sent_at) == ("", 1, service.clock())
        assert row.problem == "taken as 42"


@pytest.mark.parametrize("place", ["to_rcpt", "to_data"])
def test_a_refusal_is_final_and_told_without_the_address(tmp_path: Path, place: str) -> None:
    with post_office() as post, mailing_service(tmp_path, post) as service:
        setattr(post, place, ["554 5.7.1 <editor@example.org>: go away editor@example.org"])
        wanting(service)
        service.submit()
        until(lambda: states(service.db) == ["failed"])
        (row,) = mails(service.db)
        assert row.problem == "554 5.7.1 <(address)>: go away (address)"
        assert row.body
        service.clock.forward(days=4)
        assert post.taken == []
        with service.db.read() as connection:
            trouble = outbox.trouble(connection, now=service.clock())
        assert trouble == "1 mail could not be delivered."


@pytest.mark.parametrize("place", ["to_rcpt", "to_data"])
def test_a_greylisted_mail_is_tried_again_and_arrives_once(tmp_path: Path, place: str) -> None:
    with post_office() as post, mailing_service(tmp_path, post) as service:
        setattr(post, place, ["451 4.7.1 greylisted, come back"] * 2)
        wanting(service)
        service.submit()
        until(lambda: mails(service.db)[0].attempts == 1)
        (row,) = mails(service.db)
        assert (row.state, row.problem) == ("waiting", "451 4.7.1 greylisted, come back")
        assert row.next_at == service.clock() + timedelta(minutes=1)
        service.clock.forward(minutes=1)
        until(lambda: mails(service.db)[0].attempts == 2)
        assert mails(service.db)[0].next_at == service.clock() + timedelta(minutes=5)
        assert post.taken == []
        service.clock.forward(minutes=5)
        until(lambda: states(service.db) == ["sent"])
        assert len(post.taken) == 1
        assert mails(service.db)[0].attempts == 3


def test_a_connection_dropped_in_the_middle_is_tried_again(tmp_path: Path) -> None:
    with post_office() as post, mailing_service(tmp_path, post) as service:
        post.drop_in_data = 1
        wanting(service)
        service.submit()
        until(lambda: mails(service.db)[0].attempts == 1)
        assert mails(service.db)[0].problem == "The connection to the mail server was lost"
        assert post.taken == []
        service.clock.forward(minutes=1)
        until(lambda: states(service.db) == ["sent"])
        # The drop came before the server had everything: it arrived exactly once.
        assert len(post.taken) == 1


def test_a_copy_after_a_lost_answer_has_the_same_message_id(tmp_path: Path) -> None:
    with post_office() as post, mailing_service(tmp_path, post) as service:
        post.to_data = ["drop"]
        wanting(service)
        service.submit()
        until(lambda: mails(service.db)[0].attempts == 1)
        service.clock.forward(minutes=1)
        until(lambda: states(service.db) == ["sent"])
        first, second = post.taken
        assert first["Message-ID"] == second["Message-ID"]
        assert first.as_bytes() == second.as_bytes()


def test_what_one_message_meets_does_not_stop_the_next(tmp_path: Path) -> None:
    post = Post()
    with mailing_service(tmp_path, post) as service:
        wanting(service)
        ids = [service.submit(comment=f"Number {number}.") for number in range(4)]
        until(lambda: all(row.attempts for row in mails(service.db)))
        assert "cannot be reached" in mails(service.db)[0].problem
        post.to_rcpt = ["550 no", "451 later"]
        post.drop_in_data = 1
        service.clock.forward(minutes=1)
        with post_office(post):
            service.clock.forward(minutes=10)
            until(lambda: sorted(states(service.db)) == ["failed", "sent", "waiting", "waiting"])
            service.clock.forward(minutes=20)
            until(lambda: sorted(states(service.db)) == ["failed", "sent", "sent", "sent"])
        assert len(post.taken) == len(ids) - 1
        # One connection for several messages, and a new one after each that was lost.
        assert post.connections <= 3


def test_nothing_is_lost_while_the_server_is_down(tmp_path: Path) -> None:
    post = Post()
    with mailing_service(tmp_path, post) as service:
        wanting(service)
        service.submit()
        until(lambda: mails(service.db)[0].attempts == 1)
        service.clock.forward(hours=1, seconds=1)
        with service.db.read() as connection:
            trouble = outbox.trouble(connection, now=service.clock())
        assert trouble == "1 mail has waited over an hour."
        with post_office(post):
            service.clock.forward(hours=1)
            until(lambda: states(service.db) == ["sent"])
        with service.db.read() as connection:
            assert outbox.trouble(connection, now=service.clock()) is None


def test_it_is_given_up_after_three_days() -> None:
    waits, attempts = [], 0
    while (wait := wait_after(attempts := attempts + 1)) is not None:
        waits.append(wait)
    minutes = [wait.total_seconds() / 60 for wait in waits]
    assert minutes[:6] == [1, 5, 15, 60, 240, 240]
    assert timedelta(days=2, hours=20) < sum(waits, timedelta()) <= timedelta(days=3)


def test_the_last_try_that_fails_is_final(tmp_path: Path) -> None:
    db, row_id = written(tmp_path)
    with db.write() as connection:
        connection.execute(table.update().values(attempts=200))
    with post_office() as post:
        post.to_data = ["451 still not"]
        run(one_round(db, tmp_path, post))
    (row,) = mails(db)
    assert (row.id, row.state, row.problem) == (row_id, "failed", "451 still not")


def test_a_certificate_that_nobody_signed_is_refused(tmp_path: Path) -> None:
    context, _ = certificate(tmp_path)
    with post_office(tls_context=context) as post, mailing_service(tmp_path, post) as service:
        wanting(service)
        service.submit()
        until(lambda: mails(service.db)[0].attempts == 1)
        (row,) = mails(service.db)
        assert row.state == "waiting"
        assert "certificate cannot be trusted" in row.problem
        assert "self-signed" in row.problem
        assert post.taken == []


def test_a_trusted_certificate_lets_the_password_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, cert = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    seen: list[tuple[bytes, bytes]] = []

    def check(_server: Any, session: Any, _envelope: Any, _mechanism: str, auth: Any) -> AuthResult:
        assert session.ssl is not None
        seen.append((auth.login, auth.password))
        return AuthResult(success=auth.password == b"p@ss:word", handled=False)

    options = {
        "tls_context": context,
        "require_starttls": True,
        "authenticator": check,
        "auth_required": True,
    }
    post = Post()
    url = f"smtp://site%40blog.example:{{}}@127.0.0.1:{post.port}"
    with post_office(post, **options):
        good = url.format("p%40ss%3Aword")
        with mailing_service(tmp_path, post, smtp_url=good) as service:
            wanting(service)
            service.submit()
            until(lambda: states(service.db) == ["sent"])
        assert seen[-1] == (b"site@blog.example", b"p@ss:word")
        bad = {"smtp_url": url.format("wrong")}
        db, _ = written(tmp_path / "other", make=True)
        run(one_round(db, tmp_path / "other", post, **bad))
        (row,) = mails(db)
        # A setting is wrong, not the message: it waits until that is mended.
        assert row.state == "waiting"
        assert "refuses user or password (535" in row.problem
        assert "wrong" not in row.problem


def test_nothing_is_said_to_a_server_without_starttls(tmp_path: Path) -> None:
    with post_office() as post:
        url = f"{post.url}?tls=required"
        with mailing_service(tmp_path, post, smtp_url=url) as service:
            wanting(service)
            service.submit()
            until(lambda: mails(service.db)[0].attempts == 1)
            assert "offers no STARTTLS" in mails(service.db)[0].problem
        assert post.taken == []


def test_the_mail_of_a_killed_service_leaves_after_its_restart(tmp_path: Path) -> None:
    rejoinder(tmp_path, "migrate")
    with post_office() as post:
        more = {"REJOINDER_SMTP_URL": post.url, "REJOINDER_MAIL_FROM": FROM}
        post.seconds = 60
        with service_process(tmp_path, **more) as (service, process):
            service.register("networking")
            wanting(service)
            service.submit()
            # Killed in the middle of handing it over.
            until(lambda: mails(service.db)[0].leased_until)
            until(lambda: post.connections)
            process.send_signal(signal.SIGKILL)
            process.wait(60)
        post.seconds = 0
        with service_process(tmp_path, **more) as (service, _):
            time.sleep(1.5)
            (row,) = mails(service.db)
            assert (row.state, row.attempts) == ("waiting", 0)
            assert row.leased_until is not None
            assert post.taken == []
            # Two minutes later nobody has it any more.
            with service.db.write() as connection:
                connection.execute(table.update().values(leased_until=row.created_at))
            until(lambda: states(service.db) == ["sent"])
        assert len(post.taken) == 1


def test_two_workers_never_send_the_same_mail(tmp_path: Path) -> None:
    db, _ = written(tmp_path, count=60)
    other = Database(settings_for(tmp_path).database)
    with post_office() as post:
        threads = [
            threading.Thread(target=lambda one=one: run(rounds(one, tmp_path, post)))
            for one in (db, other, db)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert states(db) == ["sent"] * 60
        assert len({one["Message-ID"] for one in post.taken}) == len(post.taken) == 60
    other.close()


def test_a_lease_is_respected_until_it_is_over(tmp_path: Path) -> None:
    db, row_id = written(tmp_path)
    with db.write() as connection:
        (first,) = outbox.take(connection, now=NOON, until=NOON + LEASE, most=10)
        soon = NOON + LEASE - timedelta(seconds=1)
        assert not outbox.is_due(connection, soon)
        assert outbox.take(connection, now=soon, until=soon + LEASE, most=10) == []
        over = NOON + LEASE
        (second,) = outbox.take(connection, now=over, until=over + LEASE, most=10)
        assert first.id == second.id == row_id
        # Whoever lost the lease says no more what is next; that it left, anybody may say.
        outbox.failed(connection, first, problem="too late to say")
    assert states(db) == ["waiting"]
    with db.write() as connection:
        outbox.sent(connection, first, now=over, words="")
    assert states(db) == ["sent"]


def test_what_was_not_tried_is_given_back_at_once(tmp_path: Path) -> None:
    db, _ = written(tmp_path, count=3)
    with post_office() as post:
        working = worker_of(db, tmp_path, post)
        working.stop()
        run(working.round())
        assert post.taken == []
    assert [row.leased_until for row in mails(db)] == [None] * 3


def test_a_row_that_no_message_can_be_made_of_stops_no_other(tmp_path: Path) -> None:
    db, _ = written(tmp_path, count=2)
    with db.write() as connection:
        connection.execute(
            table.update().where(table.c.id == 1).values(subject="One\r\nBcc: victim@example.org")
        )
    with post_office() as post:
        run(one_round(db, tmp_path, post))
    assert states(db) == ["failed", "sent"]
    assert len(post.taken) == 1


def test_what_is_settled_is_forgotten_after_a_month(tmp_path: Path) -> None:
    db, _ = written(tmp_path)
    clock = Clock()
    with post_office() as post:
        working = worker_of(db, tmp_path, post, clock)
        run(working.round())
        clock.forward(days=29)
        run(working.round())
        assert states(db) == ["sent"]
        clock.forward(days=2)
        run(working.round())
        assert states(db) == []


def test_no_address_and_no_link_is_in_a_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with post_office() as post, mailing_service(tmp_path, post) as service:
        wanting(service, email="canary.editor@example.org")
        post.to_rcpt = ["550 canary.editor@example.org unknown", "451 canary.editor@example.org"]
        post.drop_in_data = 1
        for number in range(4):
            service.submit(comment=f"Secret {number}.", email=f"canary{number}@example.org")
            until(lambda: all(row.attempts for row in mails(service.db)))
        service.clock.forward(minutes=1)
        until(lambda: sorted(states(service.db)) == ["failed", "sent", "sent", "sent"])
        editor = signed_in(service, "other@example.org", "Olaf")
        assert "canary" not in editor.get("/moderate/mail").text
        link = post.link()
        editor.get(link)
    # The browser and the mail server of the test log on their own account.
    ours = [one for one in caplog.records if not one.name.startswith(("urllib3", "mail."))]
    text = "\n".join(one.getMessage() for one in ours).encode()
    with service.db.read() as connection:
        emails = list(connection.execute(select(contact.c.email)).scalars())
    assert list(leaks([("log", text)], [*emails, "canary.editor@example.org"])) == []
    assert b"canary" not in text
    assert link.encode() not in text
    assert b"Secret" not in text
    assert b"result=refused code=550" in text


def test_the_mail_page_tells_what_failed_and_tries_again(tmp_path: Path) -> None:
    with post_office() as post, mailing_service(tmp_path, post) as service:
        post.to_rcpt = ["550 mailbox full of <editor@example.org>"] * 2
        wanting(service, email="mail@example.org", name="Mia <b>")
        editor = signed_in(service)
        for number in range(2):
            service.submit(comment=f"Number {number}.")
        until(lambda: states(service.db) == ["failed", "failed"])
        page = editor.get("/moderate/mail").text
        assert "550 mailbox full of &lt;(address)&gt;" in page
        assert "Mia &lt;b&gt;" in page
        assert "2 mails could not be delivered." in page
        first, second = (str(row.id) for row in mails(service.db))
        token = editor.token
        answer = editor.post("/moderate/mail-action", token=token, action="retry", mail=first)
        assert answer.headers["Location"] == "/moderate/mail"
        until(lambda: states(service.db) == ["sent", "failed"])
        again = editor.post("/moderate/mail-action", token=token, action="retry", mail=first)
        assert again.status_code == 404
        editor.post("/moderate/mail-action", token=token, action="forget", mail=second)
        assert states(service.db) == ["sent"]
        assert "could not be delivered" not in editor.get("/moderate/mail").text


@pytest.mark.parametrize(
    "fields", [{}, {"action": "retry"}, {"action": "x", "mail": "1"}, {"mail": "all"},
               {"action": "forget", "mail": "all"}, {"action": "retry", "mail": "9" * 40}]
)  # fmt: skip
def test_an_unclear_request_about_mail_changes_nothing(
    shared: Service, fields: dict[str, str]
) -> None:
    email = f"editor{len(repr(fields))}@example.org"
    editor = signed_in(shared, email)
    answer = editor.post("/moderate/mail-action", token=editor.token, **fields)
    assert answer.status_code in {400, 404}


def test_without_a_mail_server_nothing_is_written_and_the_queue_says_so(shared: Service) -> None:
    wanting(shared, email="wanting@example.org")
    shared.submit(comment="Nobody is mailed.")
    assert mails(shared.db) == []
    page = signed_in(shared, "looking@example.org").get("/moderate/mail").text
    assert "No mail is sent, because no mail server is configured." in page


def test_the_test_mail_says_what_the_server_said(tmp_path: Path) -> None:
    rejoinder(tmp_path, "migrate")
    db = Database(settings_for(tmp_path).database)
    with post_office() as post:
        more = {"REJOINDER_SMTP_URL": post.url, "REJOINDER_MAIL_FROM": FROM}
        words = ["mail", "test", "ann@example.org"]
        assert "taken as 42" in rejoinder(tmp_path, *words, fails=False, **more)
        assert post.recipients == ["ann@example.org"]
        post.to_rcpt = ["550 no such user", "451 not yet"]
        assert "550 no such user" in rejoinder(tmp_path, *words, fails=True, **more)
        assert "451 not yet" in rejoinder(tmp_path, *words, fails=True, **more)
        assert states(db) == ["sent", "failed"]
        assert "correct format" in rejoinder(tmp_path, "mail", "test", "x", fails=True, **more)
    assert "REJOINDER_SMTP_URL" in rejoinder(tmp_path, *words, fails=True)
    assert rows(db)["comment"] == 0


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("2.1.5 ok <a.b+c@x.example> and d@e", "2.1.5 ok <(address)> and (address)"),
        ("a\r\nb\x1b[31m c@d\u2028e", "a b [31m (address) e"),
        ("x" * 600, "x" * 500),
        ('"quoted name"@x.example gone', "(address) gone"),
    ],
)
def test_what_a_server_says_is_one_line_without_addresses(said: str, told: str) -> None:
    assert without_addresses(said) == told


@pytest.mark.parametrize(
    ("said", "gone"),
    [
        ("550 5.1.1 <a@b.example>: Recipient address rejected: undeliverable", True),
        ("550 #5.1.10 RESOLVER.ADR.RecipientNotFound", True),
        ("550 no such user", True),
        ("550 <a@b.example>: User unknown in virtual mailbox table", True),
        ("553 mailbox <a@b.example> does not exist", True),
        ("550 blocked using bl.example", False),
        ("554 blocked: user unknown to us", False),
        ("550 5.1.0 <a@b.example>: Sender address rejected: User unknown", False),
        ("550 5.7.1 no such user here, relaying denied", False),
        ("550 5.1.1.9 is listed", False),
        ("552 5.2.2 mailbox full", False),
        ("450 4.1.1 unknown user", False),
    ],
)
def test_only_words_about_the_mailbox_say_that_nobody_reads_mail_there(
    said: str, gone: bool
) -> None:
    result = Result.REFUSED if said.startswith("5") else Result.LATER
    assert _is_hard(Said(result, without_addresses(said), int(said[:3]))) == gone


def test_an_international_domain_is_written_as_servers_know_it() -> None:
    assert messages.recipient("ann@bücher.example") == "ann@xn--bcher-kva.example"
    assert messages.recipient("ann@corp.local") == "ann@corp.local"


def test_a_server_without_international_addresses_refuses_for_good(tmp_path: Path) -> None:
    db, _ = written(tmp_path, to="änn@example.org")
    with post_office(enable_SMTPUTF8=False) as post:
        run(one_round(db, tmp_path, post))
    (row,) = mails(db)
    assert (row.state, row.problem) == (
        "failed", "The mail server does not support international addresses (SMTPUTF8)",
    )  # fmt: skip
    db, _ = written(tmp_path / "other", to="änn@example.org", make=True)
    with post_office(enable_SMTPUTF8=True) as post:
        run(one_round(db, tmp_path / "other", post))
    assert post.recipients == ["änn@example.org"]


def written(
    folder: Path, *, count: int = 1, to: str = "editor@example.org", make: bool = False
) -> tuple[Database, int]:
    """A database with mail that waits; the last one's number."""
    if make:
        folder.mkdir()
    db = Database(settings_for(folder).database)
    upgrade(db.engine)
    with db.write() as connection:
        site = the_site(connection)
        new = [
            NewMail(site.id, "test", str(number), to, "A subject", "Words.\n", NOON)
            for number in range(count)
        ]
        outbox.add(connection, new)
    return db, mails(db)[-1].id


def worker_of(
    db: Database, folder: Path, post: Post, clock: Clock | None = None, **more: Any
) -> Worker:
    known = {"smtp_url": post.url, "mail_from": FROM} | more
    return Worker(db, settings_for(folder, **known), clock or Clock())


async def one_round(db: Database, folder: Path, post: Post, **more: Any) -> None:
    await worker_of(db, folder, post, **more).round()


async def rounds(db: Database, folder: Path, post: Post) -> None:
    working = worker_of(db, folder, post)
    while await working.round():
        pass


def test_a_lease_outlasts_a_message() -> None:
    assert LEASE.total_seconds() > MESSAGE_SECONDS + 10


@pytest.mark.parametrize(
    ("site", "name"),
    [
        ("https://blog.example", "blog.example"),
        ("https://bücher.example:8000", "xn--bcher-kva.example"),
        ("https://straße.example", "xn--strae-oqa.example"),
        ("http://127.0.0.1:8000", "[127.0.0.1]"),
        ("http://[::1]:8000", "[IPv6:::1]"),
    ],
)
def test_the_server_is_greeted_by_the_sites_name(site: str, name: str) -> None:
    assert Sender(parse("smtp://127.0.0.1"), site)._host == name
