"""The session ended while somebody wrote: their text is kept, they sign in, they go on."""

import html
import re
from typing import Any

import pytest
import requests
from sqlalchemy import select

from comments_service.store.tables import event
from tests.running import Service, token_of
from tests.service.pages import (
    PASSWORD,
    Editor,
    Page,
    add_editor,
    browser_of,
    dump,
    signed_in,
    stored,
)
from tests.service.test_second_factor import code_of, enrol

TEXT = '\nFirst line "quoted" </textarea><b>&amp;\r\n\r\nSecond — ünïcode, 四羽の鷺. ' + "x" * 80
HIDDEN = {"action": "approve", "was": "pending", "list": "pending"}


def send(browser: Editor, path: str, fields: dict[str, str], **headers: str) -> requests.Response:
    """Post as a browser does from our own page."""
    return browser.http.post(
        browser.url + path,
        data=fields,
        headers={"Origin": browser.url, **headers},
        allow_redirects=False,
        timeout=30,
    )


def sign_in_on(browser: Editor, page: requests.Response, **more: str) -> requests.Response:
    fields = Page(page.text).fields
    typed = {"email": "editor@example.org", "password": PASSWORD, **more}
    return send(browser, "/moderate/sign-in", {**fields, **typed})


def form_on(page: requests.Response, action: str) -> dict[str, Any]:
    """The fields of the form on a page that goes there, as a browser would send them."""
    match = re.search(
        rf'<form method="post" action="{re.escape(action)}">(.*?)</form>', page.text, re.S
    )
    assert match, page.text
    return Page(match[1]).fields


def test_an_edit_survives_the_end_of_its_session(service: Service) -> None:
    browser = signed_in(service)
    public_id = service.submit()
    path = f"/moderate/replies/{public_id}"
    hidden = HIDDEN | {"version": token_of(service.db, public_id)}
    fields = {"token": browser.token, **hidden, "text": TEXT}
    service.clock.forward(hours=13)
    page = send(browser, path, fields)
    assert page.status_code == 401
    assert "What you wrote is not lost" in page.text
    assert stored(service.db, public_id).status == "pending"
    entered = sign_in_on(browser, page)
    assert entered.status_code == 200
    kept = form_on(entered, path)
    assert kept.pop("token") not in {"", fields["token"]}
    assert kept == {**hidden, "text": TEXT}
    assert html.escape("</textarea>") in entered.text
    # Signing in has not sent it: its button does.
    assert stored(service.db, public_id).status == "pending"
    done = send(browser, path, form_on(entered, path))
    assert done.status_code == 303
    assert stored(service.db, public_id).status == "approved"


def test_it_survives_a_wrong_password_and_a_second_factor(service: Service) -> None:
    browser = signed_in(service)
    secret, _ = enrol(service, browser)
    public_id = service.submit()
    path = f"/moderate/replies/{public_id}"
    hidden = HIDDEN | {"version": token_of(service.db, public_id)}
    fields = {"token": browser.token, **hidden, "text": TEXT}
    service.clock.forward(hours=13)
    page = send(browser, path, fields)
    wrong = sign_in_on(browser, page, password="a wrong password")
    assert wrong.status_code == 422
    asked = sign_in_on(browser, wrong)
    assert asked.status_code == 200
    refused = send(browser, "/moderate/sign-in/code", {**Page(asked.text).fields, "code": "000000"})
    assert refused.status_code == 422
    code = code_of(service, secret)
    entered = send(browser, "/moderate/sign-in/code", {**Page(refused.text).fields, "code": code})
    kept = form_on(entered, path)
    assert kept["text"] == TEXT
    assert send(browser, path, kept).status_code == 303
    assert stored(service.db, public_id).status == "approved"


def test_it_survives_being_signed_in_again_in_another_tab(service: Service) -> None:
    browser = signed_in(service)
    public_id = service.submit()
    path = f"/moderate/replies/{public_id}"
    hidden = HIDDEN | {"version": token_of(service.db, public_id)}
    fields = {"token": browser.token, **hidden, "text": TEXT}
    service.clock.forward(hours=13)
    browser.sign_in()
    page = send(browser, path, fields)
    assert page.status_code == 403
    assert stored(service.db, public_id).status == "pending"
    assert send(browser, path, form_on(page, path)).status_code == 303
    assert stored(service.db, public_id).status == "approved"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "none"},
        {},
    ],
    ids=repr,
)
def test_a_form_from_elsewhere_is_not_kept(service: Service, headers: dict[str, str]) -> None:
    browser = Editor(service)
    answer = browser.http.post(
        f"{service.url}/moderate/undo", data={"event": "1", "x": TEXT}, headers=headers,
        allow_redirects=False, timeout=30,
    )  # fmt: skip
    assert (answer.status_code, answer.headers["Location"]) == (303, "/moderate/sign-in")
    assert answer.content == b""
    # Nor for somebody who is signed in.
    signed = browser_of(service, add_editor(service))
    answer = signed.http.post(
        f"{service.url}/moderate/undo", data={"token": "stale", "event": "1", "x": TEXT},
        headers=headers, timeout=30,
    )  # fmt: skip
    assert answer.status_code == 403
    assert "Second" not in answer.text


def test_nobody_slips_a_form_into_the_sign_in(service: Service) -> None:
    browser = signed_in(service)
    public_id = service.submit()
    path = f"/moderate/replies/{public_id}"
    service.clock.forward(hours=13)
    mine = Page(send(browser, path, HIDDEN).text).fields["kept"]
    # Another visit's: good for its own browser only.
    other = Editor(service)
    told = Page(other.get("/moderate/sign-in").text).fields["token"]
    for packed in (
        mine,
        mine.replace("approve", "trash"),
        mine.replace("/moderate/", "https://evil.example/"),
        "x",
        "",
        "0" * 64 + '["/moderate/undo",{"event":"1"}]',
        "\u00e9" * 70,
    ):
        for someone in (other, browser) if packed != mine else (other,):
            token = told
            if someone is browser:
                browser.http.cookies.pop("rejoinder_session", None)
                token = Page(browser.get("/moderate/sign-in").text).fields["token"]
            answer = send(
                someone, "/moderate/sign-in",
                {"token": token, "email": "editor@example.org", "password": PASSWORD,
                 "kept": packed},
            )  # fmt: skip
            assert (answer.status_code, answer.headers["Location"]) == (303, "/moderate/"), packed
            someone.http.cookies.pop("rejoinder_session", None)
    assert stored(service.db, public_id).status == "pending"


def test_a_password_is_never_kept_in_a_page(service: Service) -> None:
    browser = signed_in(service)
    service.clock.forward(hours=13)
    for path, fields in (
        ("/moderate/account/password", {"password-current": PASSWORD, "password-new": "y" * 20}),
        ("/moderate/account/second-factor/on", {"password": PASSWORD, "code": "1", "seed": "z"}),
        ("/moderate/account/second-factor/off", {"password-off": PASSWORD}),
        ("/moderate/sign-out", {}),
    ):
        answer = send(browser, path, {"token": "stale", **fields})
        assert (answer.status_code, answer.content) == (303, b"")


def test_what_is_kept_is_bounded_and_stores_nothing(service: Service) -> None:
    browser = signed_in(service)
    service.clock.forward(hours=13)
    browser.get()
    before = dump(service.db)
    assert send(browser, "/moderate/undo", {"x": "y" * 140_000}).status_code == 413
    assert send(browser, "/moderate/undo", {f"x{n}": "y" for n in range(110)}).status_code == 400
    # As much as a form may be, in the characters that grow most on their way.
    large = '"\n\x01' * 14_000
    page = send(browser, "/moderate/undo", {"text": large, "event": "1"})
    assert page.status_code == 401
    assert dump(service.db) == before
    entered = sign_in_on(browser, page)
    assert form_on(entered, "/moderate/undo")["text"] == large


def test_looking_at_a_page_without_a_session_leads_to_the_entrance(service: Service) -> None:
    browser = signed_in(service)
    service.clock.forward(hours=13)
    answer = browser.get("/moderate/history", allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/moderate/sign-in")


def test_a_door_for_admins_asks_whoever_signs_in(service: Service) -> None:
    admin = signed_in(service)
    signed_in(service, "other@example.org", "Olaf", "editor")
    service.clock.forward(hours=13)
    fields = {"token": "stale", "email": "new@example.org", "role": "admin"}
    page = send(admin, "/moderate/editors/invite", fields)
    entered = sign_in_on(admin, page, email="other@example.org")
    assert "new@example.org" in entered.text
    form = form_on(entered, "/moderate/editors/invite")
    assert send(admin, "/moderate/editors/invite", form).status_code == 403
    with service.db.read() as connection:
        assert not connection.execute(select(event).where(event.c.action == "invite")).all()
