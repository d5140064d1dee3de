"""Posting is limited; a limited reader keeps the typed text, and nobody else has to wait."""

import logging
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import select

from comments_service.app import create_app
from comments_service.domain.errors import TooMany
from comments_service.services import rate_limit
from comments_service.settings import Settings
from comments_service.store.database import Database
from comments_service.store.tables import comment
from comments_service.store.tables import rate_limit as table
from comments_service.web.support.rate_limit import MinuteLimit
from tests.running import (
    NO_LIMITS,
    NOON,
    SECRET,
    Service,
    free_port,
    reply,
    running_service,
    serving,
)
from tests.service.pages import Page

DEFAULTS: dict[str, Any] = {
    "posts_per_minute": 20,
    "posts_per_hour": 100,
    "site_posts_per_minute": 300,
    "mails_per_hour": 10,
    "site_mails_per_hour": 200,
}
SCHOOL, ELSEWHERE = "198.51.100.7", "203.0.113.9"


@pytest.fixture(name="blog")
def _blog(tmp_path: Path) -> Iterator[Service]:
    """A service with the limits that it has by default, behind a proxy."""
    with running_service(tmp_path, trusted_proxies="127.0.0.1", **DEFAULTS) as running:
        running.register("networking", "meetings")
        yield running


def post(
    blog: Service, address: str = SCHOOL, path: str = "/comments/networking", **fields: str
) -> requests.Response:
    headers = {"X-Forwarded-For": address}
    if accept := fields.pop("accept", ""):
        headers["Accept"] = accept
    return requests.post(
        blog.url + path, data=fields, headers=headers, allow_redirects=False, timeout=30
    )


def say(blog: Service, number: object, address: str = SCHOOL, **more: str) -> requests.Response:
    return post(blog, address, **reply(comment=f"Number {number}."), **more)


def statuses(blog: Service, count: int, address: str = SCHOOL, first: int = 0) -> list[int]:
    return [say(blog, f"{address} {n}", address).status_code for n in range(first, first + count)]


def stored(blog: Service) -> int:
    with blog.db.read() as connection:
        return len(connection.execute(select(comment.c.id)).all())


def test_the_limits_of_these_tests_are_the_defaults() -> None:
    assert {name: Settings.model_fields[name].default for name in NO_LIMITS} == DEFAULTS


def test_one_address_cannot_post_without_end(blog: Service) -> None:
    answers = statuses(blog, 40)
    assert answers == [303] * 20 + [429] * 20
    assert stored(blog) == 20


def test_a_class_of_thirty_that_posts_within_a_minute_is_not_stopped(blog: Service) -> None:
    for number in range(30):
        assert say(blog, number).status_code == 303
        blog.clock.forward(seconds=3)


def test_an_hour_has_a_limit_of_its_own(blog: Service) -> None:
    answers = []
    for number in range(140):
        answers.append(say(blog, number).status_code)
        blog.clock.forward(seconds=6)
    accepted = answers.count(303)
    # 100 at once, and one more every 36 seconds of the 14 minutes.
    assert accepted == 100 + 140 * 6 // 36
    assert answers[:100] == [303] * 100


def test_others_are_not_affected(blog: Service) -> None:
    statuses(blog, 25)
    assert say(blog, "another", ELSEWHERE).status_code == 303
    assert say(blog, "a neighbour", "198.51.100.8").status_code == 303


@pytest.mark.parametrize(
    "addresses",
    [
        [f"2001:db8:1:2::{number:x}" for number in range(21)],
        [f"::ffff:{SCHOOL}", SCHOOL] * 11,
    ],
)
def test_addresses_of_one_household_are_one_network(blog: Service, addresses: list[str]) -> None:
    answers = [say(blog, n, address).status_code for n, address in enumerate(addresses)]
    assert answers[:20] == [303] * 20
    assert answers[-1] == 429


@pytest.mark.parametrize("pattern", ["2001:db8:1:{:x}::1", "198.51.100.{}"])
def test_many_addresses_of_one_provider_have_a_limit_together(blog: Service, pattern: str) -> None:
    answers = []
    for number in range(1, 11):
        answers += statuses(blog, 10, pattern.format(number))
    assert answers == [303] * 80 + [429] * 20


def test_the_site_has_a_limit_for_everybody_together(blog: Service) -> None:
    answers = []
    for number in range(1, 18):
        answers += statuses(blog, 20, f"2001:db8:{number:x}::1")
    assert answers == [303] * 300 + [429] * 40
    blog.clock.forward(seconds=1)
    assert say(blog, "later", ELSEWHERE).status_code == 303


def test_a_forged_header_is_not_another_network(tmp_path: Path) -> None:
    with running_service(tmp_path, **DEFAULTS) as service:
        service.register("networking")
        answers = [say(service, n, f"198.51.{n}.1").status_code for n in range(21)]
    assert answers == [303] * 20 + [429]


def test_the_form_comes_back_with_everything_typed(blog: Service) -> None:
    statuses(blog, 20)
    typed = reply(comment="Keep this <b>text</b>, please.", url="https://ann.example")
    answer = post(blog, **typed)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "3"
    page = Page(answer.text)
    assert typed.items() <= page.fields.items()
    assert page.one("form").attributes["action"] == "/comments/networking"
    (alert,) = [one for one in page.elements if one.attributes.get("role") == "alert"]
    assert "not posted yet" in alert.text
    assert "in 3 seconds" in alert.text
    # What it says is true.
    blog.clock.forward(seconds=3)
    again = post(blog, **{**typed, **{k: v for k, v in page.fields.items() if k in typed}})
    assert again.status_code == 303


def test_an_answer_to_a_reply_comes_back_with_that_reply(blog: Service) -> None:
    parent = say(blog, "the first").headers["Location"].split("/")[3]
    blog.approve(parent)
    statuses(blog, 19)
    answer = post(blog, **reply(comment="An answer.", parent=parent))
    assert answer.status_code == 429
    assert Page(answer.text).fields["parent"] == parent
    assert "Number the first." in answer.text


def test_a_script_is_told_in_json(blog: Service) -> None:
    statuses(blog, 20)
    answer = say(blog, "more", accept="application/json")
    assert answer.status_code == 429
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Retry-After"] == "3"
    assert "not posted yet" in answer.json()["detail"]
    assert "errors" not in answer.json()


def test_the_same_reply_again_is_not_counted(blog: Service) -> None:
    same = [say(blog, "the same").status_code for _ in range(25)]
    assert same == [303] * 25
    assert statuses(blog, 19) == [303] * 19


def test_sending_only_mistakes_is_limited_too(blog: Service) -> None:
    answers = [post(blog, **reply(email="")).status_code for _ in range(205)]
    assert answers == [422] * 200 + [429] * 5
    assert say(blog, "another", ELSEWHERE).status_code == 303


def test_posts_at_the_same_time_are_all_counted(blog: Service) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: say(blog, n).status_code, range(60)))
    assert sorted(answers) == [303] * 20 + [429] * 40
    assert stored(blog) == 20


def test_several_processes_share_the_limits(blog: Service) -> None:
    """A second application over the same database, as another process has it."""
    db, port = Database(blog.settings.database), free_port()
    app = create_app(blog.settings, db, blog.clock)
    with serving(app, port):
        other = Service(f"http://127.0.0.1:{port}", blog.settings, db, blog.clock)
        answers = []
        for number in range(15):
            answers += [say(blog, f"a{number}").status_code, say(other, f"b{number}").status_code]
    db.close()
    assert answers == [303] * 20 + [429] * 10


def test_a_clock_that_is_set_back_locks_nobody_out(blog: Service) -> None:
    right = blog.clock.now
    blog.clock.forward(days=400)
    assert 429 in statuses(blog, 25)
    blog.clock.now = right
    assert say(blog, "later").status_code == 303
    # Set back by less than a window, it delays nobody longer than the limit does.
    assert 429 in statuses(blog, 120, first=100)
    blog.clock.now -= timedelta(seconds=30)
    blog.clock.forward(minutes=2)
    assert say(blog, "even later").status_code == 303


def test_limits_can_be_switched_off_and_set(tmp_path: Path) -> None:
    with running_service(tmp_path, **(NO_LIMITS | {"posts_per_hour": 3})) as service:
        service.register("networking")
        assert statuses(service, 5) == [303] * 3 + [429] * 2


def edit_fields(page: Page) -> dict[str, str]:
    return {name: page.fields[name] for name in ("was", "version")}


def test_authors_cannot_change_their_replies_without_end(blog: Service) -> None:
    link = say(blog, "mine").headers["Location"]
    answers = []
    for number in range(25):
        page = Page(requests.get(f"{blog.url}{link}/edit", timeout=30).text)
        typed = {"comment": f"Another text, {number}.", **edit_fields(page)}
        answer = post(blog, path=f"{link}/edit", **typed)
        answers.append(answer.status_code)
    assert answers == [303] * 20 + [429] * 5
    assert "Another text, 24." in answer.text
    assert "Retry-After" in answer.headers
    # Posting is another thing, and so are other readers.
    assert say(blog, "another").status_code == 303


def test_authors_cannot_ask_the_editors_for_many_replies_without_end(blog: Service) -> None:
    links = [say(blog, n, f"2001:db8:{n:x}::1").headers["Location"] for n in range(25)]
    asked = {"kind": "remove", "words": "Take it out, please."}
    answers = [post(blog, path=f"{link}/ask", **asked) for link in links]
    assert [one.status_code for one in answers] == [303] * 20 + [429] * 5
    assert "Take it out, please." in answers[-1].text
    removing = post(blog, path=f"{links[0]}/remove", was="pending")
    assert removing.status_code == 429


def test_what_is_stored_names_nobody_and_goes(blog: Service) -> None:
    say(blog, "one")

    def rows() -> list[Any]:
        with blog.db.read() as connection:
            return list(connection.execute(select(table)))

    assert len(rows()) == 5
    assert all(re.fullmatch("[0-9a-f]{64}", row.key) for row in rows())
    rate_limit.forget_old(blog.db, now=blog.clock())
    assert rows()
    blog.clock.forward(hours=1)
    rate_limit.forget_old(blog.db, now=blog.clock())
    assert rows() == []


def test_what_a_wrong_clock_left_goes_too(blog: Service) -> None:
    right = blog.clock.now
    blog.clock.forward(days=400)
    say(blog, "one")
    rate_limit.forget_old(blog.db, now=right)
    with blog.db.read() as connection:
        assert connection.execute(select(table)).all() == []


def test_the_log_says_which_limit_and_which_network(
    blog: Service, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "rejoinder.service"):
        statuses(blog, 21)
    lines = [one.getMessage() for one in caplog.records]
    assert lines == ["event=rate-limited action=post scope=network network=198.51.100.0/24"]


def test_previews_are_not_locked_out_when_the_clock_is_set_back() -> None:
    each = MinuteLimit(2)
    late = NOON + timedelta(days=400)
    for _ in range(2):
        each.count("x", late)
    with pytest.raises(TooMany):
        each.count("x", late)
    each.count("x", NOON)


def test_a_bucket_refills_evenly(blog: Service) -> None:
    limit = rate_limit.Limit(3, timedelta(minutes=1))
    bucket = rate_limit.Bucket("post", "network", "192.0.2.1", limit)
    waits = []
    for seconds in (0, 0, 0, 0, 19, 20, 21, 40, 100, 100, 100, 100):
        now = NOON + timedelta(seconds=seconds)
        try:
            rate_limit.count(blog.db, SECRET.encode(), [bucket], now=now)
            waits.append(0)
        except TooMany as error:
            waits.append(error.seconds)
    assert waits == [0, 0, 0, 20, 1, 0, 19, 0, 0, 0, 0, 20]
