"""Every door of the queue against a stranger, an editor and an admin; the doors are found."""

import pytest
import requests

from comments_service.store.editors import Editor as Known
from tests.running import Service
from tests.service.pages import Editor, Page, add_editor, browser_of, dump
from tests.service.routes import ROUTES, SAMPLES, doors

# What only an admin may do. A door below one of these that lets an editor in fails here, and so
# does one elsewhere that does not.
ADMINS = ("/moderate/editors", "/moderate/settings", "/moderate/erase")


@pytest.fixture(name="people", scope="module")
def _people(shared: Service) -> dict[str, Known]:
    return {
        "admin": add_editor(shared, "admin@example.org", "Ada", "admin"),
        "editor": add_editor(shared, "editor@example.org", "Edith", "editor"),
    }


def ask(service: Service, browser: Editor, method: str, path: str) -> requests.Response:
    data = {"token": browser.token} if method == "POST" else None
    return browser.http.request(
        method,
        service.url + path.format(**SAMPLES),
        data=data,
        allow_redirects=False,
        timeout=30,
    )


def for_admins(path: str) -> bool:
    return path.startswith(ADMINS)


@pytest.mark.parametrize(("method", "path"), doors())
def test_a_stranger_gets_nothing_but_the_way_to_sign_in(
    shared: Service, method: str, path: str
) -> None:
    before = dump(shared.db)
    answer = requests.request(
        method, shared.url + path.format(**SAMPLES), data={}, headers={
            "Content-Type": "application/x-www-form-urlencoded"
        }, allow_redirects=False, timeout=30,
    )  # fmt: skip
    assert (answer.status_code, answer.headers["Location"]) == (303, "/moderate/sign-in")
    assert answer.content == b""
    assert dump(shared.db) == before


@pytest.mark.parametrize(("method", "path"), doors())
def test_an_editor_moderates_and_is_told_what_is_for_admins(
    shared: Service, people: dict[str, Known], method: str, path: str
) -> None:
    browser = browser_of(shared, people["editor"])
    token = browser.token
    before = dump(shared.db)
    answer = browser.http.request(
        method, shared.url + path.format(**SAMPLES),
        data={"token": token} if method == "POST" else None, allow_redirects=False, timeout=30,
    )  # fmt: skip
    if for_admins(path):
        assert answer.status_code == 403
        assert dump(shared.db) == before
        if method != "HEAD":
            assert "Only an admin may do this" in answer.text
    else:
        assert answer.status_code not in {401, 403, 405, 500}
        leads = answer.headers.get("Location", "")
        assert not leads.endswith("/moderate/sign-in") or "end-all" in path or "sign-out" in path


@pytest.mark.parametrize(("method", "path"), doors())
def test_an_admin_may_do_everything(
    shared: Service, people: dict[str, Known], method: str, path: str
) -> None:
    answer = ask(shared, browser_of(shared, people["admin"]), method, path)
    assert answer.status_code not in {401, 403, 405, 500}


def test_every_door_says_for_whom_it_is() -> None:
    for route in ROUTES:
        assert getattr(route.endpoint, "admin_only", False) == for_admins(route.path), route.path


def test_the_menu_shows_what_the_role_may_open(shared: Service, people: dict[str, Known]) -> None:
    for role, shown in (("admin", True), ("editor", False)):
        links = [
            one.attributes["href"]
            for one in Page(browser_of(shared, people[role]).get().text).all("a")
        ]
        assert ("/moderate/editors" in links) == shown
        assert "/moderate/account" in links


def test_a_role_holds_from_the_next_request_on(service: Service) -> None:
    admin = browser_of(service, add_editor(service, role="admin"))
    other = add_editor(service, "other@example.org", "Olaf", "editor")
    browser = browser_of(service, other)
    assert browser.get("/moderate/editors").status_code == 403
    for role, status in (("admin", 200), ("editor", 403)):
        path = f"/moderate/editors/{other.id}/role"
        assert admin.post(path, token=admin.token, role=role).status_code == 303
        assert browser.get("/moderate/editors").status_code == status
