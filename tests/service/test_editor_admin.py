"""Admins look after editors: invitations, roles, who is out, and what the log says of it."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from sqlalchemy import select

from comments_service.domain import actor, labels
from comments_service.domain.errors import Conflict
from comments_service.services import editor_admin
from comments_service.store.tables import editor, event, session, sign_in_link
from tests.running import Service
from tests.service.pages import PASSWORD, Editor, Page, add_editor, browser_of, dump, signed_in


def invite(
    admin: Editor, email: str = "new@example.org", role: str = "editor"
) -> requests.Response:
    return admin.post("/moderate/editors/invite", token=admin.token, email=email, role=role)


def link_in(answer: requests.Response) -> str:
    address = Page(answer.text).by_id("link").attributes["value"]
    return re.sub(r"^http://[^/]+", "", address)


def accept(
    service: Service, path: str, name: str = "Nora", password: str = PASSWORD
) -> tuple[Editor, requests.Response]:
    browser = Editor(service)
    token = Page(browser.get("/moderate/sign-in").text).fields["token"]
    return browser, browser.post(path, token=token, name=name, password=password)


def logged(service: Service) -> list[tuple[str, Any, Any, str]]:
    query = select(event).where(event.c.action != "submit").order_by(event.c.seq)
    with service.db.read() as connection:
        rows = connection.execute(query).all()
    assert all(row.comment is None and row.page is None for row in rows)
    return [(row.action, row.before, row.after, row.actor) for row in rows]


def test_an_invitation_makes_an_editor_once(service: Service) -> None:
    admin = signed_in(service)
    answer = invite(admin, " New@Example.org ")
    path = link_in(answer)
    page = Editor(service).get(path)
    assert "new@example.org" in page.text
    browser, done = accept(service, path)
    assert (done.status_code, done.headers["Location"]) == (303, "/moderate/")
    assert browser.get("/moderate/editors").status_code == 403
    assert Editor(service).sign_in("new@example.org").status_code == 303
    assert Editor(service).get(path).status_code == 404
    assert accept(service, path)[1].status_code == 404
    with service.db.read() as connection:
        new = connection.execute(select(editor).where(editor.c.email == "new@example.org")).one()
    assert (new.name, new.role) == ("Nora", "editor")
    assert logged(service) == [
        ("invite", None, {"email": "new@example.org", "role": "editor"}, "Edith"),
        ("join", None, {"editor": new.id, "name": "Nora", "role": "editor"}, "Nora"),
    ]


def test_an_invited_admin_is_one(service: Service) -> None:
    path = link_in(invite(signed_in(service), role="admin"))
    browser, _ = accept(service, path)
    assert browser.get("/moderate/editors").status_code == 200


def test_the_link_is_shown_once_and_kept_hashed(service: Service) -> None:
    admin = signed_in(service)
    token = link_in(invite(admin)).rpartition("/")[2]
    assert len(token) >= 43
    page = admin.get("/moderate/editors").text
    assert "new@example.org" in page
    assert token not in page
    assert token not in repr(dump(service.db))


def test_an_invitation_ends_after_a_day_or_when_it_is_withdrawn(service: Service) -> None:
    admin = signed_in(service)
    first = link_in(invite(admin, "a@example.org"))
    answer = admin.post("/moderate/editors/withdraw", token=admin.token, email="a@example.org")
    assert answer.status_code == 303
    assert accept(service, first)[1].status_code == 404
    again = admin.post("/moderate/editors/withdraw", token=admin.token, email="a@example.org")
    assert again.status_code == 404
    second = link_in(invite(admin, "b@example.org"))
    service.clock.forward(hours=24)
    assert accept(service, second)[1].status_code == 404
    admin.sign_in()
    assert "b@example.org" not in admin.get("/moderate/editors").text


def test_a_newer_invitation_replaces_the_older(service: Service) -> None:
    admin = signed_in(service)
    older, newer = link_in(invite(admin)), link_in(invite(admin, role="admin"))
    assert accept(service, older)[1].status_code == 404
    assert accept(service, newer)[1].status_code == 303


def test_an_invitation_outlives_the_first_editors_link(service: Service) -> None:
    admin = signed_in(service)
    path = link_in(invite(admin))
    add_editor(service, "another@example.org")
    assert accept(service, path)[1].status_code == 303


def test_the_address_is_the_invited_one_whatever_the_form_says(service: Service) -> None:
    path = link_in(invite(signed_in(service)))
    browser = Editor(service)
    token = Page(browser.get(path).text).fields["token"]
    browser.post(
        path, token=token, name="x", password=PASSWORD, email="evil@example.org", role="admin"
    )
    with service.db.read() as connection:
        rows = connection.execute(select(editor.c.email, editor.c.role)).all()
    assert ("new@example.org", "editor") in [tuple(row) for row in rows]
    assert len(rows) == 2


def test_two_uses_at_once_of_an_invitation_make_one_editor(service: Service) -> None:
    path = link_in(invite(signed_in(service)))
    barrier = threading.Barrier(3)

    def become(_: int) -> int:
        barrier.wait()
        return accept(service, path)[1].status_code

    with ThreadPoolExecutor(3) as pool:
        statuses = sorted(pool.map(become, range(3)))
    assert statuses[0] == 303
    assert set(statuses[1:]) <= {404, 409}
    with service.db.read() as connection:
        assert len(connection.execute(select(editor)).all()) == 2


@pytest.mark.parametrize(
    ("name", "password", "problem"),
    [
        ("Nora", "short", "#password"),
        ("Nora", "passwordpassword", "#password"),
        ("Nora", "new@example.org", "#password"),
        ("N" * 101, PASSWORD, "#name"),
    ],
)
def test_what_cannot_be_is_said_and_what_was_typed_is_kept(
    service: Service, name: str, password: str, problem: str
) -> None:
    path = link_in(invite(signed_in(service)))
    _, answer = accept(service, path, name, password)
    assert answer.status_code == 422
    page = Page(answer.text)
    assert page.problems == [problem]
    assert page.fields["name"] == name
    assert page.fields["password"] == ""
    assert page.by_id(problem[1:]).attributes["aria-invalid"] == "true"
    # The link is still good.
    assert accept(service, path)[1].status_code == 303


@pytest.mark.parametrize(
    ("email", "role", "problem"),
    [
        ("", "editor", "#email"),
        ("nobody", "editor", "#email"),
        ("editor@example.org", "editor", "#email"),
        ("new@example.org", "", "#role"),
        ("new@example.org", "owner", "#role"),
    ],
)
def test_an_invitation_that_cannot_be_is_said(
    service: Service, email: str, role: str, problem: str
) -> None:
    admin = signed_in(service)
    answer = invite(admin, email, role)
    assert answer.status_code == 422
    page = Page(answer.text)
    assert page.problems == [problem]
    assert page.by_id("email").attributes["value"] == email
    with service.db.read() as connection:
        assert connection.execute(select(sign_in_link)).all() == []


def test_roles_and_doors_change_with_their_entries_in_the_log(service: Service) -> None:
    admin = signed_in(service)
    other = add_editor(service, "olaf@example.org", "Olaf", "editor")
    browser = browser_of(service, other)
    at = f"/moderate/editors/{other.id}"
    who = {"editor": other.id, "name": "Olaf"}
    for path, fields in (
        ("role", {"role": "admin"}),
        ("role", {"role": "editor"}),
        ("disable", {}),
        ("enable", {}),
    ):
        answer = admin.post(f"{at}/{path}", token=admin.token, **fields)
        assert answer.headers["Location"] == f"/moderate/editors?done={path}"
    assert logged(service) == [
        ("role", who | {"role": "editor"}, who | {"role": "admin"}, "Edith"),
        ("role", who | {"role": "admin"}, who | {"role": "editor"}, "Edith"),
        ("disable", who | {"state": "enabled"}, who | {"state": "disabled"}, "Edith"),
        ("enable", who | {"state": "disabled"}, who | {"state": "enabled"}, "Edith"),
    ]
    assert {"invite", "join", "role", "disable", "enable", "withdraw"} <= labels.DONE.keys()
    # Enabled again, not signed in again.
    assert browser.get(allow_redirects=False).status_code == 303
    with service.db.read() as connection:
        assert len(connection.execute(select(session)).all()) == 1


def test_a_disabled_editor_is_out_at_once_and_in_again_when_enabled(service: Service) -> None:
    admin = signed_in(service)
    other = add_editor(service, "olaf@example.org", "Olaf", "editor")
    browser = browser_of(service, other)
    at = f"/moderate/editors/{other.id}"
    assert admin.post(f"{at}/disable", token=admin.token).status_code == 303
    assert browser.get(allow_redirects=False).status_code == 303
    assert browser.sign_in("olaf@example.org").status_code == 422
    assert "disabled" in admin.get("/moderate/editors").text
    assert admin.post(f"{at}/disable", token=admin.token).status_code == 409
    assert admin.post(f"{at}/enable", token=admin.token).status_code == 303
    assert admin.post(f"{at}/enable", token=admin.token).status_code == 409
    assert browser.sign_in("olaf@example.org").status_code == 303


def test_the_last_admin_stays_one(service: Service) -> None:
    admin = signed_in(service)
    with service.db.read() as connection:
        own = connection.execute(select(editor.c.id)).scalar_one()
    add_editor(service, "olaf@example.org", "Olaf", "editor")
    gone = add_editor(service, "gone@example.org", "Gone", "admin")
    editor_admin.disable(service.db, gone.id, by=actor.COMMAND_LINE, now=service.clock())
    before = dump(service.db)
    for path, fields in (("disable", {}), ("role", {"role": "editor"})):
        answer = admin.post(f"/moderate/editors/{own}/{path}", token=admin.token, **fields)
        assert answer.status_code == 409
        assert "Edith is the only admin" in answer.text
        assert "Make somebody else an admin first" in answer.text
    assert dump(service.db) == before


def test_two_admins_who_demote_each_other_at_once_leave_one(service: Service) -> None:
    pair = [add_editor(service, f"{n}@example.org", n, "admin") for n in ("ann", "ben")]
    barrier = threading.Barrier(2)

    def demote(number: int) -> bool:
        barrier.wait()
        by = actor.Actor(pair[1 - number].name, pair[1 - number].id)
        try:
            editor_admin.set_role(service.db, pair[number].id, "editor", by=by, now=service.clock())
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(demote, range(2))) == [False, True]


@pytest.mark.parametrize("number", ["0", "99", "-1", "x", "9" * 15, "9" * 40, "%00"])
@pytest.mark.parametrize("verb", ["role", "disable", "enable"])
def test_an_editor_who_is_not_there_is_not_found(shared: Service, number: str, verb: str) -> None:
    who = f"{abs(hash((number, verb)))}@example.org"
    admin = browser_of(shared, add_editor(shared, who, role="admin"))
    path = f"/moderate/editors/{number}/{verb}"
    assert admin.post(path, token=admin.token, role="editor").status_code == 404


def test_names_are_shown_as_they_are(service: Service) -> None:
    admin = signed_in(service, name='<b onclick="x">Ed</b> & Co')
    page = admin.get("/moderate/editors")
    assert "&lt;b onclick=" in page.text
    assert "<b onclick" not in page.text
    assert "last seen" in page.text


def test_the_history_tells_what_was_done_about_editors(service: Service) -> None:
    admin = signed_in(service)
    other = add_editor(service, "olaf@example.org", "Olaf", "editor")
    invite(admin)
    for path, fields in (("role", {"role": "admin"}), ("disable", {}), ("enable", {})):
        at = f"/moderate/editors/{other.id}/{path}"
        assert admin.post(at, token=admin.token, **fields).status_code == 303
    page = admin.get("/moderate/history")
    assert page.status_code == 200
    for action in ("invite", "role", "disable", "enable"):
        assert page.text.count(f"<b>{labels.DONE[action].replace(chr(39), '&#39;')}</b>") == 1
    # There is nothing to undo there: roles are given and taken at the editors' page.
    assert 'action="/moderate/undo"' not in page.text
