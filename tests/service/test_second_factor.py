"""The second factor: enrolled with a code, asked for at every entrance, each code good once."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyotp
import pytest
import requests
from sqlalchemy import select, update

from comments_service.services import auth
from comments_service.store.tables import editor, recovery_code, session
from tests.running import Service
from tests.service.command_line import rejoinder
from tests.service.pages import PASSWORD, Editor, Page, dump, signed_in

PAGE = "/moderate/account/second-factor"


def secret_on(page: Page) -> str:
    return page.one("code").text.replace(" ", "")


def code_of(service: Service, secret: str, steps: int = 0) -> str:
    return pyotp.TOTP(secret).at(service.clock(), counter_offset=steps)


def enrol(service: Service, browser: Editor) -> tuple[str, list[str]]:
    """Turn it on; return the app's secret and the recovery codes."""
    page = Page(browser.get(PAGE).text)
    secret = secret_on(page)
    answer = browser.post(
        PAGE + "/on", token=browser.token, seed=page.fields["seed"], password=PASSWORD,
        code=code_of(service, secret),
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    codes = [one.text for one in Page(answer.text).all("code")]
    service.clock.forward(seconds=60)
    return secret, codes


def say(browser: Editor, page: requests.Response, code: str) -> requests.Response:
    fields = Page(page.text).fields
    return browser.post("/moderate/sign-in/code", **{**fields, "code": code})


def is_in(browser: Editor) -> bool:
    return browser.get(allow_redirects=False).status_code == 200


def test_the_picture_and_the_secret_say_the_same(service: Service) -> None:
    browser = signed_in(service)
    html = browser.get(PAGE).text
    page = Page(html)
    assert re.fullmatch(r"[A-Z2-7]{32}", secret_on(page))
    assert "<svg" in html
    # The policy of the page allows neither.
    assert "data:" not in html
    assert not [one for one in page.elements if "style" in one.attributes]


def test_it_is_on_only_once_a_code_was_right(service: Service) -> None:
    browser = signed_in(service)
    page = Page(browser.get(PAGE).text)
    seed, secret = page.fields["seed"], secret_on(page)
    before = dump(service.db)["editor"]
    wrong = f"{(int(code_of(service, secret)) + 1) % 10**6:06}"
    for fields, problem in (
        ({"code": wrong, "password": PASSWORD}, "#code"),
        ({"code": "", "password": PASSWORD}, "#code"),
        ({"code": code_of(service, secret, 5), "password": PASSWORD}, "#code"),
        ({"code": code_of(service, secret), "password": "x"}, "#password"),
    ):
        answer = browser.post(PAGE + "/on", token=browser.token, seed=seed, **fields)
        assert answer.status_code == 422
        told = Page(answer.text)
        assert told.problems == [problem]
        # The app has scanned this one: it stays.
        assert secret_on(told) == secret
    assert dump(service.db)["editor"] == before
    assert Editor(service).sign_in().headers["Location"] == "/moderate/"


def test_what_is_stored_is_not_what_the_app_keeps(service: Service) -> None:
    secret, codes = enrol(service, signed_in(service))
    stored = repr(dump(service.db))
    assert secret not in stored
    assert len(set(codes)) == 10
    for code in codes:
        assert code not in stored
        assert code.replace("-", "") not in stored


def test_the_password_alone_lets_nobody_in(service: Service) -> None:
    secret, _ = enrol(service, signed_in(service))
    browser = Editor(service)
    page = browser.sign_in()
    assert page.status_code == 200
    assert "rejoinder_session" not in browser.http.cookies
    assert not is_in(browser)
    for wrong in ("", "000000", "x" * 500, "\u0661\u0662\u0663\u0664\u0665\u0666"):
        answer = say(browser, page, wrong)
        assert answer.status_code == 422
        assert Page(answer.text).problems == ["#code"]
        assert "rejoinder_session" not in browser.http.cookies
    done = say(browser, page, code_of(service, secret))
    assert (done.status_code, done.headers["Location"]) == (303, "/moderate/")
    assert is_in(browser)


def test_a_wrong_password_says_nothing_of_a_second_factor(service: Service) -> None:
    enrol(service, signed_in(service))
    answer = Editor(service).sign_in(password="a wrong password")
    assert answer.status_code == 422
    assert not Page(answer.text).all("input", name="code")


@pytest.mark.parametrize(
    ("steps", "good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)]
)
def test_a_clock_may_be_one_step_off(service: Service, steps: int, good: bool) -> None:
    secret, _ = enrol(service, signed_in(service))
    service.clock.forward(minutes=5)
    browser = Editor(service)
    answer = say(browser, browser.sign_in(), code_of(service, secret, steps))
    assert (answer.status_code == 303) == good


def test_a_code_works_once(service: Service) -> None:
    secret, _ = enrol(service, signed_in(service))
    first, second = Editor(service), Editor(service)
    pages = [first.sign_in(), second.sign_in()]
    code = code_of(service, secret)
    assert say(first, pages[0], code).status_code == 303
    assert say(second, pages[1], code).status_code == 422
    # Nor does one of a step before the last one used.
    assert say(second, pages[1], code_of(service, secret, -1)).status_code == 422
    service.clock.forward(seconds=30)
    assert say(second, pages[1], code_of(service, secret)).status_code == 303


def test_the_code_that_turned_it_on_does_not_sign_in(service: Service) -> None:
    browser = signed_in(service)
    page = Page(browser.get(PAGE).text)
    code = code_of(service, secret_on(page))
    browser.post(
        PAGE + "/on", token=browser.token, seed=page.fields["seed"], password=PASSWORD, code=code
    )
    other = Editor(service)
    assert say(other, other.sign_in(), code).status_code == 422


def test_a_recovery_code_works_once(service: Service) -> None:
    browser = signed_in(service)
    _, codes = enrol(service, browser)
    assert len(codes) == 10
    for number, typed in enumerate((codes[0], codes[1].replace("-", ""), f" {codes[2]} ")):
        other = Editor(service)
        assert say(other, other.sign_in(), typed).status_code == 303
        assert is_in(other)
        assert say(other, Editor(service).sign_in(), typed).status_code in {403, 422}
        assert f"{9 - number} of your recovery codes" in browser.get(PAGE).text
    again = Editor(service)
    assert say(again, again.sign_in(), codes[0]).status_code == 422


def test_a_recovery_code_of_another_editor_is_none(service: Service) -> None:
    _, codes = enrol(service, signed_in(service))
    enrol(service, signed_in(service, "other@example.org", "Olaf"))
    other = Editor(service)
    assert say(other, other.sign_in("other@example.org"), codes[0]).status_code == 422


def test_new_recovery_codes_replace_the_older(service: Service) -> None:
    browser = signed_in(service)
    _, older = enrol(service, browser)
    path = PAGE + "/codes"
    assert browser.post(path, token=browser.token, **{"password-codes": "x"}).status_code == 422
    answer = browser.post(path, token=browser.token, **{"password-codes": PASSWORD})
    newer = [one.text for one in Page(answer.text).all("code")]
    assert len(newer) == 10
    assert not set(newer) & set(older)
    other = Editor(service)
    page = other.sign_in()
    assert say(other, page, older[0]).status_code == 422
    assert say(other, page, newer[0]).status_code == 303


def test_a_one_time_link_asks_for_the_code_too(service: Service) -> None:
    secret, _ = enrol(service, signed_in(service))
    link = auth.link_for(service.db, email="editor@example.org", now=service.clock())
    browser = Editor(service)
    page = browser.get(f"/moderate/link/{link}")
    answer = browser.post(f"/moderate/link/{link}", token=Page(page.text).fields["token"])
    assert answer.status_code == 200
    assert not is_in(browser)
    assert say(browser, answer, code_of(service, secret)).status_code == 303
    assert is_in(browser)


def test_the_way_between_password_and_code_is_short_and_ones_own(service: Service) -> None:
    secret, _ = enrol(service, signed_in(service))
    mine, other = Editor(service), Editor(service)
    fields = Page(mine.sign_in().text).fields
    code = code_of(service, secret)
    path = "/moderate/sign-in/code"
    theirs = Page(other.get("/moderate/sign-in").text).fields["token"]
    stolen = other.post(path, token=theirs, proof=fields["proof"], code=code)
    assert stolen.status_code == 422
    assert Page(stolen.text).all("input", name="password")
    number, until, mark = fields["proof"].split(".")
    for forged in (
        "",
        "x",
        f"{number}.{int(until) + 60}.{mark}",
        f"{int(number) + 1}.{until}.{mark}",
        f"{number}.{until}.{'0' * 64}",
    ):
        answer = mine.post(path, token=fields["token"], proof=forged, code=code)
        assert Page(answer.text).all("input", name="password"), forged
    service.clock.forward(minutes=25)
    late = mine.post(path, **{**fields, "code": code_of(service, secret)})
    assert Page(late.text).all("input", name="password")
    assert "too long" in late.text
    assert not is_in(mine)
    assert not is_in(other)


def follow(service: Service, link: str) -> tuple[Editor, requests.Response]:
    """Press the button of a one-time link in a new browser."""
    browser = Editor(service)
    token = Page(browser.get(f"/moderate/link/{link}").text).fields["token"]
    return browser, browser.post(f"/moderate/link/{link}", token=token)


def link_of(service: Service) -> str:
    return auth.link_for(service.db, email="editor@example.org", now=service.clock())


def test_a_link_is_used_up_only_once_the_code_was_right(service: Service) -> None:
    secret, _ = enrol(service, signed_in(service))
    link = link_of(service)
    first, page = follow(service, link)
    assert say(first, page, "000000").status_code == 422
    # The window was closed by accident: the link still works in another browser.
    second, again = follow(service, link)
    assert again.status_code == 200
    assert say(second, again, code_of(service, secret)).status_code == 303
    assert second.get(f"/moderate/link/{link}").status_code == 404
    # The first browser, which followed it before, cannot use it any more.
    service.clock.forward(seconds=60)
    late = say(first, page, code_of(service, secret))
    assert late.status_code == 422
    assert Page(late.text).all("input", name="password")
    assert not is_in(first)


def test_a_link_lets_in_once_with_two_right_codes_at_the_same_time(service: Service) -> None:
    _, codes = enrol(service, signed_in(service))
    link = link_of(service)
    started = [follow(service, link) for _ in range(4)]

    def enter(number: int) -> int:
        browser, page = started[number]
        return say(browser, page, codes[number]).status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(enter, range(4))) == [303, 422, 422, 422]
    assert sum(is_in(browser) for browser, _ in started) == 1


def test_a_link_without_a_second_factor_is_used_up_at_once(service: Service) -> None:
    signed_in(service)
    link = link_of(service)
    browser, answer = follow(service, link)
    assert answer.status_code == 303
    assert is_in(browser)
    assert browser.get(f"/moderate/link/{link}").status_code == 404


def test_a_new_link_lets_in_while_others_guess_codes(service: Service) -> None:
    secret, _ = enrol(service, signed_in(service))
    attacker = Editor(service)
    page = attacker.sign_in()
    assert 429 in [say(attacker, page, "000000").status_code for _ in range(8)]
    # The same network is out of attempts, too.
    for number in range(25):
        Editor(service).sign_in(f"nobody{number}@example.org", "x")
    browser, begun = follow(service, link_of(service))
    assert say(browser, begun, code_of(service, secret)).status_code == 303


def test_codes_are_not_guessed_by_a_link(service: Service) -> None:
    secret, _ = enrol(service, signed_in(service))
    link = link_of(service)
    statuses = []
    for _ in range(7):
        browser, page = follow(service, link)
        statuses.append(say(browser, page, "000000").status_code)
    assert statuses == [422] * 5 + [429] * 2
    other, begun = follow(service, link_of(service))
    assert say(other, begun, code_of(service, secret)).status_code == 303


def test_whoever_waits_the_longest_time_need_not_sign_in_again(service: Service) -> None:
    secret, _ = enrol(service, signed_in(service))
    browser = Editor(service)
    page = browser.sign_in()
    waits = []
    for _ in range(16):
        page = say(browser, page, "000000")
        if page.status_code == 429:
            waits.append(int(page.headers["Retry-After"]))
            service.clock.forward(seconds=waits[-1])
    assert waits[-1] == 900
    assert say(browser, page, code_of(service, secret)).status_code == 303


def test_wrong_codes_of_one_kind_do_not_block_the_other(service: Service) -> None:
    secret, codes = enrol(service, signed_in(service))
    for guess in ("000000", "0000-0000-0000-0000"):
        attacker = Editor(service)
        page = attacker.sign_in()
        assert [say(attacker, page, guess).status_code for _ in range(6)] == [422] * 5 + [429]
        other = Editor(service)
        right = codes[0] if guess == "000000" else code_of(service, secret)
        assert say(other, other.sign_in(), right).status_code == 303
        service.clock.forward(days=1)


def test_a_new_password_overtakes_who_is_half_way(service: Service) -> None:
    secret, _ = enrol(service, signed_in(service))
    browser = Editor(service)
    page = browser.sign_in()
    auth.change_password(service.db, email="editor@example.org", password="another good password")
    assert say(browser, page, code_of(service, secret)).status_code == 422
    assert not is_in(browser)


def test_a_disabled_editor_does_not_come_in_half_way(service: Service) -> None:
    secret, _ = enrol(service, signed_in(service))
    browser = Editor(service)
    page = browser.sign_in()
    with service.db.write() as connection:
        connection.execute(update(editor).values(disabled_at=service.clock()))
    assert say(browser, page, code_of(service, secret)).status_code == 422
    with service.db.read() as connection:
        assert len(connection.execute(select(session)).all()) == 1


def test_codes_are_not_guessed(service: Service) -> None:
    secret, _ = enrol(service, signed_in(service))
    browser = Editor(service)
    page = browser.sign_in()
    wrong = f"{(int(code_of(service, secret)) + 1) % 10**6:06}"
    assert [say(browser, page, wrong).status_code for _ in range(6)] == [422] * 5 + [429]
    waits = say(browser, page, code_of(service, secret))
    assert (waits.status_code, waits.headers["Retry-After"]) == (429, "30")
    # Hours later the wait is longer still: six digits are not many.
    service.clock.forward(hours=3)
    page = browser.sign_in()
    assert say(browser, page, wrong).status_code == 422
    assert say(browser, page, wrong).headers["Retry-After"] == "60"
    service.clock.forward(seconds=61)
    assert say(browser, page, code_of(service, secret)).status_code == 303


def test_it_is_turned_off_with_the_password_only(service: Service) -> None:
    browser = signed_in(service)
    enrol(service, browser)
    path = PAGE + "/off"
    assert browser.post(path, token=browser.token, **{"password-off": "x"}).status_code == 422
    assert Editor(service).sign_in().status_code == 200
    answer = browser.post(path, token=browser.token, **{"password-off": PASSWORD})
    assert answer.headers["Location"] == "/moderate/account?done=off"
    assert Editor(service).sign_in().status_code == 303
    with service.db.read() as connection:
        assert connection.execute(select(recovery_code)).all() == []
        row = connection.execute(select(editor.c.totp_secret, editor.c.totp_step)).one()
    assert tuple(row) == (None, None)


def test_it_is_not_replaced_while_it_is_on(service: Service) -> None:
    browser = signed_in(service)
    page = Page(browser.get(PAGE).text)
    enrol(service, browser)
    before = dump(service.db)["editor"]
    code = code_of(service, secret_on(page))
    fields = {"seed": page.fields["seed"], "password": PASSWORD, "code": code}
    assert browser.post(PAGE + "/on", token=browser.token, **fields).status_code == 409
    assert dump(service.db)["editor"] == before


def test_whoever_runs_the_site_turns_it_off_for_a_lost_phone(
    service: Service, tmp_path: Path
) -> None:
    enrol(service, signed_in(service))
    told = rejoinder(tmp_path, "editor", "reset-second-factor", "Editor@example.org")
    assert "is off" in told
    assert Editor(service).sign_in().status_code == 303
    assert "rejoinder editor add" in rejoinder(
        tmp_path, "editor", "reset-second-factor", "nobody@example.org", fails=True
    )
