"""News for followers: each reply once to each who wants it, and never after it was taken back."""

from collections.abc import Iterator
from datetime import timedelta
from email import policy
from pathlib import Path

import pytest
import requests

from comments_service.domain import actor
from comments_service.services import author_actions, follower_mail, link_tokens, moderation
from comments_service.store import followers, outbox
from comments_service.store import notifications as store
from comments_service.store.followers import Kind, NewSubscription
from comments_service.store.notifications import Round, already
from comments_service.store.outbox import NewMail
from tests.canary import leaks
from tests.running import SECRET, Service, version_of
from tests.service.followers import Site, confirmed, site, tried, untold, wish_states, wishes
from tests.service.mail_server import Post, mailing_service, mails, post_office, until
from tests.service.pages import dump, raw

AS_SENT = policy.SMTP.clone(refold_source="none")
EVE, ANN = "eve@example.org", "ann.okoye@example.org"


@pytest.fixture(name="blog")
def _blog(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as found:
        yield found


def test_a_published_reply_is_told_after_two_minutes(blog: Site) -> None:
    blog.follow(EVE)
    public_id = blog.publish(comment="I ask people what they *cook*.")
    blog.service.clock.forward(seconds=119)
    assert untold(blog.service.db) == 1
    assert blog.post.taken == []
    blog.service.clock.forward(seconds=1)
    blog.post.wait()
    (message,) = blog.told()
    assert blog.post.recipients == [EVE]
    assert message["To"] == EVE
    assert message["Cc"] is None
    assert message["Subject"] == "Ann Okoye replied to “About networking”"
    text = blog.post.text()
    assert "> I ask people what they *cook*." in text
    assert f"{blog.service.url}/networking/#comment-{public_id}" in text
    del message["To"]
    assert list(leaks([("mail", message.as_bytes())], [EVE, ANN])) == []


def test_the_mail_can_be_ended_by_one_click_and_sorted(tmp_path: Path) -> None:
    with site(tmp_path, site_url="https://blog.example") as blog:
        blog.follow(EVE)
        blog.publish()
        blog.settle()
        (first,) = blog.told()
        blog.post.taken.clear()
        blog.publish(comment="Another one.")
        blog.quiet()
        blog.post.wait()
        second = blog.post.taken[-1]
    for message in (first, second):
        link = message["List-Unsubscribe"]
        assert link.startswith("<https://blog.example/comments/unsubscribe/")
        assert link.count("<") == 1
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert message["Auto-Submitted"] == "auto-generated"
        assert message["From"] == "Rejoinder <noreply@blog.example>"
        assert message["List-Id"].endswith(".replies.blog.example>")
        # Whole, however long: many mail programs do not decode these.
        assert f"List-Unsubscribe: {link}\r\n".encode() in message.as_bytes(policy=AS_SENT)
    assert first["References"] == second["References"] == first["In-Reply-To"]
    assert first["Message-ID"] != second["Message-ID"]


def test_what_is_undone_before_it_leaves_is_not_told(blog: Site) -> None:
    blog.follow(EVE)
    public_id = blog.publish()
    blog.decide(public_id, "trash", "approved")
    blog.quiet()
    assert blog.post.taken == []
    blog.decide(public_id, "approve", "trash")
    blog.settle()
    assert len(blog.told()) == 1


def test_what_is_undone_while_the_mail_server_is_down_is_not_told(tmp_path: Path) -> None:
    post = Post()
    with mailing_service(tmp_path, post) as service:
        blog = Site(service, post)
        _followers(service, [EVE])
        public_id, stays = blog.publish(), blog.publish(comment="This one stays.")
        blog.settle()
        until(lambda: [row.attempts for row in mails(service.db)] == [1])
        # No reader's words wait in the outbox.
        assert mails(service.db)[0].body == ""
        blog.decide(public_id, "spam", "approved")
        with post_office(post):
            service.clock.forward(hours=1)
            blog.told()
        assert "This one stays" in post.text()
        assert "I bring one question" not in post.text()
        assert stays in post.text()


def test_a_mail_that_leaves_later_has_no_text_that_its_author_changed_since(
    tmp_path: Path,
) -> None:
    post = Post()
    with mailing_service(tmp_path, post) as service:
        blog = Site(service, post)
        _followers(service, [EVE])
        public_id = blog.publish()
        blog.publish(comment="This one stays.")
        blog.settle()
        until(lambda: [row.attempts for row in mails(service.db)] == [1])
        author_actions.edit(
            service.db, SECRET.encode(), public_id, "Buy pills at my shop.",
            was="approved", version=0, client=None, author_cookie="",
            window=timedelta(hours=1), now=service.clock(),
        )  # fmt: skip
        with post_office(post):
            service.clock.forward(hours=1)
            blog.told()
        assert "This one stays" in post.text()
        assert "pills" not in post.text()
        assert "I bring one question" not in post.text()


def test_a_mail_with_nothing_left_to_tell_is_dropped(tmp_path: Path) -> None:
    post = Post()
    with mailing_service(tmp_path, post) as service:
        blog = Site(service, post)
        _followers(service, [EVE])
        public_id = blog.publish()
        blog.settle()
        until(lambda: [row.attempts for row in mails(service.db)] == [1])
        blog.decide(public_id, "trash", "approved")
        with post_office(post):
            service.clock.forward(hours=1)
            until(lambda: mails(service.db) == [])
        assert post.taken == []


def test_a_reply_is_told_once_however_often_it_is_published(blog: Site) -> None:
    blog.follow(EVE)
    public_id = blog.publish()
    blog.settle()
    blog.told()
    blog.decide(public_id, "trash", "approved")
    blog.decide(public_id, "approve", "trash")
    blog.quiet()
    assert len(blog.post.taken) == 1


def test_nobody_is_told_of_their_own_reply_and_nobody_twice(blog: Site) -> None:
    blog.follow(EVE)
    own = blog.publish(email=EVE.upper(), author="Eve", follow="replies")
    blog.post.wait()
    blog.confirm()
    blog.clear()
    assert wish_states(blog.service.db) == ["confirmed"] * 2
    blog.quiet()
    assert blog.post.taken == []
    blog.publish(comment="An answer.", parent=own)
    blog.settle()
    (message,) = blog.told()
    assert message["To"].casefold() == EVE


def test_who_follows_answers_is_told_of_those_only(blog: Site) -> None:
    mine = blog.publish(email=EVE, author="Eve", follow="replies")
    blog.post.wait()
    blog.confirm()
    blog.clear()
    blog.publish(comment="Something else.")
    blog.quiet()
    assert blog.post.taken == []
    blog.publish(comment="An answer to Eve.", parent=mine)
    blog.settle()
    blog.told()
    assert "An answer to Eve." in blog.post.text()
    assert "follow the answers to your reply" in blog.post.text()


def test_many_replies_become_one_mail_a_quarter_of_an_hour(blog: Site) -> None:
    blog.follow(EVE)
    for number in range(25):
        blog.publish(comment=f"Number {number:02}.")
    blog.settle()
    blog.post.wait()
    assert blog.post.taken[0]["Subject"] == "25 new replies to “About networking”"
    assert "Number 19." in blog.post.text()
    assert "Number 20." not in blog.post.text()
    assert "And 5 more replies on the page." in blog.post.text()
    for number in range(2):
        blog.publish(comment=f"Later {number}.")
    blog.service.clock.forward(minutes=5)
    assert untold(blog.service.db) == 2
    blog.told(2)
    assert blog.post.taken[1]["Subject"] == "2 new replies to “About networking”"


def test_what_was_public_before_is_no_news(blog: Site) -> None:
    blog.ask(EVE)
    blog.post.wait()
    blog.publish(comment="Between.")
    blog.service.clock.forward(seconds=30)
    blog.follow("late@example.org")
    blog.publish(comment="After.")
    blog.settle()
    blog.told()
    assert "After." in blog.post.text()
    assert "Between." not in blog.post.text()


def test_a_reply_that_the_rules_publish_and_one_of_an_editor_are_told(blog: Site) -> None:
    blog.follow(EVE)
    public_id = blog.service.submit()
    moderation.answer(
        blog.service.db, public_id, "Well said.", by=actor.Actor("Edith"),
        email="edith@example.org", expected="pending",
        version=version_of(blog.service.db, public_id), now=blog.service.clock(),
    )  # fmt: skip
    blog.settle()
    (message,) = blog.told()
    assert message["Subject"] == "2 new replies to “About networking”"
    assert "Edith wrote:" in blog.post.text()


def test_an_approval_costs_one_row_however_many_follow(tmp_path: Path) -> None:
    post = Post()
    with mailing_service(tmp_path, post) as service:
        _followers(service, [f"reader{number}@example.org" for number in range(10_000)])
        Site(service, post).publish()
        assert mails(service.db) == []
        assert untold(service.db) == 1
        # And other mail does not wait behind ten thousand.
        service.clock.forward(minutes=2)
        until(lambda: len(mails(service.db)) >= follower_mail.PART)
        assert len(mails(service.db)) < 3 * follower_mail.PART


def test_a_crash_between_two_parts_tells_everybody_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follower_mail, "PART", 3)
    with post_office() as post, mailing_service(tmp_path, post) as service:
        blog = Site(service, post)
        emails = [f"reader{number}@example.org" for number in range(10)]
        _followers(service, emails)
        crashes = iter([True, False, True, False, False, True])
        real = store.reached

        def falls(connection: object, one: object, row_id: int) -> None:
            real(connection, one, row_id)  # type: ignore[arg-type]
            if next(crashes, False):
                raise OSError("killed after the mails were written and before the commit")

        monkeypatch.setattr(store, "reached", falls)
        blog.publish()
        blog.settle()
        blog.told(10)
        assert sorted(post.recipients) == sorted(emails)


def test_a_copy_after_a_lost_answer_is_recognised(blog: Site) -> None:
    blog.follow(EVE)
    blog.post.to_data = ["drop"]
    blog.publish()
    blog.settle()
    until(lambda: tried(blog.service.db))
    first, second = blog.told(2)
    assert first.as_bytes() == second.as_bytes()


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ("550 5.1.1 <eve@example.org>: no such user", "ended"),
        ("554 5.7.1 relaying denied", "confirmed"),
        ("451 later", "confirmed"),
    ],
)
def test_an_address_that_does_not_exist_is_written_to_once(
    blog: Site, answer: str, state: str
) -> None:
    blog.follow(EVE)
    blog.post.to_rcpt = [answer]
    blog.publish()
    blog.settle()
    if state == "confirmed":
        until(lambda: tried(blog.service.db))
    until(lambda: wish_states(blog.service.db) == [state])
    with blog.service.db.read() as connection:
        trouble = outbox.trouble(connection, now=blog.service.clock())
    # Editors are told of what they can mend.
    assert (trouble is not None) == answer.startswith("554")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded", b"List-Unsubscribe=One-Click"),
        (
            'multipart/form-data; boundary="x"',
            b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\n'
            b"One-Click\r\n--x--\r\n",
        ),
    ],
)
def test_one_click_ends_it_without_cookies_sign_in_or_redirect(
    blog: Site, kind: str, body: bytes
) -> None:
    path = _mailed(blog)
    before = dump(blog.service.db)["subscription"]
    page = blog.get(path)
    assert page.status_code == 200
    assert "Stop these mails" in page.text
    assert requests.head(blog.service.url + path, timeout=30).status_code == 200
    assert dump(blog.service.db)["subscription"] == before
    head = (
        f"POST {path} HTTP/1.1\r\nHost: mail.example\r\nOrigin: https://webmail.example\r\n"
        f"Sec-Fetch-Site: cross-site\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    for _ in range(2):
        answer = raw(blog.service, head.encode() + body)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"set-cookie" not in answer.lower()
        assert wish_states(blog.service.db) == ["ended"]
    blog.publish(comment="Nobody hears of this.")
    blog.quiet()
    assert blog.post.taken == []


def test_an_old_link_ends_a_later_following_and_unknown_ones_are_answered_kindly(
    blog: Site,
) -> None:
    path = _mailed(blog)
    blog.send(path)
    blog.follow(EVE)
    assert wish_states(blog.service.db) == ["ended", "confirmed"]
    assert "Stop these mails" in blog.get(path).text
    blog.send(path)
    assert wish_states(blog.service.db) == ["ended", "ended"]
    for token in ("x" * 65, "x", path.rpartition("/")[2][:-1] + "_"):
        for answer in (
            blog.get(f"/comments/unsubscribe/{token}"),
            blog.send(f"/comments/unsubscribe/{token}"),
        ):
            assert answer.status_code == 200
            assert "You get no more of these mails" not in answer.text
            assert "Nothing is mailed by this link" in answer.text


def test_a_link_can_end_all_mail_of_the_site(blog: Site) -> None:
    blog.follow(EVE, "meetings")
    blog.follow("other@example.org")
    path = _mailed(blog, told=2)
    blog.send(path + "/all")
    assert {one.email for one in wishes(blog.service.db) if one.state == "confirmed"} == {
        "other@example.org"
    }


def test_what_ended_is_forgotten_after_a_month(blog: Site) -> None:
    path = _mailed(blog)
    blog.send(path)
    blog.service.clock.forward(days=31)
    until(lambda: wishes(blog.service.db) == [])
    assert "Nothing is mailed by this link" in blog.get(path).text


@pytest.mark.parametrize("how", ["a month later", "erased"])
def test_the_link_of_a_wish_that_is_gone_ends_the_other_one(blog: Site, how: str) -> None:
    now = blog.service.clock()
    mine = blog.service.submit(email=EVE)
    blog.service.approve(mine)
    # Else all that the address follows would be forgotten.
    blog.service.submit(email=EVE, comment="Another one.")
    with blog.service.db.write() as connection:
        page_id, comment_id = connection.exec_driver_sql(
            "SELECT page_id, id FROM comment WHERE public_id = ?", (mine,)
        ).one()
        for kind, parent in ((Kind.REPLIES, comment_id), (Kind.ALL, None)):
            new = (1, page_id, parent, kind, EVE, link_tokens.new_seed(), now, now)
            followers.add(connection, NewSubscription(*new))
    seed = wishes(blog.service.db)[0].seed
    path = f"/comments/unsubscribe/{link_tokens._token(SECRET.encode(), seed)}"
    with blog.service.db.write() as connection:
        if how == "erased":
            followers.forget_reply(connection, 1, comment_id, EVE)
        else:
            followers.end(connection, 1, EVE, now, comment_id=comment_id)
            followers.prune(connection, now + timedelta(days=31))
    assert wish_states(blog.service.db) == ["ended", "confirmed"]
    assert "Stop these mails" in blog.get(path).text
    assert "You get no more of these mails" in blog.send(path).text
    assert wish_states(blog.service.db) == ["ended", "ended"]
    with blog.service.db.write() as connection:
        followers.prune(connection, blog.service.clock() + timedelta(days=31))
    assert wishes(blog.service.db) == []


def test_whoever_has_a_mail_of_the_round_is_known_however_the_address_is_typed(
    blog: Site,
) -> None:
    one = Round(1, 1, 1, 0)
    now = blog.service.clock()
    with blog.service.db.write() as connection:
        mail = NewMail(1, followers.NEWS, "1", "ÄNN@Example.org", "A subject", "", now)
        outbox.add(connection, [mail])
        assert already(connection, one, ["ÄNN@example.ORG"]) == {"änn@example.org"}


def test_the_outbox_holds_no_token_that_opens_anything(tmp_path: Path) -> None:
    post = Post()
    with mailing_service(tmp_path, post) as service:
        blog = Site(service, post)
        blog.ask(EVE)
        with service.db.read() as connection:
            rows = connection.exec_driver_sql("SELECT body, headers FROM outbox").all()
        before = repr(dump(service.db))
        with post_office(post):
            service.clock.forward(hours=1)
            post.wait()
        token = blog.link().rpartition("/")[2]
        assert token not in before
        assert rows


def _mailed(blog: Site, told: int = 1) -> str:
    """Follow, be told, and return the link at the end of the mail."""
    blog.follow(EVE)
    blog.publish()
    blog.settle()
    blog.told(told)
    number = blog.post.recipients.index(EVE)
    path = blog.link(number)
    blog.clear()
    return path


def _followers(service: Service, emails: list[str]) -> None:
    with service.db.read() as connection:
        page_id = connection.exec_driver_sql(
            "SELECT id FROM page WHERE key = 'networking'"
        ).scalar_one()
    confirmed(service.db, emails, page_id, service.clock())
