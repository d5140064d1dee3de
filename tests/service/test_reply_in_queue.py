"""The page of one reply in the queue, whatever its state, and what leads to it."""

import pytest

from comments_service.domain.actor import COMMAND_LINE
from comments_service.services import moderation
from tests.running import Service, token_of
from tests.service.pages import Page, event_token, signed_in, stored


@pytest.mark.parametrize("state", ["pending", "approved", "spam", "trash"])
def test_a_reply_has_a_page_with_its_actions_in_every_state(service: Service, state: str) -> None:
    editor = signed_in(service)
    public_id = service.submit(comment="Words of one reply.")
    if state != "pending":
        action = {"approved": "approve"}.get(state, state)
        editor.decide(public_id, action)
    answer = editor.get(f"/moderate/replies/{public_id}", allow_redirects=False)
    assert answer.status_code == 200
    found = Page(answer.text)
    assert "Words of one reply." in found.by_id(f"reply-{public_id}").text
    assert 'aria-label="Moderation"' in answer.text
    verbs = {one.attributes.get("value") for one in found.all("button", name="action")}
    assert {"spam", "trash"} - {state} <= verbs
    public = f"/moderate/replies/{public_id}/public"
    links = [one.attributes["href"] for one in found.all("a")]
    assert (public in links) == (state == "approved")
    place = editor.get(public, allow_redirects=False)
    assert place.status_code == 303
    if state == "approved":
        assert place.headers["Location"].endswith(f"/networking/#comment-{public_id}")
    else:
        assert place.headers["Location"] == f"/moderate/replies/{public_id}"


def test_what_is_done_on_the_page_of_a_reply_leads_back_to_it(service: Service) -> None:
    editor = signed_in(service)
    public_id = service.submit()
    path = f"/moderate/replies/{public_id}"
    version = token_of(service.db, public_id)
    fields = Page(editor.get(path).text).all("input", name="list")
    assert {one.attributes["value"] for one in fields} == {"reply"}
    done = editor.post(
        path, token=editor.token, action="approve", was="pending", version=version, list="reply"
    )
    assert done.headers["Location"].startswith(f"{path}?done=")
    shown = editor.get(done.headers["Location"])
    assert "Approved: the reply is approved now." in shown.text
    answered = editor.post(
        f"{path}/answer", token=editor.token, was="approved", version=version, comment="Thanks.",
        list="reply",
    )  # fmt: skip
    assert answered.headers["Location"].startswith(f"{path}?done=")
    edited = editor.post(
        f"{path}/edit", token=editor.token, version=version, comment="Better.", list="reply"
    )
    number = edited.headers["Location"].partition("done=")[2]
    undone = editor.post(
        "/moderate/undo", token=editor.token, event=event_token(service, number), list="reply"
    )
    assert undone.headers["Location"].startswith(f"{path}?done=")
    for form in ("edit", "answer"):
        page = Page(editor.get(f"{path}/{form}?list=reply").text)
        assert path in [one.attributes["href"] for one in page.all("a")]


def test_the_history_leads_to_the_reply_and_its_article(service: Service) -> None:
    editor = signed_in(service)
    public_id = service.submit()
    editor.decide(public_id, "spam")
    links = [one.attributes["href"] for one in Page(editor.get("/moderate/history").text).all("a")]
    assert f"/moderate/replies/{public_id}" in links
    assert "/networking/" in links


def test_an_erased_reply_has_no_page(service: Service) -> None:
    editor = signed_in(service)
    public_id = service.submit()
    service.approve(public_id)
    service.approve(service.submit(parent=public_id, comment="An answer."))
    editor.decide(public_id, "trash", was="approved")
    moderation.erase(service.db, public_id, by=COMMAND_LINE, now=service.clock())
    assert stored(service.db, public_id).status == "erased"
    answer = editor.get(f"/moderate/replies/{public_id}")
    assert answer.status_code == 404
    assert editor.get("/moderate/replies/" + "0" * 26).status_code == 404


def test_a_card_leads_to_the_pages_of_the_reply_and_of_what_it_answers(service: Service) -> None:
    editor = signed_in(service)
    parent = service.submit()
    service.approve(parent)
    below = service.submit(parent=parent, comment="Below.")
    links = [one.attributes["href"] for one in Page(editor.get().text).all("a")]
    assert f"/moderate/replies/{parent}" in links
    assert f"/moderate/replies/{below}" in links


@pytest.mark.parametrize("page", ["", "/edit", "/answer", "/ban"])
def test_the_head_of_each_page_of_a_reply_can_be_asked_for(service: Service, page: str) -> None:
    editor = signed_in(service)
    path = f"{service.url}/moderate/replies/{service.submit()}{page}"
    assert editor.http.head(path, timeout=30).status_code == 200
