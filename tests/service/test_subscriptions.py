"""Asking to follow a discussion: nobody is mailed news who did not agree from their mailbox."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from comments_service.domain import bans
from comments_service.domain.actor import Actor
from comments_service.services import moderation, site_rules
from comments_service.services.mail_limits import MOST_TO_ADDRESS_A_DAY
from comments_service.services.pages import the_site
from comments_service.store import followers as store
from comments_service.store import outbox
from tests.canary import leaks
from tests.running import Service, running_service
from tests.service.followers import Site, site, wish_states, wishes
from tests.service.mail_server import mails, states, until
from tests.service.pages import Page, dump, signed_in

EVE = "eve@example.org"
EDITH = Actor("Edith")


@pytest.fixture(name="blog")
def _blog(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as found:
        yield found


def test_an_address_agrees_by_the_button_behind_the_mailed_link(blog: Site) -> None:
    assert "Follow “About networking”" in blog.get("/comments/networking/follow").text
    answer = blog.ask(EVE)
    assert answer.status_code == 303
    assert "Look into your mailbox" in blog.get(answer.headers["Location"]).text
    blog.post.wait()
    assert blog.post.recipients == [EVE]
    assert "About networking" in blog.post.text()
    assert wish_states(blog.service.db) == ["asked"]
    before = dump(blog.service.db)["subscription"]
    page = blog.get(blog.link())
    assert "all replies to “About networking”" in page.text
    assert requests.head(blog.service.url + blog.link(), timeout=30).status_code == 200
    assert dump(blog.service.db)["subscription"] == before
    done = blog.confirm()
    assert done.status_code == 303
    assert "rejoinder_author" in done.headers["Set-Cookie"]
    assert wish_states(blog.service.db) == ["confirmed"]
    assert "You follow this discussion" in blog.get(done.headers["Location"]).text
    assert "Set-Cookie" not in blog.confirm().headers


def test_a_link_is_too_old_after_three_days_and_unknown_ones_do_nothing(blog: Site) -> None:
    blog.ask(EVE)
    blog.post.wait()
    blog.service.clock.forward(days=3)
    assert blog.get(blog.link()).status_code == 410
    assert blog.confirm().status_code == 303
    assert wish_states(blog.service.db) == ["asked"]
    assert blog.send("/comments/follow/" + "x" * 65).status_code == 404


def test_another_site_cannot_ask_or_confirm(blog: Site) -> None:
    foreign = {"Origin": "https://evil.example"}
    url = f"{blog.service.url}/comments/networking/follow"
    refused = requests.post(url, data={"email": EVE}, headers=foreign, timeout=30)
    assert refused.status_code == 403
    assert wishes(blog.service.db) == []


def test_what_is_wrong_with_an_address_is_said_beside_the_field(blog: Site) -> None:
    answer = blog.ask("eve")
    assert answer.status_code == 422
    page = Page(answer.text)
    assert page.summary == [
        ("#email", "Enter an email address in the correct format, like name@example.com")
    ]
    assert page.by_id("email").attributes["value"] == "eve"
    assert blog.ask(EVE, "nowhere").status_code == 404


def test_nobody_learns_whether_an_address_follows(blog: Site) -> None:
    blog.follow(EVE)
    first, again = blog.ask("new@example.org"), blog.ask(EVE)
    assert first.status_code == again.status_code == 303
    assert first.headers["Location"] == again.headers["Location"]
    blog.post.wait()
    until(lambda: "waiting" not in states(blog.service.db))
    assert blog.post.recipients == ["new@example.org"]


def test_one_question_is_open_for_an_address_and_article(blog: Site) -> None:
    for email in (EVE, EVE.upper(), EVE):
        assert blog.ask(email).status_code == 303
    blog.service.submit(email=EVE, follow="replies")
    assert len(mails(blog.service.db)) == 1
    blog.service.clock.forward(days=1)
    blog.post.wait()
    first = blog.link()
    blog.ask(EVE)
    blog.post.wait(2)
    # The earlier one is worth nothing any more.
    assert blog.send(first).status_code == 404
    page = blog.get(blog.link())
    assert "all replies to" in page.text
    assert "answers to the reply that was written with your address" in page.text
    blog.confirm()
    assert wish_states(blog.service.db) == ["confirmed"] * 2


def test_nobody_can_have_a_mailbox_filled(blog: Site) -> None:
    keys = [f"article-{number}" for number in range(7)]
    blog.service.register(*keys)
    for key in keys:
        assert blog.ask(EVE, key).status_code == 303
    assert len(mails(blog.service.db)) == MOST_TO_ADDRESS_A_DAY


def test_a_mailbox_with_an_umlaut_cannot_be_filled_either(blog: Site) -> None:
    keys = [f"article-{number}" for number in range(8)]
    blog.service.register(*keys)
    for key, email in zip(keys, ["ÄNN@example.org", "änn@Example.org"] * 4, strict=True):
        assert blog.ask(email, key).status_code == 303
    assert len(mails(blog.service.db)) == MOST_TO_ADDRESS_A_DAY


def test_an_address_that_is_forgotten_is_forgotten_however_it_was_typed(blog: Site) -> None:
    blog.ask("ÄNN@example.org")
    blog.ask("änn@Example.org", "meetings")
    with blog.service.db.write() as connection:
        store.forget_address(connection, 1, "Änn@example.org")
    assert mails(blog.service.db) == wishes(blog.service.db) == []


def test_other_replies_keep_what_an_address_with_an_umlaut_follows(blog: Site) -> None:
    erased = blog.service.submit(email="Änn@example.org")
    blog.service.submit(email="Änn@example.org", comment="Another one.")
    blog.ask("Änn@example.org")
    blog.decide(erased, "trash", "pending")
    moderation.erase(blog.service.db, erased, by=EDITH, now=blog.service.clock())
    assert len(wishes(blog.service.db)) == 1


def test_a_question_to_nobody_is_no_failure_and_still_counts(blog: Site) -> None:
    blog.post.to_rcpt = ["550 5.1.1 no such user"]
    blog.ask(EVE)
    until(lambda: wish_states(blog.service.db) == ["ended"])
    (mail,) = mails(blog.service.db)
    assert (mail.state, mail.body, mail.problem) == ("sent", "", "550 5.1.1 no such user")
    now = blog.service.clock()
    with blog.service.db.read() as connection:
        assert outbox.trouble(connection, now=now) is None
        day = now - timedelta(days=1)
        assert outbox.count_between(connection, 1, [store.ASK], day, now, address=EVE) == 1


def test_the_form_says_that_the_address_is_required(blog: Site) -> None:
    page = blog.get("/comments/networking/follow").text
    assert "Email *" in page
    assert "Required fields are marked *" in page


@pytest.mark.parametrize("kind", ["replies", "all"])
def test_a_reply_can_ask_and_its_private_page_tells(blog: Site, kind: str) -> None:
    location = blog.service.post(email=EVE, follow=kind).headers["Location"]
    assert "Open the link that was mailed to you" in blog.get(location).text
    blog.post.wait()
    assert "I bring one question" not in blog.post.text()
    assert "Ann" not in blog.post.text()
    blog.confirm()
    (wish,) = wishes(blog.service.db)
    assert (wish.kind, wish.state, wish.email) == (kind, "confirmed", EVE)
    assert "mailed to you" in blog.get(location).text
    ended = blog.send(f"{location}/follow", action="end")
    assert ended.headers["Location"] == location
    assert wish_states(blog.service.db) == ["ended"]
    assert "Mail me the answers" in blog.get(location).text


def test_an_author_can_begin_from_the_private_page(blog: Site) -> None:
    location = blog.service.post(email=EVE).headers["Location"]
    assert blog.send(f"{location[:-1]}x/follow", action="follow").status_code == 404
    blog.send(f"{location}/follow", action="follow")
    blog.post.wait()
    assert [(one.kind, one.state) for one in wishes(blog.service.db)] == [("replies", "asked")]


def test_a_browser_that_confirmed_the_address_needs_no_second_mail(blog: Site) -> None:
    blog.ask(EVE)
    blog.post.wait()
    cookie = blog.confirm().cookies.get("rejoinder_author")
    assert cookie
    jar = {"rejoinder_author": cookie}
    url = blog.service.url
    asked = requests.post(
        f"{url}/comments/meetings/follow", data={"email": EVE}, cookies=jar, timeout=30
    )
    assert "You follow this article" in asked.text
    # Another address in the same browser is nobody's yet.
    requests.post(
        f"{url}/comments/meetings/follow", data={"email": "x@example.org"}, cookies=jar, timeout=30
    )
    assert wish_states(blog.service.db) == ["confirmed", "confirmed", "asked"]
    blog.post.wait(2)
    assert blog.post.recipients == [EVE, "x@example.org"]


def test_spam_makes_nobody_get_a_question(blog: Site) -> None:
    now = blog.service.clock()
    new = bans.parse({"ban-kind": "word", "ban-value": "casino"}, now=now)
    with blog.service.db.write() as connection:
        site_rules.ban(connection, the_site(connection), new, by=EDITH, now=now)
    blog.service.submit(comment="Visit my casino.", email=EVE, follow="all")
    assert wishes(blog.service.db) == []
    assert mails(blog.service.db) == []


def test_a_resent_reply_asks_once(blog: Site) -> None:
    for _ in range(2):
        blog.service.submit(email=EVE, follow="all")
    assert len(wishes(blog.service.db)) == len(mails(blog.service.db)) == 1


def test_without_mail_nothing_is_offered_and_what_was_asked_is_answered(shared: Service) -> None:
    assert requests.get(f"{shared.url}/comments/networking/follow", timeout=30).status_code == 409
    location = shared.post(comment="No mail here.", follow="all").headers["Location"]
    assert "This site sends no mail" in requests.get(shared.url + location, timeout=30).text
    plain = requests.get(shared.url + location.partition("?")[0], timeout=30).text
    assert "Mail me the answers" not in plain


def test_a_mailed_link_promises_nothing_once_no_mail_leaves(tmp_path: Path) -> None:
    with site(tmp_path) as blog:
        blog.ask(EVE)
        blog.post.wait()
        link = blog.link()
    with running_service(tmp_path) as service:
        for answer in (
            requests.get(service.url + link, timeout=30),
            requests.post(service.url + link, timeout=30),
        ):
            assert answer.status_code == 409
            assert "This site sends no mail" in answer.text
            assert "Yes, mail me" not in answer.text
        assert wish_states(service.db) == ["asked"]


def test_erasing_a_reply_takes_its_authors_following_along(blog: Site) -> None:
    public_id = blog.service.submit(email=EVE, follow="replies")
    blog.follow(EVE, "meetings")
    blog.service.submit(email="other@example.org", follow="all")
    blog.decide(public_id, "trash", "pending")
    moderation.erase(blog.service.db, public_id, by=EDITH, now=blog.service.clock())
    assert EVE not in repr(dump(blog.service.db))
    assert [one.email for one in wishes(blog.service.db)] == ["other@example.org"]


def test_a_followers_address_may_not_appear_in_a_page(blog: Site) -> None:
    blog.follow(EVE)
    asked = {"candidates": [EVE.upper(), "nobody@example.org"]}
    found = blog.service.api("POST", "/private", json=asked).json()["private"]
    assert found == [{"position": 0, "reply": "", "kind": "email"}]
    shows = blog.service.submit(comment=f"Write to {EVE} soon")
    with pytest.raises(Exception, match="email address"):
        blog.service.approve(shows)


def test_no_answer_and_no_log_holds_a_followers_address(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with site(tmp_path) as blog:
        location = blog.service.post(email=EVE, follow="all").headers["Location"]
        blog.post.wait()
        pages = [blog.get(location), blog.get(blog.link()), blog.confirm(), blog.get(blog.link())]
        pages += [blog.ask(EVE), blog.get("/comments/networking/follow?asked=mail")]
        editor = signed_in(blog.service)
        shown = editor.get("/moderate/articles").text
        assert "1 follows by mail" in shown
        pages.append(blog.service.api("GET", "/changes"))
        places = [(one.url, f"{one.headers}{one.text}".encode()) for one in pages]
        places.append(("articles", shown.encode()))
    # Not what the mail server and the client of the tests say.
    log = "\n".join(
        one.getMessage()
        for one in caplog.records
        if one.name.startswith(("rejoinder", "sqlalchemy"))
    )
    assert "event=follow-confirmed" in log
    places.append(("log", log.encode()))
    assert list(leaks(places, [EVE])) == []
