"""Who gets in: passwords, sessions, one-time links."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from sqlalchemy import select, update

from comments_service.domain import passwords
from comments_service.domain.errors import Conflict, Invalid, NotFound
from comments_service.services import auth
from comments_service.store.tables import editor, session, sign_in_link
from tests.running import Service
from tests.service.pages import PASSWORD, Editor, Page, add_editor, dump, signed_in


def is_in(browser: Editor) -> bool:
    return browser.get(allow_redirects=False).status_code == 200


def test_an_editor_signs_in_and_out(service: Service) -> None:
    browser = signed_in(service)
    assert is_in(browser)
    stolen = browser.http.cookies.copy()
    answer = browser.post("/moderate/sign-out", token=browser.token)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/moderate/sign-in")
    assert not is_in(browser)
    # Not only the browser forgets: the session is dead on the server.
    browser.http.cookies.update(stolen)
    assert not is_in(browser)


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(service: Service) -> None:
    add_editor(service)
    answers = []
    for email, password in (
        ("editor@example.org", "a wrong password"),
        ("nobody@example.org", PASSWORD),
        ("editor@example.org", ""),
        ("", ""),
        ("' or 1=1 --", "' or 1=1 --"),
        ("editor@example.org", PASSWORD + "x"),
        ("editor@example.org", PASSWORD.upper()),
    ):
        browser = Editor(service)
        answer = browser.sign_in(email, password)
        assert answer.status_code == 422
        assert not is_in(browser)
        page = Page(answer.text)
        answers.append(page.summary)
        assert page.fields["email"] == email
        assert page.fields["password"] == ""
    assert len({repr(one) for one in answers}) == 1


def test_every_sign_in_gets_a_new_session(service: Service) -> None:
    browser = signed_in(service)
    first = browser.http.cookies["rejoinder_session"]
    other = Editor(service)
    # A session id that somebody planted is not taken over.
    other.http.cookies.set("rejoinder_session", "planted")
    other.sign_in()
    assert len({first, "planted", *other.http.cookies.get_dict().values()}) > 2
    assert "planted" not in other.http.cookies.get_dict().values() or not is_in(other)
    assert len(first) >= 43
    with service.db.read() as connection:
        hashes = connection.execute(select(session.c.token_hash)).scalars().all()
    assert first not in hashes
    assert len(set(hashes)) == 2


def test_an_idle_session_ends(service: Service) -> None:
    browser = signed_in(service)
    for _ in range(3):
        service.clock.forward(hours=11)
        assert is_in(browser)
    service.clock.forward(hours=12, minutes=1)
    assert not is_in(browser)


def test_a_session_ends_after_two_weeks_however_busy(service: Service) -> None:
    browser = signed_in(service)
    for _ in range(42):
        service.clock.forward(hours=8)
        assert is_in(browser)
    service.clock.forward(minutes=1)
    assert not is_in(browser)


def test_a_new_password_ends_every_session_and_link(service: Service) -> None:
    browsers = [signed_in(service), Editor(service)]
    browsers[1].sign_in()
    link = auth.link_for(service.db, email="editor@example.org", now=service.clock())
    auth.change_password(service.db, email="Editor@Example.org ", password="another good password")
    assert not any(is_in(browser) for browser in browsers)
    assert browsers[0].sign_in().status_code == 422
    assert browsers[0].sign_in(password="another good password").status_code == 303
    assert browsers[0].get(f"/moderate/link/{link}").status_code == 404


def test_a_disabled_editor_is_out(service: Service) -> None:
    browser = signed_in(service)
    link = auth.link_for(service.db, email="editor@example.org", now=service.clock())
    with service.db.write() as connection:
        connection.execute(update(editor).values(disabled_at=service.clock()))
    assert not is_in(browser)
    assert Editor(service).sign_in().status_code == 422
    # Above all, that link does not offer to make a first editor.
    assert browser.get(f"/moderate/link/{link}").status_code == 404
    with pytest.raises(NotFound):
        auth.link_for(service.db, email="editor@example.org", now=service.clock())


def use(service: Service, token: str, **fields: str) -> requests.Response:
    browser = Editor(service)
    page = Page(browser.get(f"/moderate/link/{token}").text)
    return browser.post(f"/moderate/link/{token}", token=page.fields.get("token", ""), **fields)


def first_link(service: Service) -> str:
    token = auth.first_link(service.db, now=service.clock())
    assert token is not None
    return token


FIRST = {"email": "first@example.org", "name": "First", "password": PASSWORD}


def test_a_sign_in_link_works_once(service: Service) -> None:
    add_editor(service)
    link = auth.link_for(service.db, email="editor@example.org", now=service.clock())
    assert use(service, link).status_code == 303
    browser = Editor(service)
    token = Page(browser.get("/moderate/sign-in").text).fields["token"]
    assert browser.post(f"/moderate/link/{link}", token=token).status_code == 404
    assert not is_in(browser)


def test_a_link_is_too_old_after_a_day(service: Service) -> None:
    first = first_link(service)
    add_editor(service)
    links = [first, auth.link_for(service.db, email="editor@example.org", now=service.clock())]
    service.clock.forward(hours=24)
    browser = Editor(service)
    for link in links:
        assert browser.get(f"/moderate/link/{link}").status_code == 404
        token = Page(browser.get("/moderate/sign-in").text).fields["token"]
        assert browser.post(f"/moderate/link/{link}", token=token, **FIRST).status_code == 404


def test_looking_at_a_link_changes_nothing(service: Service) -> None:
    link = first_link(service)
    before = dump(service.db)
    for method in ("GET", "HEAD", "GET"):
        answer = requests.request(method, f"{service.url}/moderate/link/{link}", timeout=30)
        assert answer.status_code == 200
        assert "rejoinder_session" not in answer.cookies
    assert dump(service.db) == before
    assert use(service, link, **FIRST).status_code == 303


def test_two_uses_at_once_of_the_first_link_make_one_editor(service: Service) -> None:
    link = first_link(service)
    barrier = threading.Barrier(4)

    def become(number: int) -> int:
        browser = Editor(service)
        token = Page(browser.get(f"/moderate/link/{link}").text).fields["token"]
        barrier.wait()
        fields = {**FIRST, "email": f"editor{number}@example.org"}
        return browser.post(f"/moderate/link/{link}", token=token, **fields).status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(become, range(4))) == [303, 404, 404, 404]
    with service.db.read() as connection:
        assert len(connection.execute(select(editor)).all()) == 1


def test_the_first_link_dies_with_the_first_editor(service: Service) -> None:
    link = first_link(service)
    add_editor(service)
    assert auth.first_link(service.db, now=service.clock()) is None
    assert use(service, link, **FIRST).status_code in {403, 404}
    with service.db.read() as connection:
        assert len(connection.execute(select(editor)).all()) == 1


def test_a_newer_first_link_replaces_the_older(service: Service) -> None:
    older, newer = first_link(service), first_link(service)
    browser = Editor(service)
    assert browser.get(f"/moderate/link/{older}").status_code == 404
    assert use(service, newer, **FIRST).status_code == 303


def test_links_are_not_kept_in_the_clear(service: Service) -> None:
    link = first_link(service)
    with service.db.read() as connection:
        assert link not in connection.execute(select(sign_in_link.c.token_hash)).scalars().all()


@pytest.mark.parametrize(
    ("password", "good"),
    [
        ("x" * 11, False),
        ("twelve chars", True),
        ("p w" * 66 + "xy", True),
        ("x" * 201, False),
        ("", False),
    ],
)
def test_a_password_has_twelve_to_two_hundred_characters(
    service: Service, password: str, good: bool
) -> None:
    answer = use(service, first_link(service), **{**FIRST, "password": password})
    assert answer.status_code == (303 if good else 422)
    if good:
        assert Editor(service).sign_in("first@example.org", password).status_code == 303
    else:
        page = Page(answer.text)
        assert [where for where, _ in page.summary] == ["#password"]
        assert page.fields["email"] == "first@example.org"
        assert page.fields["password"] == ""


@pytest.mark.parametrize(
    ("password", "good"),
    [
        ("passwordpassword", False),
        ("Password 123456", False),
        ("QwertyUIOP-1234567890", False),
        ("correct horse battery staple", False),
        ("!!!welcome2026!!!", False),
        ("aaaaaaaaaaaaaaaa", False),
        ("abcabcabcabcabc", False),
        ("1111111111111", False),
        ("first@example.org", False),
        ("FirstExampleOrg", False),
        ("rejoinder rejoinder", False),
        ("Rejoinder2026!", False),
        ("first rejoinder", False),
        ("rejoinder and four herons", True),
        ("the first heron of march", True),
        ("čtyři volavky letí", True),
        ("四羽の鷺が川の上を飛んでいる", True),
        ("ξ^!_=)(/&%$ +", True),
        ("  spaces at the ends  ", True),
    ],
)
def test_what_is_soon_guessed_is_no_password(service: Service, password: str, good: bool) -> None:
    answer = use(service, first_link(service), **{**FIRST, "password": password})
    assert answer.status_code == (303 if good else 422)
    if good:
        assert Editor(service).sign_in("first@example.org", password).status_code == 303
        assert (
            Editor(service).sign_in("first@example.org", password.strip() + "x").status_code > 303
        )
    else:
        page = Page(answer.text)
        assert page.problems == ["#password"]
        assert (page.fields["name"], page.fields["password"]) == ("First", "")


def test_the_commonest_passwords_are_long_enough_to_matter() -> None:
    listed = [
        line
        for line in passwords._COMMON.read_text("utf-8").splitlines()
        if not line.startswith("#")
    ]
    assert len(listed) == len(set(listed)) > 300
    assert [line for line in listed if len(line) < passwords.MIN and line.isalnum()] == []
    assert all(passwords.problem(line) for line in listed)


def test_two_editors_of_one_address_cannot_be(service: Service) -> None:
    add_editor(service)
    with pytest.raises(Conflict):
        add_editor(service, " EDITOR@example.org")
    with pytest.raises(Invalid):
        add_editor(service, "editor")
    with service.db.write() as connection:
        connection.execute(update(editor).values(disabled_at=service.clock()))
    with pytest.raises(Conflict):
        add_editor(service)


def test_the_first_is_an_admin_and_the_others_are_what_is_said(service: Service) -> None:
    roles = [
        add_editor(service, "a@example.org").role,
        add_editor(service, "b@example.org").role,
        add_editor(service, "c@example.org", role="admin").role,
    ]
    assert roles == ["admin", "editor", "admin"]


def test_a_password_is_kept_by_argon2id(service: Service) -> None:
    assert add_editor(service).password_hash.startswith("$argon2id$")
