"""An editor's own account: password, the browsers that are signed in, preferences."""

import logging

import pytest
from sqlalchemy import select

from comments_service.store.editors import Editor as Known
from comments_service.store.tables import editor, session
from comments_service.web.moderation.user_agents import in_words
from tests.running import Service
from tests.service.pages import PASSWORD, Editor, Page, add_editor, browser_of, signed_in

NEW = "another good password"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
)
EDGE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0"
)


def is_in(browser: Editor) -> bool:
    return browser.get(allow_redirects=False).status_code == 200


def from_browser(service: Service, agent: str) -> Editor:
    browser = Editor(service)
    browser.http.headers["User-Agent"] = agent
    assert browser.sign_in().status_code == 303
    return browser


def names(page: Page) -> list[str]:
    """The sessions that can be signed out, by their names in the list."""
    return [one.attributes["value"] for one in page.all("input", name="session")]


def test_the_list_says_which_browsers_are_signed_in(service: Service) -> None:
    add_editor(service)
    first = from_browser(service, FIREFOX)
    service.clock.forward(hours=2)
    from_browser(service, SAFARI)
    page = first.get("/moderate/account")
    assert "Firefox on Linux" in page.text
    assert "Safari on an iPhone" in page.text
    assert "23 November 2026, 12:00 UTC" in page.text
    assert "23 November 2026, 14:00 UTC" in page.text
    # This one has no button: signing out is in the menu.
    assert page.text.count("this one") == 1
    assert len(names(Page(page.text))) == 1
    # What names a session there does not open it.
    cookie = first.http.cookies["rejoinder_session"]
    assert cookie not in page.text
    with service.db.read() as connection:
        for kept in connection.execute(select(session.c.token_hash)).scalars():
            assert kept not in page.text


def test_one_browser_is_signed_out_from_another(service: Service) -> None:
    add_editor(service)
    first, second = from_browser(service, FIREFOX), from_browser(service, EDGE)
    [name] = names(Page(first.get("/moderate/account").text))
    answer = first.post("/moderate/account/sessions/end", token=first.token, session=name)
    assert answer.headers["Location"] == "/moderate/account?done=session"
    assert is_in(first)
    assert not is_in(second)
    again = first.post("/moderate/account/sessions/end", token=first.token, session=name)
    assert again.status_code == 404


def test_nobody_signs_another_editor_out(service: Service) -> None:
    mine = signed_in(service)
    theirs = signed_in(service, "other@example.org", "Olaf")
    signed = Editor(service)
    signed.sign_in("other@example.org")
    [name] = names(Page(theirs.get("/moderate/account").text))
    for tried in (name, name + "%", "%", "", "\u00e9"):
        path = "/moderate/account/sessions/end"
        assert mine.post(path, token=mine.token, session=tried).status_code == 404
    assert is_in(signed)


def test_signing_out_everywhere_ends_every_session(service: Service) -> None:
    add_editor(service)
    browsers = [from_browser(service, agent) for agent in (FIREFOX, EDGE, SAFARI)]
    other = signed_in(service, "other@example.org", "Olaf")
    answer = browsers[0].post("/moderate/account/sessions/end-all", token=browsers[0].token)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/moderate/sign-in")
    assert not any(is_in(browser) for browser in browsers)
    assert is_in(other)


def test_a_session_that_is_over_is_not_in_the_list(service: Service) -> None:
    add_editor(service)
    from_browser(service, SAFARI)
    service.clock.forward(hours=13)
    first = from_browser(service, FIREFOX)
    assert "Safari" not in first.get("/moderate/account").text


def change(browser: Editor, current: str = PASSWORD, new: str = NEW) -> tuple[int, Page]:
    answer = browser.post(
        "/moderate/account/password",
        token=browser.token,
        **{"password-current": current, "password-new": new},
    )
    return answer.status_code, Page(answer.text)


def test_a_new_password_signs_out_every_other_browser(service: Service) -> None:
    first, second = signed_in(service), Editor(service)
    second.sign_in()
    before = first.http.cookies["rejoinder_session"]
    assert change(first)[0] == 303
    assert is_in(first)
    assert not is_in(second)
    # Under a new session: the old one's cookie opens nothing.
    assert first.http.cookies["rejoinder_session"] != before
    second.http.cookies.set("rejoinder_session", before)
    assert not is_in(second)
    assert Editor(service).sign_in().status_code == 422
    assert Editor(service).sign_in(password=NEW).status_code == 303


@pytest.mark.parametrize(
    ("current", "new", "problem"),
    [
        ("not the password", NEW, "#password-current"),
        ("", NEW, "#password-current"),
        (PASSWORD, "short", "#password-new"),
        (PASSWORD, "", "#password-new"),
        (PASSWORD, "passwordpassword", "#password-new"),
        (PASSWORD, "editor@example.org", "#password-new"),
    ],
)
def test_a_password_that_cannot_be_changed_stays(
    service: Service, current: str, new: str, problem: str
) -> None:
    first, second = signed_in(service), Editor(service)
    second.sign_in()
    status, page = change(first, current, new)
    assert status == 422
    assert page.problems == [problem]
    assert page.by_id("password-current").attributes["value"] == ""
    assert page.by_id("password-new").attributes["value"] == ""
    assert is_in(second)
    assert Editor(service).sign_in().status_code == 303


def test_the_password_is_not_guessed_from_a_browser_that_is_signed_in(service: Service) -> None:
    browser = signed_in(service)
    assert [change(browser, f"guess {n}")[0] for n in range(6)] == [422] * 5 + [429]
    assert change(browser)[0] == 429
    # It is this form that waits, not the entrance.
    assert Editor(service).sign_in().status_code == 303
    service.clock.forward(seconds=31)
    assert change(browser)[0] == 303


def known(service: Service) -> Known:
    with service.db.read() as connection:
        row = connection.execute(select(*(editor.c[name] for name in Known._fields))).one()
    return Known(*row)


def test_preferences_are_kept(service: Service) -> None:
    browser = signed_in(service)
    assert (known(service).shortcuts, known(service).mail) == (True, "none")
    for fields, kept in (
        ({"mail": "each"}, (False, "each")),
        ({"mail": "digest", "shortcuts": "on"}, (True, "digest")),
        ({"mail": "none", "shortcuts": "on"}, (True, "none")),
    ):
        path = "/moderate/account/preferences"
        answer = browser.post(path, token=browser.token, **fields)
        assert answer.headers["Location"] == "/moderate/account?done=preferences"
        assert (known(service).shortcuts, known(service).mail) == kept
        page = Page(browser.get(answer.headers["Location"]).text)
        [chosen] = [one for one in page.all("input", name="mail") if "checked" in one.attributes]
        assert chosen.attributes["value"] == kept[1]
        assert ("checked" in page.one("input", name="shortcuts").attributes) == kept[0]
    for mail in ("", "hourly", "each\n"):
        answer = browser.post("/moderate/account/preferences", token=browser.token, mail=mail)
        assert answer.status_code == 422
    assert (known(service).shortcuts, known(service).mail) == (True, "none")


def test_nobody_changes_what_is_not_theirs(service: Service) -> None:
    add_editor(service)
    other = browser_of(service, add_editor(service, "other@example.org", "Olaf", "editor"))
    answer = other.post(
        "/moderate/account/preferences", token=other.token, mail="each", role="admin",
        id="1", editor="1", email="editor@example.org", totp_secret="x", disabled_at="",
    )  # fmt: skip
    assert answer.status_code == 303
    with service.db.read() as connection:
        rows = connection.execute(select(editor.c.role, editor.c.mail).order_by(editor.c.id)).all()
    assert [tuple(row) for row in rows] == [("admin", "none"), ("editor", "each")]


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, "Firefox on Linux"),
        (SAFARI, "Safari on an iPhone"),
        (EDGE, "Edge on Windows"),
        (EDGE.replace(" Edg/130.0.0.0", ""), "Chrome on Windows"),
        ("python-requests/2.32", "A browser"),
        ("", "A browser"),
    ],
)
def test_a_browser_is_named_in_words(agent: str, words: str) -> None:
    assert in_words(agent) == words


def test_what_a_browser_says_of_itself_is_bounded_and_harmless(service: Service) -> None:
    add_editor(service)
    from_browser(service, "<script>x</script>" + "y" * 5000)
    with service.db.read() as connection:
        [kept] = connection.execute(select(session.c.browser)).scalars().all()
    assert len(kept) == 200
    assert "<script>x" not in from_browser(service, FIREFOX).get("/moderate/account").text


def test_no_password_reaches_the_log(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    browser = signed_in(service)
    change(browser, "a wrong guess of it", NEW)
    change(browser)
    Editor(service).sign_in("nobody@example.org", "another wrong guess")
    mine = "\n".join(one.getMessage() for one in caplog.records if one.name.startswith("rejoinder"))
    assert "event=password-changed editor=1" in mine
    for secret in (PASSWORD, NEW, "wrong guess", "example.org"):
        assert secret not in mine
