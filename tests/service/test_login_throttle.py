"""Guessing is slowed down, for accounts that exist and for others alike, and never for long."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import requests
from sqlalchemy import select

from comments_service.domain.errors import TooMany
from comments_service.domain.ip_prefix import household
from comments_service.services import auth, login_throttle
from comments_service.store.tables import sign_in_failure
from tests.running import SECRET, Service, run
from tests.service.pages import PASSWORD, Editor, Page, add_editor

KEY = SECRET.encode()


def guess(
    service: Service, email: str = "editor@example.org", password: str = "a wrong guess"
) -> requests.Response:
    return Editor(service).sign_in(email, password)


def statuses(service: Service, count: int, **more: str) -> list[int]:
    return [guess(service, **more).status_code for _ in range(count)]


def count(service: Service) -> int:
    with service.db.read() as connection:
        return len(connection.execute(select(sign_in_failure)).all())


def test_after_five_failures_an_account_waits(service: Service) -> None:
    add_editor(service)
    assert statuses(service, 6) == [422] * 5 + [429]
    # Also with the right password: nobody learns that it is.
    answer = guess(service, password=PASSWORD)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "30")
    assert "Try again at 12:00:30 UTC, in 30 seconds" in answer.text
    page = Page(answer.text)
    assert page.problems == ["#email"]
    assert page.fields["email"] == "editor@example.org"
    assert page.fields["password"] == ""
    service.clock.forward(seconds=29)
    assert guess(service, password=PASSWORD).headers["Retry-After"] == "1"
    service.clock.forward(seconds=1)
    assert guess(service, password=PASSWORD).status_code == 303


def test_an_unknown_account_gets_the_same_answers(service: Service) -> None:
    add_editor(service)
    answers: dict[str, list[Any]] = {"editor@example.org": [], "nobody@example.org": []}
    for email, told in answers.items():
        for _ in range(7):
            answer = guess(service, email)
            same = answer.text.replace(email, "")
            token = Page(answer.text).fields["token"]
            told.append((answer.status_code, same.replace(token, ""), answer.headers.keys()))
    assert answers["editor@example.org"] == answers["nobody@example.org"]


def test_the_wait_grows_to_a_quarter_of_an_hour_and_no_longer(service: Service) -> None:
    waits = []
    counters = login_throttle.for_password("a", "192.0.2.7", None)
    for _ in range(5):
        login_throttle.attempt(service.db, KEY, counters, now=service.clock())
    for _ in range(8):
        with pytest.raises(TooMany) as told:
            login_throttle.attempt(service.db, KEY, counters, now=service.clock())
        waits.append(told.value.seconds)
        service.clock.now = told.value.until
        login_throttle.attempt(service.db, KEY, counters, now=service.clock())
        # The older ones do not go while it lasts, so that the longest is reached.
        with service.db.write() as connection:
            connection.execute(sign_in_failure.update().values(at=service.clock()))
    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]


def test_nobody_waits_a_quarter_of_an_hour_after_the_last_failure(service: Service) -> None:
    add_editor(service)
    for _ in range(40):
        guess(service)
        service.clock.forward(seconds=20)
    service.clock.forward(minutes=15)
    assert guess(service, password=PASSWORD).status_code == 303


def test_asking_while_waiting_does_not_prolong_it(service: Service) -> None:
    add_editor(service)
    statuses(service, 5)
    before = count(service)
    for _ in range(10):
        service.clock.forward(seconds=2)
        assert guess(service).status_code == 429
    assert count(service) == before
    service.clock.forward(seconds=10)
    assert guess(service, password=PASSWORD).status_code == 303


def test_success_clears_the_accounts_count(service: Service) -> None:
    add_editor(service)
    for _ in range(3):
        assert statuses(service, 4) == [422] * 4
        assert guess(service, password=PASSWORD).status_code == 303
    # The 12 failures stay in the three counters that others share, the good ones in none.
    assert count(service) == 12 * 3


def test_after_twenty_failures_a_network_waits(service: Service) -> None:
    add_editor(service)
    several = [guess(service, f"nobody{n}@example.org").status_code for n in range(21)]
    assert several == [422] * 20 + [429]
    assert guess(service, password=PASSWORD).status_code == 429
    # A one-time link lets in.
    link = auth.link_for(service.db, email="editor@example.org", now=service.clock())
    browser = Editor(service)
    token = Page(browser.get(f"/moderate/link/{link}").text).fields["token"]
    assert browser.post(f"/moderate/link/{link}", token=token).status_code == 303


def test_a_header_does_not_make_another_network(service: Service) -> None:
    for number in range(21):
        browser = Editor(service)
        browser.http.headers["X-Forwarded-For"] = f"192.0.2.{number}"
        browser.http.headers["Forwarded"] = f"for=192.0.2.{number}"
        answer = browser.sign_in(f"nobody{number}@example.org", "a wrong guess")
    assert answer.status_code == 429


def test_capitals_and_spaces_do_not_make_another_account(service: Service) -> None:
    add_editor(service)
    for email in ("editor@example.org", "EDITOR@example.org", " editor@example.org "):
        statuses(service, 2, email=email)
    assert guess(service).status_code == 429


def test_many_guesses_at_once_are_as_many_guesses(service: Service) -> None:
    add_editor(service)
    browsers = [Editor(service) for _ in range(8)]
    tokens = [Page(one.get("/moderate/sign-in").text).fields["token"] for one in browsers]
    barrier = threading.Barrier(8)

    def ask(number: int) -> int:
        barrier.wait()
        answer = browsers[number].post(
            "/moderate/sign-in", token=tokens[number], email="editor@example.org", password="x"
        )
        return answer.status_code

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(ask, range(8))) == [422] * 5 + [429] * 3


def test_what_is_stored_names_nobody_and_goes(service: Service) -> None:
    guess(service)
    with service.db.read() as connection:
        stored = repr(connection.execute(select(sign_in_failure)).all())
    assert "example" not in stored
    assert "127.0.0.1" not in stored
    assert count(service) == 4
    service.clock.forward(days=1)
    guess(service, "somebody@example.org")
    assert count(service) == 4


def test_what_is_stored_goes_though_nobody_tries_again(service: Service) -> None:
    guess(service)
    login_throttle.forget_old(service.db, now=service.clock())
    assert count(service) == 4
    service.clock.forward(days=1)
    login_throttle.forget_old(service.db, now=service.clock())
    assert count(service) == 0
    # The shortest window, the longest memory and the longest pause: within a day of its end.
    kept = timedelta(days=1, seconds=login_throttle.FORGET_SECONDS)
    assert kept <= login_throttle.NETWORK.window + timedelta(days=1)


def test_the_service_forgets_by_itself(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs for as long as the service does, with short pauses."""
    from comments_service import app
    from comments_service.web.support.periodic import daily

    guess(service)
    service.clock.forward(days=1)
    monkeypatch.setattr(
        app, "daily", lambda work, **_: daily(work, first=0, every=login_throttle.FORGET_SECONDS)
    )

    async def a_while() -> None:
        other = app.create_app(service.settings, service.db, service.clock)
        async with other.router.lifespan_context(other):
            while count(service):
                await asyncio.sleep(0.05)

    run(asyncio.wait_for(a_while(), 60))


def test_five_failures_over_more_than_a_quarter_of_an_hour_are_nothing(service: Service) -> None:
    add_editor(service)
    for _ in range(3):
        assert statuses(service, 4) == [422] * 4
        service.clock.forward(minutes=15)


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("a-socket", "a-socket"),
    ],
)
def test_a_network_is_an_address_or_a_prefix(host: str, network: str) -> None:
    assert household(host) == network


def test_a_wait_is_told_in_words(service: Service) -> None:
    now = service.clock()
    for seconds, words in ((0.2, "1 second."), (119, "119 seconds"), (600, "10 minutes")):
        assert words in TooMany(now + timedelta(seconds=seconds), now).detail
