"""Strangers can cause few mails: one network none to many people, and nobody in place of others."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from comments_service.services.mail_limits import MOST_TO_ADDRESS_A_DAY
from tests.running import reply
from tests.service.followers import Site, site
from tests.service.mail_server import mails
from tests.service.pages import Page
from tests.service.test_rate_limit import DEFAULTS

SENDER, READER = "203.0.113.9", "198.51.100.7"
MAIL = {name: value for name, value in DEFAULTS.items() if "mails" in name}


@pytest.fixture(name="blog")
def _blog(tmp_path: Path) -> Iterator[Site]:
    """A service that sends mail, with the limits that it has by default, behind a proxy."""
    with site(tmp_path, trusted_proxies="127.0.0.1", **MAIL) as running:
        yield running


def send(
    blog: Site, address: str, path: str, accept: str = "text/html", **fields: str
) -> requests.Response:
    headers = {"X-Forwarded-For": address, "Accept": accept}
    return requests.post(
        blog.service.url + path, data=fields, headers=headers, allow_redirects=False, timeout=30
    )


def follow(blog: Site, number: int, address: str = SENDER) -> requests.Response:
    return send(blog, address, "/comments/networking/follow", email=f"{number}@victim.example")


def submit(blog: Site, number: int, address: str = SENDER, **more: str) -> str:
    """Post a reply; return the path of its private page."""
    fields = reply(comment=f"Number {number}.", email=f"{number}@victim.example", **more)
    answer = send(blog, address, "/comments/networking", **fields)
    assert answer.status_code == 303
    return answer.headers["Location"]


def follow_answers(blog: Site, link: str) -> requests.Response:
    """Ask for the answers to a reply, on its private page."""
    return send(blog, SENDER, f"{link.partition('?')[0]}/follow", action="follow")


def test_one_address_cannot_write_to_many_strangers(blog: Site) -> None:
    answers = [follow(blog, number).status_code for number in range(95)]
    assert answers == [303] * 10 + [429] * 85
    assert len(mails(blog.service.db)) == 10


def test_it_does_not_keep_other_readers_from_confirming(blog: Site) -> None:
    for number in range(105):
        link = submit(blog, number)
        send(blog, SENDER, f"{link}/confirm")
    assert follow(blog, 100, READER).status_code == 303
    link = submit(blog, 101, READER)
    assert send(blog, READER, f"{link}/confirm").status_code == 303
    assert len(mails(blog.service.db)) == 12


def test_all_ways_to_cause_mail_count_together(blog: Site) -> None:
    links = [submit(blog, number) for number in range(8)]
    answers = [send(blog, SENDER, f"{link}/confirm").status_code for link in links[:4]]
    answers += [
        send(blog, SENDER, f"{link}/follow", action="follow").status_code for link in links[4:]
    ]
    answers += [follow(blog, number).status_code for number in (20, 21)]
    assert answers == [303] * 10
    assert follow(blog, 22).status_code == 429
    assert send(blog, SENDER, f"{links[5]}/confirm").status_code == 429
    assert follow_answers(blog, links[0]).status_code == 429
    submit(blog, 23, follow="replies")
    assert len(mails(blog.service.db)) == 10


def test_confirming_an_address_has_a_limit_for_each_network(blog: Site) -> None:
    links = [submit(blog, number) for number in range(15)]
    answers = [send(blog, SENDER, f"{link}/confirm").status_code for link in links]
    assert answers == [303] * 10 + [429] * 5
    assert send(blog, READER, f"{links[-1]}/confirm").status_code == 303


def test_many_addresses_of_one_provider_have_a_limit_together(blog: Site) -> None:
    answers = [
        follow(blog, number, f"2001:db8:1:{number:x}::1").status_code for number in range(30)
    ]
    assert answers == [303] * 20 + [429] * 10
    assert follow(blog, 100, READER).status_code == 303


def test_the_site_as_a_whole_writes_to_few_strangers_in_an_hour(blog: Site) -> None:
    answers = [
        follow(blog, number, f"2001:db8:{number // 10:x}::1").status_code for number in range(220)
    ]
    assert answers == [303] * 200 + [429] * 20


def test_an_address_gets_few_mails_a_day_whatever_asks_for_them(blog: Site) -> None:
    """All from different networks, as an attack on one mailbox would come."""
    victim = {"email": "victim@example.org"}
    answers = []
    for number in range(4):
        address = f"2001:db8:{number:x}::1"
        fields = reply(comment=f"Number {number}.", **victim)
        link = send(blog, address, "/comments/networking", **fields).headers["Location"]
        answers.append(send(blog, address, f"{link}/confirm").status_code)
    blog.service.register(*[f"article-{number}" for number in range(4)])
    for number in range(4):
        send(blog, f"2001:db8:a{number:x}::1", f"/comments/article-{number}/follow", **victim)
    assert answers == [303] * 4
    assert len(mails(blog.service.db)) == MOST_TO_ADDRESS_A_DAY
    blog.service.clock.forward(days=1)
    send(blog, READER, "/comments/article-3/follow", **victim)
    assert len(mails(blog.service.db)) == MOST_TO_ADDRESS_A_DAY + 1


def test_the_follow_form_says_so_and_keeps_the_address(blog: Site) -> None:
    for number in range(10):
        follow(blog, number)
    answer = follow(blog, 11)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "360"
    page = Page(answer.text)
    assert page.fields["email"] == "11@victim.example"
    (alert,) = [one for one in page.elements if one.attributes.get("role") == "alert"]
    assert "Many mails were asked for in a short time" in alert.text
    assert "in 6 minutes" in alert.text
    blog.service.clock.forward(minutes=6)
    assert follow(blog, 11).status_code == 303


def test_a_reply_is_stored_and_its_page_says_that_it_is_not_followed(blog: Site) -> None:
    for number in range(10):
        follow(blog, number)
    link = submit(blog, 11, follow="replies")
    page = blog.get(link).text
    assert "Your reply is stored, but no mail could be sent for following" in page
    assert "Your reply is awaiting moderation" in page
    # Later it works from there.
    assert "Mail me the answers" in page
    assert follow_answers(blog, link).status_code == 429
    blog.service.clock.forward(minutes=6)
    assert follow_answers(blog, link).status_code == 303
    assert "Open the link that was mailed to you" in blog.get(link).text
    assert "Your reply is stored, but" not in blog.get(link).text


def test_the_articles_script_is_told_too(blog: Site) -> None:
    for number in range(10):
        follow(blog, number)
    fields = reply(comment="From the script.", email="s@victim.example", follow="all")
    answer = send(blog, SENDER, "/comments/networking", "application/json", **fields)
    assert answer.status_code == 201
    assert "Your reply is stored, but no mail could be sent for following" in answer.json()["html"]


def test_a_page_says_what_became_of_the_wish_to_confirm(blog: Site) -> None:
    link = submit(blog, 50)
    for number in range(10):
        follow(blog, number)
    answer = send(blog, SENDER, f"{link}/confirm")
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "360"
    assert "Many mails were asked for in a short time" in answer.text


def test_a_known_reader_follows_without_mail_and_without_a_limit(blog: Site) -> None:
    assert follow(blog, 1).status_code == 303
    blog.post.wait()
    cookies = blog.confirm().cookies
    for number in range(20):
        follow(blog, number + 10)
    answer = requests.post(
        f"{blog.service.url}/comments/meetings/follow",
        data={"email": "1@victim.example"},
        headers={"X-Forwarded-For": SENDER},
        cookies=cookies,
        allow_redirects=False,
        timeout=30,
    )
    assert answer.headers["Location"].endswith("?asked=known")


def test_a_clock_that_is_set_back_stops_no_mail(blog: Site) -> None:
    link = submit(blog, 1)
    right = blog.service.clock.now
    blog.service.clock.forward(days=400)
    for number in range(15):
        follow(blog, number)
    send(blog, SENDER, f"{link}/confirm")
    blog.service.clock.now = right + timedelta(minutes=1)
    assert follow(blog, 1).status_code == 303
    assert send(blog, SENDER, f"{link}/confirm").status_code == 303


def test_the_log_names_the_network_and_no_address(
    blog: Site, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "rejoinder.service"):
        for number in range(11):
            follow(blog, number)
        submit(blog, 12, follow="all")
    limited = "event=rate-limited action=mail scope=network network=203.0.113.0/24"
    lines = [one.getMessage() for one in caplog.records if "rate-limited" in one.getMessage()]
    assert lines == [limited] * 2
    assert "victim.example" not in caplog.text
