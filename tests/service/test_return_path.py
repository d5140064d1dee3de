"""A link followed without being signed in leads to its page after signing in."""

from urllib.parse import quote

import pytest
import requests

from comments_service.services import auth
from tests.running import Service
from tests.service.pages import Editor, Page, signed_in
from tests.service.test_second_factor import code_of, enrol

COOKIE = "rejoinder_return"


def turned_away(service: Service, path: str, **headers: str) -> Editor:
    """A new browser that asks for the page and is led to the sign-in."""
    browser = Editor(service)
    answer = browser.get(path, allow_redirects=False, headers=headers)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/moderate/sign-in")
    return browser


def leads_to(answer: requests.Response) -> str:
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def test_a_password_leads_to_the_page_that_was_asked_for(service: Service) -> None:
    signed_in(service)
    public_id = service.submit(comment="Read me.")
    path = f"/moderate/replies/{public_id}"
    browser = turned_away(service, path)
    assert "password" in browser.sign_in(password="a wrong password").text
    assert leads_to(browser.sign_in()) == path
    assert "Read me." in browser.get(path).text
    # Once: the next sign-in of this browser begins at the queue.
    browser.post("/moderate/sign-out", token=browser.token)
    assert leads_to(browser.sign_in()) == "/moderate/"


def test_a_second_factor_does_too(service: Service) -> None:
    secret, _ = enrol(service, signed_in(service))
    path = "/moderate/?status=approved&q=%E5%9B%9B%3B+%22a%22"
    browser = turned_away(service, path)
    asked = browser.sign_in()
    assert asked.status_code == 200
    fields = Page(asked.text).fields | {"code": code_of(service, secret)}
    assert leads_to(browser.post("/moderate/sign-in/code", **fields)) == path


def test_a_one_time_link_does_too(service: Service) -> None:
    signed_in(service)
    path = f"/moderate/replies/{service.submit()}"
    browser = turned_away(service, path)
    link = auth.link_for(service.db, email="editor@example.org", now=service.clock())
    token = Page(browser.get(f"/moderate/link/{link}").text).fields["token"]
    assert leads_to(browser.post(f"/moderate/link/{link}", token=token)) == path


@pytest.mark.parametrize(
    "value",
    [
        "//evil.example/moderate/",
        "https://evil.example/moderate/",
        "/moderate/..//evil.example",
        "/moderate/../comments/networking",
        "/moderate/%2e%2e/comments/networking",
        "/moderate/\\evil.example",
        "/moderate/\r\nSet-Cookie: a=b",
        "/moderate/sign-in",
        "/moderate/sign-in?x=y",
        "/moderate/link/abc",
        "/comments/networking",
        "/moderate",
        "moderate/",
        "/moderate/é",
        "/moderate/?q=" + "x" * 3_000,
        "",
    ],
)
def test_nothing_else_is_led_to(service: Service, value: str) -> None:
    signed_in(service)
    browser = Editor(service)
    browser.http.cookies.set(COOKIE, quote(value, safe=""))
    assert leads_to(browser.sign_in()) == "/moderate/"


@pytest.mark.parametrize("headers", [{"HX-Request": "true"}, {"Sec-Fetch-Mode": "cors"}])
def test_what_a_script_asked_for_is_no_page_to_return_to(
    service: Service, headers: dict[str, str]
) -> None:
    signed_in(service)
    browser = turned_away(service, f"/moderate/replies/{service.submit()}/edit", **headers)
    assert leads_to(browser.sign_in()) == "/moderate/"


def test_a_page_is_not_returned_to_days_later(service: Service) -> None:
    browser = turned_away(service, "/moderate/history")
    cookie = next(one for one in browser.http.cookies if one.name == COOKIE)
    assert cookie.expires is not None
    assert cookie.has_nonstandard_attr("HttpOnly")
    answer = requests.get(service.url + "/moderate/history", timeout=30, allow_redirects=False)
    assert "Max-Age=3600" in answer.headers["Set-Cookie"]
