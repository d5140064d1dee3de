"""Wrong passwords and codes never keep an editor's own browser out."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from sqlalchemy import select

from comments_service.domain.actor import Actor
from comments_service.services import auth, editor_admin, login_throttle
from comments_service.store.tables import sign_in_failure
from tests.running import Service, running_service
from tests.service.pages import PASSWORD, Editor, Page, add_editor
from tests.service.test_second_factor import code_of, enrol

EMAIL = "editor@example.org"
COOKIE = "rejoinder_browser"
HOME, ATTACKER = "198.51.100.7", "203.0.113.9"


@pytest.fixture(name="blog")
def _blog(tmp_path: Path) -> Iterator[Service]:
    """A service behind a proxy, so that a test can ask from any address."""
    with running_service(tmp_path, trusted_proxies="127.0.0.1") as running:
        add_editor(running)
        yield running


def browser_at(blog: Service, address: str) -> Editor:
    browser = Editor(blog)
    browser.http.headers["X-Forwarded-For"] = address
    return browser


def known_browser(blog: Service, address: str = HOME) -> Editor:
    """A browser in which the editor signed in and out again."""
    browser = browser_at(blog, address)
    assert browser.sign_in(EMAIL).status_code == 303
    browser.http.cookies.pop("rejoinder_session")
    return browser


def guess_often(
    blog: Service, address: str = ATTACKER, times: int = 30, email: str = EMAIL
) -> list[int]:
    """Wrong passwords from one address, each by a browser that nobody has seen before."""
    browser = browser_at(blog, address)
    return [browser.sign_in(email, "a wrong guess").status_code for _ in range(times)]


def attempts(blog: Service) -> int:
    with blog.db.read() as connection:
        return len(connection.execute(select(sign_in_failure)).all())


def test_guesses_from_elsewhere_do_not_lock_a_known_browser_out(blog: Service) -> None:
    browser = known_browser(blog)
    for _ in range(4):
        assert 429 in guess_often(blog)
        assert browser.sign_in(EMAIL).status_code == 303
        browser.http.cookies.pop("rejoinder_session")
        blog.clock.forward(minutes=15)


def test_guesses_from_the_same_network_do_not_lock_a_known_browser_out(blog: Service) -> None:
    browser = known_browser(blog)
    assert 429 in guess_often(blog, HOME)
    # Also those for other accounts, which are counted for the network.
    for number in range(30):
        browser_at(blog, HOME).sign_in(f"other-{number}@example.org", "a wrong guess")
    assert browser.sign_in(EMAIL).status_code == 303


def test_guesses_from_one_address_do_not_lock_a_new_browser_elsewhere_out(blog: Service) -> None:
    for _ in range(3):
        guess_often(blog)
        blog.clock.forward(minutes=15)
    guess_often(blog)
    assert browser_at(blog, HOME).sign_in(EMAIL).status_code == 303


def test_guesses_from_many_networks_wait_but_the_known_browser_does_not(blog: Service) -> None:
    browser = known_browser(blog)
    answers = []
    for number in range(60):
        answers += guess_often(blog, f"2001:db8:{number:x}::1", times=4)
    assert answers == [422] * 200 + [429] * 40
    late = browser_at(blog, "192.0.2.1").sign_in(EMAIL)
    assert late.status_code == 429
    assert "rejoinder editor link EMAIL" in late.text
    assert "A browser that has signed in here before can still sign in" in late.text
    assert browser.sign_in(EMAIL).status_code == 303


def test_an_unknown_account_waits_as_a_known_one_does(blog: Service) -> None:
    told: dict[str, list[tuple[int, str]]] = {EMAIL: [], "nobody@example.org": []}
    for position, (email, answers) in enumerate(told.items()):
        for number in range(52):
            browser = browser_at(blog, f"2001:db8:{number + 100 * position:x}::1")
            for _ in range(4):
                answer = browser.sign_in(email, "a wrong guess")
                token = Page(answer.text).fields["token"]
                same = answer.text.replace(email, "").replace(token, "")
                answers.append((answer.status_code, same))
    assert told[EMAIL] == told["nobody@example.org"]
    assert [status for status, _ in told[EMAIL]].count(422) == 200


def test_a_one_time_link_lets_in_while_guessing_goes_on(blog: Service) -> None:
    guess_often(blog, HOME)
    browser = browser_at(blog, HOME)
    assert browser.sign_in(EMAIL).status_code == 429
    link = auth.link_for(blog.db, email=EMAIL, now=blog.clock())
    token = Page(browser.get(f"/moderate/link/{link}").text).fields["token"]
    assert browser.post(f"/moderate/link/{link}", token=token).status_code == 303
    # It is a known browser from now on.
    browser.http.cookies.pop("rejoinder_session")
    assert browser.sign_in(EMAIL).status_code == 303


def test_a_known_browser_has_a_limit_of_its_own(blog: Service) -> None:
    browser = known_browser(blog)
    wrong = [browser.sign_in(EMAIL, "a wrong guess").status_code for _ in range(6)]
    assert wrong == [422] * 5 + [429]
    blog.clock.forward(seconds=30)
    assert browser.sign_in(EMAIL).status_code == 303


def test_a_stolen_cookie_does_not_lock_its_browser_out(blog: Service) -> None:
    browser = known_browser(blog)
    thief = browser_at(blog, ATTACKER)
    thief.http.cookies.set(COOKIE, browser.http.cookies[COOKIE])
    statuses = [thief.sign_in(EMAIL, "a wrong guess").status_code for _ in range(30)]
    assert statuses == [422] * 5 + [429] * 25
    assert browser.sign_in(EMAIL).status_code == 303


def test_a_stolen_cookie_in_the_same_network_slows_its_browser_down(blog: Service) -> None:
    """The service cannot tell the two apart; the documentation says how the editor gets in."""
    browser, thief = known_browser(blog), browser_at(blog, HOME)
    thief.http.cookies.set(COOKIE, browser.http.cookies[COOKIE])
    assert 429 in [thief.sign_in(EMAIL, "a wrong guess").status_code for _ in range(6)]
    assert browser.sign_in(EMAIL).status_code == 429
    link = auth.link_for(blog.db, email=EMAIL, now=blog.clock())
    token = Page(browser.get(f"/moderate/link/{link}").text).fields["token"]
    assert browser.post(f"/moderate/link/{link}", token=token).status_code == 303


def test_a_forged_cookie_or_one_of_another_account_is_worth_nothing(blog: Service) -> None:
    add_editor(blog, "other@example.org", "Otto")
    other = browser_at(blog, ATTACKER)
    assert other.sign_in("other@example.org").status_code == 303
    foreign = other.http.cookies[COOKIE]
    mine = known_browser(blog).http.cookies[COOKIE]
    head, _, mark = mine.rpartition(".")
    forged = [foreign, "", "x", f"{head}.{'0' * 64}", f"{head}x.{mark}", f"{head}.{mark.upper()}"]
    guess_often(blog)
    for cookie in forged:
        browser = browser_at(blog, ATTACKER)
        browser.http.cookies.set(COOKIE, cookie)
        assert browser.sign_in(EMAIL, PASSWORD).status_code == 429, cookie


@pytest.mark.parametrize("how", ["password", "everywhere", "elsewhere", "disabled", "age"])
def test_what_ends_sessions_makes_a_browser_unknown(blog: Service, how: str) -> None:
    add_editor(blog, "admin@example.org", "Ada", role="admin")
    known = known_browser(blog)
    other = browser_at(blog, "192.0.2.80")
    assert other.sign_in(EMAIL).status_code == 303
    password = PASSWORD
    if how == "password":
        password = "another long sentence of mine"
        auth.change_password(blog.db, email=EMAIL, password=password)
    elif how == "everywhere":
        token = Page(other.get("/moderate/account").text).fields["token"]
        other.post("/moderate/account/sessions/end-all", token=token)
    elif how == "elsewhere":
        page = Page(other.get("/moderate/account").text)
        ended = {one.attributes["value"] for one in page.all("input", name="session")}
        for name in ended:
            other.post("/moderate/account/sessions/end", token=page.fields["token"], session=name)
        assert len(ended) == 1
    elif how == "disabled":
        editor = auth.editor_of(blog.db, EMAIL)
        by = Actor("Ada")
        editor_admin.disable(blog.db, editor.id, by=by, now=blog.clock())
        editor_admin.enable(blog.db, editor.id, by=by, now=blog.clock())
    else:
        blog.clock.forward(days=181)
    guess_often(blog, HOME)
    assert known.sign_in(EMAIL, password).status_code == 429


def test_ones_own_browser_stays_known_when_another_one_is_signed_out(blog: Service) -> None:
    known_browser(blog, "192.0.2.80")
    mine = browser_at(blog, HOME)
    mine.sign_in(EMAIL)
    page = Page(mine.get("/moderate/account").text)
    names = {one.attributes["value"] for one in page.all("input", name="session")}
    token = page.fields["token"]
    assert names
    answer = mine.post("/moderate/account/sessions/end", token=token, session=names.pop())
    assert answer.status_code == 303
    guess_often(blog, HOME)
    mine.http.cookies.pop("rejoinder_session")
    assert mine.sign_in(EMAIL).status_code == 303


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(blog: Service) -> None:
    browser = browser_at(blog, HOME)
    answer = browser.sign_in(EMAIL)
    lines = [v for k, v in answer.raw.headers.items() if k.lower() == "set-cookie"]
    (line,) = [one for one in lines if one.startswith(COOKIE)]
    flags = {part.strip().lower() for part in line.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/"} <= flags
    assert "example" not in line


def test_over_https_the_cookie_is_bound_to_the_host(tmp_path: Path) -> None:
    with running_service(tmp_path, site_url="https://blog.example") as service:
        add_editor(service)
        url = f"{service.url}/moderate/sign-in"
        page = requests.get(url, timeout=30)
        answer = requests.post(
            url,
            data={"token": Page(page.text).fields["token"], "email": EMAIL, "password": PASSWORD},
            headers={"Cookie": page.headers["Set-Cookie"].split(";")[0]},
            allow_redirects=False,
            timeout=30,
        )
        lines = [v for k, v in answer.raw.headers.items() if k.lower() == "set-cookie"]
        (line,) = [one for one in lines if COOKIE in one]
        assert line.startswith(f"__Host-{COOKIE}=")
        assert "secure" in line.lower()


def with_second_factor(blog: Service) -> tuple[Editor, str]:
    """A known browser, signed out, of an editor with a second factor; and the app's secret."""
    browser = browser_at(blog, HOME)
    assert browser.sign_in(EMAIL).status_code == 303
    secret, _ = enrol(blog, browser)
    browser.http.cookies.pop("rejoinder_session")
    blog.clock.forward(minutes=5)
    return browser, secret


def enter_code(browser: Editor, code: str) -> int:
    """Sign in with the right password, then with that code."""
    page = browser.sign_in(EMAIL)
    if page.status_code != 200:
        return page.status_code
    form = {**Page(page.text).fields, "code": code}
    return browser.post("/moderate/sign-in/code", **form).status_code


def test_wrong_codes_of_others_do_not_keep_a_known_browser_from_its_code(blog: Service) -> None:
    browser, secret = with_second_factor(blog)
    for address in (ATTACKER, HOME):
        other = browser_at(blog, address)
        assert 429 in [enter_code(other, "000000") for _ in range(8)]
    assert enter_code(browser, code_of(blog, secret)) == 303


def test_wrong_recovery_codes_elsewhere_do_not_keep_a_new_browser_from_one(blog: Service) -> None:
    known = browser_at(blog, HOME)
    assert known.sign_in(EMAIL).status_code == 303
    _, codes = enrol(blog, known)
    for number in range(4):
        attacker = browser_at(blog, f"203.0.113.{number}")
        guesses = [enter_code(attacker, "0000-0000-0000-0000") for _ in range(6)]
        assert guesses == [422] * 5 + [429]
        assert 429 in [enter_code(attacker, "000000") for _ in range(6)]
    assert enter_code(browser_at(blog, "192.0.2.1"), codes[0]) == 303


def test_without_the_password_nobody_comes_to_the_code(blog: Service) -> None:
    browser, secret = with_second_factor(blog)
    stranger = browser_at(blog, ATTACKER)
    page = stranger.get("/moderate/sign-in")
    form = {**Page(page.text).fields, "code": "000000"}
    for proof in ("", "1.99999999999." + "0" * 64):
        answers = [stranger.post("/moderate/sign-in/code", **{**form, "proof": proof})] * 10
        assert {one.status_code for one in answers} == {422}
    assert attempts(blog) == 0
    assert enter_code(browser, code_of(blog, secret)) == 303


def test_a_stolen_cookie_gives_no_more_codes(blog: Service) -> None:
    """With the password and the cookie a thief has one limit, however many networks they have."""
    browser, _ = with_second_factor(blog)
    statuses = []
    for number in range(10):
        thief = browser_at(blog, f"2001:db8:{number:x}::1")
        thief.http.cookies.set(COOKIE, browser.http.cookies[COOKIE])
        statuses.append(enter_code(thief, "000000"))
    assert statuses == [422] * 5 + [429] * 5


def test_a_clock_that_is_set_back_keeps_nobody_out(blog: Service) -> None:
    right = blog.clock.now
    blog.clock.forward(days=400)
    guess_often(blog, HOME)
    blog.clock.now = right
    assert browser_at(blog, HOME).sign_in(EMAIL).status_code == 303


def test_the_log_names_the_editor_by_number_and_the_network(
    blog: Service, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "rejoinder.service"):
        guess_often(blog, times=6)
        guess_often(blog, times=6, email="nobody@example.org")
    lines = [one.getMessage() for one in caplog.records]
    network = "network=203.0.113.0/24"
    assert lines.count(f"event=sign-in result=refused editor=1 browser=unknown {network}") == 5
    assert lines.count(f"event=sign-in result=throttled editor=1 browser=unknown {network}") == 1
    assert lines.count(f"event=sign-in result=refused editor=- browser=unknown {network}") == 5
    assert ATTACKER not in caplog.text
    assert "example.org" not in caplog.text


def test_the_password_on_ones_own_page_waits_for_ones_own_session_only(blog: Service) -> None:
    browser = browser_at(blog, HOME)
    assert browser.sign_in(EMAIL).status_code == 303
    # The network is out of attempts.
    for number in range(25):
        browser_at(blog, HOME).sign_in(f"other-{number}@example.org", "a wrong guess")
    token = Page(browser.get("/moderate/account").text).fields["token"]
    new = "another long sentence of mine"
    form = {"token": token, "password-current": PASSWORD, "password-new": new}
    assert browser.post("/moderate/account/password", **form).status_code == 303


def test_attempts_do_not_stay_though_the_clock_was_set_back(blog: Service) -> None:
    right = blog.clock.now
    blog.clock.forward(days=400)
    guess_often(blog, times=2)
    blog.clock.now = right
    login_throttle.forget_old(blog.db, now=right)
    assert attempts(blog) == 0
