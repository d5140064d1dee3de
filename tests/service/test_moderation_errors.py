"""Errors below /moderate/: the right status, in the queue's layout, with a way back."""

import pytest
import requests

from tests.running import Service
from tests.service.pages import Editor, Page, add_editor, signed_in


def in_the_queues_layout(answer: requests.Response, back: str) -> str:
    """Check the layout and the way back; return what the page says."""
    page = Page(answer.text)
    assert page.all("link", href="/moderate/assets/queue.css")
    assert "public" not in str(page.all("nav", **{"aria-label": "Site"}))
    main = page.one("main")
    hrefs = [one.attributes["href"] for one in page.all("a")]
    assert back in hrefs
    return main.text


@pytest.mark.parametrize(
    ("method", "path", "status", "back"),
    [
        ("GET", "/moderate/nonsense", 404, "/moderate/"),
        ("GET", "/moderate/?status=nonsense", 404, "/moderate/"),
        ("GET", "/moderate/replies/" + "0" * 26, 404, "/moderate/"),
        ("GET", "/moderate/bulk/99999", 404, "/moderate/"),
        ("GET", "/moderate/mail/" + "x" * 43, 404, "/moderate/"),
        ("GET", "/moderate/articles?after=nonsense", 404, "/moderate/articles"),
        ("GET", "/moderate/settings", 403, "/moderate/"),
        ("GET", "/moderate/editors", 403, "/moderate/"),
        ("POST", "/moderate/history", 405, "/moderate/history"),
        ("POST", "/moderate/discussions/networking", 400, "/moderate/"),
    ],
)
def test_an_error_leads_back_into_the_queue(
    service: Service, method: str, path: str, status: int, back: str
) -> None:
    editor = signed_in(service, role="editor")
    data = {"token": editor.token} if method == "POST" else None
    answer = editor.http.request(method, service.url + path, data=data, timeout=30)
    assert answer.status_code == status
    text = in_the_queues_layout(answer, back)
    assert "Page not" not in text
    # Who is signed in keeps the menu; the link of a mail needs nobody signed in.
    assert ("Sign out" in answer.text) == (not path.startswith("/moderate/mail/"))


def test_a_foreign_form_is_refused_in_the_queues_layout(service: Service) -> None:
    editor = signed_in(service)
    answer = editor.post("/moderate/undo", token="not the token", event="1")
    assert answer.status_code == 403
    in_the_queues_layout(answer, "/moderate/")


def test_a_conflict_names_who_and_when_and_leads_back_to_the_list(service: Service) -> None:
    first, second = signed_in(service), signed_in(service, "olaf@example.org", "Olaf")
    public_id = service.submit()
    second.decide(public_id, "spam")
    answer = first.post(
        f"/moderate/replies/{public_id}", token=first.token, action="approve", was="pending",
        list="status=pending&page=networking",
    )  # fmt: skip
    assert answer.status_code == 409
    text = in_the_queues_layout(answer, "/moderate/?status=pending&page=networking")
    assert "Already handled" in text
    assert "Olaf marked this as spam at 12:00 UTC. Your change was not applied." in text
    assert "quicker" not in answer.text


def test_nothing_selected_is_said_in_the_same_list(service: Service) -> None:
    editor = signed_in(service)
    for number in range(2):
        service.submit(comment=f"Number {number}.")
    query = "status=pending&page=networking"
    answer = editor.post("/moderate/bulk", token=editor.token, action="spam", list=query)
    assert answer.status_code == 422
    page = Page(answer.text)
    assert "Nothing is selected" in page.one("p", role="alert").text
    assert len(page.all("article")) == 2
    lists = {one.attributes["value"] for one in page.all("input", name="list")}
    assert lists == {query}


def test_nothing_selected_on_a_later_page_stays_on_that_page(service: Service) -> None:
    editor = signed_in(service)
    for number in range(52):
        service.submit(comment=f"Number {number}.")
    later = Page(editor.get().text).by_id("next").attributes["href"]
    fields = Page(editor.get(later).text)
    after = next(one for one in fields.all("input", name="after")).attributes["value"]
    answer = editor.post(
        "/moderate/bulk", token=editor.token, action="spam", list="status=pending",
        scope="selected", after=after,
    )  # fmt: skip
    assert answer.status_code == 422
    assert "Number 51." in answer.text
    assert "Number 1." not in answer.text


@pytest.mark.parametrize("action", ["role", "disable"])
def test_the_last_admin_is_kept_with_what_to_do(service: Service, action: str) -> None:
    editor = signed_in(service)
    other = add_editor(service, "olaf@example.org", "Olaf", "editor")
    assert other.id
    answer = editor.post(f"/moderate/editors/1/{action}", token=editor.token, role="editor")
    assert answer.status_code == 409
    text = in_the_queues_layout(answer, "/moderate/editors")
    assert "Edith is the only admin" in text
    assert "Make somebody else an admin first." in text
    assert "quicker" not in answer.text
    assert "Already handled" not in answer.text


def test_a_stranger_gets_the_layout_without_the_menu(service: Service) -> None:
    answer = Editor(service).get("/moderate/nonsense")
    assert answer.status_code == 404
    in_the_queues_layout(answer, "/moderate/")
    assert "Sign out" not in answer.text


def test_readers_errors_keep_the_sites_layout(service: Service) -> None:
    answer = requests.get(f"{service.url}/comments/nonsense", timeout=30)
    assert answer.status_code == 404
    assert "queue.css" not in answer.text
