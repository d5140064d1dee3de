"""Authors confirm their address by a mailed link, whose button acts; their browser is known."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import requests
from sqlalchemy import select

from comments_service.services import email_confirmation
from comments_service.store.tables import comment, contact
from tests.canary import leaks
from tests.running import SECRET, Service, reply
from tests.service.mail_server import Post, mailing_service, mails, post_office, states, until
from tests.service.pages import Page, dump

BUTTON = "Confirm my email address"


class Asked(NamedTuple):
    service: Service
    post: Post

    def submit(self, http: requests.Session | None = None, **fields: str) -> str:
        """Post a reply; return its private status page's address."""
        browser = http or requests.Session()
        answer = browser.post(
            f"{self.service.url}/comments/networking",
            data=reply(**fields),
            allow_redirects=False,
            timeout=30,
        )
        assert answer.status_code == 303, answer.text
        return self.service.url + answer.headers["Location"]

    def ask(self, status: str, **headers: str) -> requests.Response:
        return requests.post(
            f"{status}/confirm", headers=headers, timeout=30, allow_redirects=False
        )

    def verified(self) -> list[bool]:
        """Of each reply, in order, whether its address is known."""
        query = select(contact.c.verified_at).join(comment).order_by(comment.c.id)
        with self.service.db.read() as connection:
            return [at is not None for at in connection.execute(query).scalars()]


@pytest.fixture(name="asked")
def _asked(tmp_path: Path) -> Iterator[Asked]:
    with post_office() as post, mailing_service(tmp_path, post) as service:
        yield Asked(service, post)


def test_an_address_is_confirmed_by_the_button_behind_the_link(asked: Asked) -> None:
    status = asked.submit(comment="Mine.", email="Ann@Example.org", author="Ann Spam")
    page = requests.get(status, timeout=30)
    assert BUTTON in page.text
    form, _ = Page(page.text).all("form")
    assert asked.service.url + form.attributes["action"] == f"{status}/confirm"
    assert asked.ask(status).headers["Location"] == status.removeprefix(asked.service.url)
    asked.post.wait()
    assert asked.post.recipients == ["Ann@example.org"]
    # What anybody can type beside somebody else's address is not mailed there.
    assert "Mine" not in asked.post.text()
    assert "Spam" not in asked.post.taken[0].as_string()
    assert "status" not in asked.post.text()
    page = requests.get(status, timeout=30)
    assert BUTTON not in page.text
    assert "A mail with a link" in page.text
    until(lambda: states(asked.service.db) == ["sent"])
    before = dump(asked.service.db)
    link = asked.service.url + asked.post.link()
    opened = requests.get(link, timeout=30)
    assert "Mine." in opened.text
    assert opened.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in opened.headers
    assert dump(asked.service.db) == before
    assert asked.verified() == [False]
    done = requests.post(link, timeout=30)
    assert asked.verified() == [True]
    assert "Your email address is confirmed" in done.text
    assert "Your email address is confirmed" in requests.get(status, timeout=30).text


def test_a_browser_that_confirmed_is_known_with_that_address_only(asked: Asked) -> None:
    browser = requests.Session()
    asked.ask(asked.submit(email="ann@example.org"))
    asked.post.wait()
    browser.post(asked.service.url + asked.post.link(), timeout=30)
    asked.submit(browser, comment="Two.", email="ANN@example.org")
    asked.submit(browser, comment="Three.", email="other@example.org")
    asked.submit(comment="Four, from elsewhere.", email="ann@example.org")
    assert asked.verified() == [True, True, False, False]
    asked.service.clock.forward(days=179)
    asked.submit(browser, comment="Five.", email="ann@example.org")
    asked.service.clock.forward(days=1)
    # The browser would not send it any more; whoever does is not believed.
    asked.submit(browser, comment="Six.", email="ann@example.org")
    assert asked.verified()[-2:] == [True, False]


def test_the_cookie_tells_nothing_and_cannot_be_made(asked: Asked) -> None:
    asked.ask(asked.submit(email="ann@example.org"))
    asked.post.wait()
    answer = requests.post(asked.service.url + asked.post.link(), timeout=30, allow_redirects=False)
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert f"Max-Age={180 * 86_400}" in cookie
    assert list(leaks([("cookie", cookie.encode())], ["ann@example.org"])) == []
    found = re.search(r"rejoinder_author=([^;]+)", cookie)
    assert found
    kept = found[1]
    issued, _, proof = kept.partition(".")
    now = asked.service.clock()
    secret = SECRET.encode()
    assert email_confirmation.is_known(secret, kept, "ann@example.org", now)
    for forged in (
        "", ".", "x", f"{int(issued) + 1}.{proof}", f"{issued}.{proof[:-1]}", f"{issued}.{proof}0",
        f"{issued}.{proof.upper()}", f"{'9' * 11}.{proof}", f"{'9' * 99}.{proof}",
        email_confirmation.keep(b"another secret", "ann@example.org", now),
        email_confirmation.keep(secret, "eve@example.org", now),
    ):  # fmt: skip
        assert not email_confirmation.is_known(secret, forged, "ann@example.org", now)


def test_a_link_works_once_and_for_three_days(asked: Asked) -> None:
    asked.ask(asked.submit(email="one@example.org"))
    asked.post.wait()
    first = asked.service.url + asked.post.link()
    requests.post(first, timeout=30)
    again = requests.post(first, timeout=30, allow_redirects=False)
    assert "Set-Cookie" not in again.headers
    asked.ask(asked.submit(comment="Two.", email="two@example.org"))
    asked.post.wait(2)
    second = asked.service.url + asked.post.link()
    asked.service.clock.forward(days=3)
    late = requests.post(second, timeout=30)
    assert late.status_code == 410
    assert "too old" in late.text
    assert asked.verified() == [True, False]


def test_nobody_can_have_a_mailbox_filled(asked: Asked) -> None:
    ids = [asked.submit(comment=f"Number {number}.") for number in range(7)]
    assert asked.ask(ids[0]).status_code == 303
    second = asked.ask(ids[0])
    assert second.status_code == 429
    assert "on its way already" in second.text
    for one in ids[1:5]:
        assert asked.ask(one).status_code == 303
    refused = asked.ask(ids[5])
    assert refused.status_code == 429
    assert "Ask again tomorrow" in refused.text
    asked.service.clock.forward(hours=1)
    assert asked.ask(ids[0]).status_code == 429
    asked.service.clock.forward(days=1)
    assert asked.ask(ids[0]).status_code == 303
    until(lambda: states(asked.service.db) == ["sent"] * 6)


def test_only_the_author_of_a_waiting_reply_can_ask(asked: Asked) -> None:
    status = asked.submit()
    public_id = status.split("/")[5]
    assert asked.ask(status[:-1] + "x").status_code == 404
    assert asked.ask(status, Origin="https://evil.example").status_code == 403
    asked.service.approve(public_id)
    assert BUTTON not in requests.get(status, timeout=30).text
    assert asked.ask(status).status_code == 409
    assert mails(asked.service.db) == []


def test_a_mail_that_could_not_be_delivered_can_be_asked_for_again(asked: Asked) -> None:
    asked.post.to_rcpt = ["550 no such user"]
    status = asked.submit()
    asked.ask(status)
    until(lambda: states(asked.service.db) == ["failed"])
    page = requests.get(status, timeout=30).text
    assert "could not be delivered" in page
    assert BUTTON in page


def test_without_mail_nothing_is_offered(shared: Service) -> None:
    status = shared.url + shared.post(comment="No mail here.").headers["Location"]
    assert BUTTON not in requests.get(status, timeout=30).text
    assert requests.post(f"{status}/confirm", timeout=30).status_code == 409
