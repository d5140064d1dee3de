"""Mail to editors: each at once, or a digest; in one transaction with the reply, or not at all."""

from collections.abc import Sequence
from datetime import timedelta
from email.header import decode_header, make_header
from pathlib import Path

import pytest
from sqlalchemy import Connection, select
from sqlalchemy import event as sqlalchemy_event

from comments_service.domain import comment_form
from comments_service.services import mail_text, submission
from comments_service.services.editor_notices import MOST_AN_HOUR, Notices
from comments_service.services.pages import the_site
from comments_service.store import notification_prefs, outbox
from comments_service.store.database import Database
from comments_service.store.sites import Site
from comments_service.store.tables import mail_link
from tests.running import Service, reply, running_service
from tests.service.mail_server import (
    FROM,
    Post,
    disable,
    mailing_service,
    mails,
    post_office,
    states,
    until,
    wanting,
)
from tests.service.pages import rows


def test_each_editor_who_wants_it_gets_one_mail_about_a_reply(tmp_path: Path) -> None:
    with post_office() as post, mailing_service(tmp_path, post) as service:
        wanting(service)
        wanting(service, email="olaf@example.org", name="Olaf")
        wanting(service, "none", "nobody@example.org")
        disable(service, wanting(service, email="gone@example.org"))
        public_id = service.submit(comment="Words of Ann.\n\nAnd more.", email="ann@example.org")
        post.wait(2)
        assert sorted(post.recipients) == ["editor@example.org", "olaf@example.org"]
        text = post.text()
        assert "> Words of Ann.\n>\n> And more." in text
        assert "Ann Okoye replied to “About networking”" in text
        assert "ann@example.org" not in text
        assert f"{service.url}/moderate/replies/{public_id}\n" in text
        assert post.taken[0]["Subject"] == "A reply by Ann Okoye waits: About networking"
        assert len({post.link(0), post.link(1)}) == 2
        # The same reply again is no news.
        service.post(comment="Words of Ann.\n\nAnd more.", email="ann@example.org")
        assert len(mails(service.db)) == 2


def test_the_mail_is_there_with_the_reply_or_neither_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = Post()
    with mailing_service(tmp_path, post) as service:
        wanting(service)

        def broken(*_: object) -> None:
            raise RuntimeError

        with monkeypatch.context() as patch:
            patch.setattr(outbox, "add", broken)
            assert service.post().status_code == 500
        assert (rows(service.db)["comment"], mails(service.db)) == (0, [])
        service.submit()
        assert (rows(service.db)["comment"], len(mails(service.db))) == (1, 1)


def test_nobody_who_wants_mail_costs_a_batch_one_statement(tmp_path: Path) -> None:
    with running_service(tmp_path, smtp_url="smtp://127.0.0.1:9", mail_from=FROM) as service:
        service.register("networking")
        # The first one on a page also begins its counts.
        service.submit()
        without = statements(service, mail=False)
        assert statements(service, mail=True) == without + 1


def statements(service: Service, *, mail: bool) -> int:
    """How many statements a batch of three replies takes."""
    db = Database(service.settings.database)
    one = comment_form.check(reply(comment=f"With mail: {mail}"))
    batch = [
        submission.prepare(b"s", "networking", one._replace(name=f"N{number}"), now=service.clock())
        for number in range(3)
    ]
    seen = []
    sqlalchemy_event.listen(db.engine, "before_cursor_execute", lambda *args: seen.append(args[2]))

    def write(connection: Connection, site: Site, new: Sequence[submission.Arrived]) -> set[str]:
        Notices(service.settings).arrived(connection, site, new)
        return set()

    on_arrival = write if mail else None
    submission.submit_all(db, batch, resend_window=timedelta(1), on_arrival=on_arrival)
    db.close()
    return len(seen)


def test_a_flood_is_one_mail_more_and_not_a_thousand(tmp_path: Path) -> None:
    post = Post()
    with mailing_service(tmp_path, post) as service:
        wanting(service)
        wanting(service, email="olaf@example.org", name="Olaf")
        for number in range(MOST_AN_HOUR + 5):
            service.clock.forward(seconds=1)
            service.submit(comment=f"Number {number}.")
        kinds = [row.kind for row in mails(service.db)]
        assert (kinds.count("pending"), kinds.count("many")) == (2 * MOST_AN_HOUR, 2)
        service.clock.forward(hours=1)
        service.submit(comment="An hour later.")
        assert [row.kind for row in mails(service.db)][-2:] == ["pending", "pending"]


def test_a_digest_comes_once_a_day_and_says_what_waits(tmp_path: Path) -> None:
    with post_office() as post, mailing_service(tmp_path, post) as service:
        wanting(service, "digest")
        ids = [service.submit(comment=f"Number {number}.") for number in range(12)]
        post.wait()
        service.clock.forward(hours=23, minutes=59)
        service.approve(ids[0])
        # Nothing before a day is over.
        assert len(mails(service.db)) == 1
        service.clock.forward(minutes=1)
        post.wait(2)
        text = post.text()
        assert post.taken[1]["Subject"] == "11 replies are waiting on Rejoinder"
        assert "11 replies are waiting on Rejoinder." in text
        assert "1. Ann Okoye on “About networking”" in text
        assert "> Number 1." in text
        assert "> Number 10." in text
        assert "Number 11." not in text
        assert "And 1 more in the queue." in text
        assert text.count("/moderate/mail/") == 10
        assert all(f"{service.url}/moderate/replies/{one}\n" in text for one in ids[1:11])
        for one in ids[1:]:
            service.approve(one)
        service.clock.forward(days=2)
        service.submit("meetings")
        post.wait(3)
        assert "1 reply is waiting" in post.text()
        assert len(post.taken) == 3


def test_a_digest_comes_earlier_when_many_wait(tmp_path: Path) -> None:
    with post_office() as post, mailing_service(tmp_path, post) as service:
        wanting(service, "digest")
        service.submit(comment="The first.")
        post.wait()
        service.clock.forward(minutes=1)
        for number in range(19):
            service.submit(comment=f"Number {number}.")
        service.clock.forward(hours=2)
        assert states(service.db) == ["sent"]
        service.submit(comment="The twentieth.")
        post.wait(2)
        service.clock.forward(hours=2)
        # What waits was told; only what is new since counts.
        assert len(mails(service.db)) == 2


def test_two_services_write_one_digest(tmp_path: Path) -> None:
    with running_service(tmp_path) as service:
        service.register("networking")
        wanting(service, "digest")
        service.submit()
        known = service.settings.model_copy(update={"mail_from": FROM})
        who = Notices(known)
        with service.db.read() as connection:
            site = the_site(connection)
            due = who._due(connection, site, service.clock())
        assert who.write_digests(service.db, service.clock()) == 1
        with service.db.write() as connection:
            assert not notification_prefs.begin_digest(connection, due[0], service.clock())
        assert who.write_digests(service.db, service.clock()) == 0
        assert len(mails(service.db)) == 1


NASTY = [
    "Eve\r\nBcc: victim@example.org",
    "Eve\nBcc: victim@example.org",
    "Eve\u2028Bcc: victim@example.org",
    "Eve\x0bBcc: victim@example.org\x85X-Evil: 1",
    "=?utf-8?q?Eve=0D=0ABcc:_victim=40example.org?=",
    "=?utf-8?b?RXZlDQpCY2M6IHZpY3RpbUBleGFtcGxlLm9yZw==?= =?utf-8?q?x?=",
    "Eve\ud800 \x02AAAAAAAAAAAAAAAAAAAAAA\x03",
    "<eve@example.org>, victim@example.org",
]


@pytest.mark.parametrize("nasty", NASTY)
def test_no_name_and_no_title_makes_a_header_or_a_recipient(tmp_path: Path, nasty: str) -> None:
    with post_office() as post, mailing_service(tmp_path, post) as service:
        wanting(service)
        sendable = nasty.encode("utf-8", "replace").decode()
        service.register("networking", title=f"About {sendable}")
        # A name with control characters is refused where it is typed.
        answer = service.post(author=sendable)
        if answer.status_code != 303:
            service.submit()
        post.wait()
        (message,) = post.taken
        assert post.recipients == ["editor@example.org"]
        assert sorted(set(message.keys())) == sorted(
            ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Type",
             "Content-Transfer-Encoding", "MIME-Version"]
        )  # fmt: skip
        assert message["To"] == "editor@example.org"
        assert message["From"] == FROM
        subject = str(make_header(decode_header(message["Subject"])))
        assert len(subject.splitlines()) == 1
        until(lambda: states(service.db) == ["sent"])


@pytest.mark.parametrize("nasty", NASTY)
def test_a_subject_is_one_line_of_characters(nasty: str) -> None:
    line = mail_text.one_line(nasty)
    assert "=?" not in line
    assert len(line.splitlines()) == 1
    assert line.isprintable()


def test_no_token_is_in_the_database(tmp_path: Path) -> None:
    post = Post()
    with mailing_service(tmp_path, post) as service:
        wanting(service)
        service.submit()
        with post_office(post):
            service.clock.forward(hours=1)
            post.wait()
        token = post.link().rpartition("/")[2]
        files = [path.read_bytes() for path in tmp_path.glob("comments.sqlite3*")]
        with service.db.read() as connection:
            assert len(connection.execute(select(mail_link)).all()) == 1
        assert not any(token.encode() in content for content in files)
