"""Nothing that was typed is cut without a word: limits are named before and at the refusal."""

from urllib.parse import urlencode

import pytest
import requests

from comments_service.domain.comment_form import LIMITS
from comments_service.settings import Settings
from tests.running import Service, token_of
from tests.service.pages import Page, signed_in, stored


def test_no_form_of_the_service_lets_the_browser_cut(shared: Service) -> None:
    editor = signed_in(shared)
    answer = shared.post(comment="A reply with forms.")
    link = answer.headers["Location"]
    pages = [
        requests.get(f"{shared.url}{path}", timeout=10).text
        for path in (f"{link}/edit", f"{link}/ask", "/comments/search")
    ]
    pages += [shared.post(comment="").text]
    pages += [
        editor.get(path).text
        for path in ("/moderate/", "/moderate/settings", "/moderate/articles", "/moderate/editors")
    ]
    public_id = link.rsplit("/", 2)[-2]
    pages += [editor.get(f"/moderate/replies/{public_id}/ban").text]
    for text in pages:
        assert 'name="' in text
        assert "maxlength" not in text
    assert "10,000 characters at most." in pages[0]
    assert "1,000 characters at most." in pages[1]
    assert "10,000 characters at most." in pages[3]


def test_a_question_to_the_editors_that_is_too_long_is_kept(shared: Service) -> None:
    link = shared.post(comment="A reply to ask about.").headers["Location"]
    words = "é" * 1_001
    answer = requests.post(
        f"{shared.url}{link}/ask", data={"kind": "edit", "words": words}, timeout=10
    )
    assert answer.status_code == 422
    assert "must be 1,000 characters or fewer; it has 1,001" in answer.text
    assert Page(answer.text).fields["words"] == words


def test_a_reason_that_is_too_long_is_kept(shared: Service) -> None:
    editor = signed_in(shared, "second@example.org", "Theo", "editor")
    public_id = shared.submit(comment="A reply to decline.")
    reason = "why " * 126
    answer = editor.http.post(
        f"{shared.url}/moderate/replies/{public_id}",
        data={"token": editor.token, "action": "trash", "was": "pending", "decline_reason": reason},
        headers={"HX-Request": "true"},
        timeout=10,
    )
    assert answer.status_code == 400
    assert "500 characters or fewer" in answer.text
    assert Page(answer.text).by_id(f"decline-reason-{public_id}").attributes["value"] == reason


def test_a_search_says_that_it_looked_for_the_beginning_only(shared: Service) -> None:
    editor = signed_in(shared, "third@example.org", "Nia", "editor")
    long = "word " * 50
    said = "Only the first 200 characters were looked for."
    public = requests.get(f"{shared.url}/comments/search", params={"q": long}, timeout=10).text
    assert said in public
    assert said in editor.get(f"/moderate/articles?q={long}").text
    short = requests.get(f"{shared.url}/comments/search", params={"q": "word"}, timeout=10).text
    assert said not in short


@pytest.mark.parametrize("char", ["a", "é", "😀"])
def test_a_long_text_comes_back_whole(shared: Service, char: str) -> None:
    text = char * 10_507
    answer = shared.post(comment=text)
    assert answer.status_code == 422
    assert Page(answer.text).fields["comment"] == text
    assert "it has 10,507" in answer.text
    # As much as a form may have.
    most = (shared.settings.body_limit - 300) // (1 if char == "a" else len(char.encode()) * 3)
    answer = shared.post(comment=char * most)
    assert answer.status_code == 422
    assert Page(answer.text).fields["comment"] == char * most


def test_what_is_longer_than_a_form_may_be_is_refused_in_words(shared: Service) -> None:
    answer = shared.post(comment="a" * shared.settings.body_limit)
    assert answer.status_code == 413
    assert "your browser still has the text" in answer.text


@pytest.mark.parametrize("verb", ["edit", "answer"])
def test_an_editor_may_write_as_much_as_a_reader(shared: Service, verb: str) -> None:
    editor = signed_in(shared, f"{verb}@example.org", "Mei", "editor")
    public_id = shared.submit(comment=f"A reply to {verb}.")
    path = f"/moderate/replies/{public_id}/{verb}"
    fields = {"token": editor.token, "version": token_of(shared.db, public_id), "was": "pending"}
    answer = editor.post(path, comment="😀" * 10_507, **fields)
    assert answer.status_code == 422
    assert Page(answer.text).fields["comment"] == "😀" * 10_507
    assert editor.post(path, comment="😀" * 10_000, **fields).status_code == 303
    if verb == "edit":
        assert stored(shared.db, public_id).text == "😀" * 10_000


def test_a_form_may_be_as_large_as_the_longest_reply() -> None:
    least = Settings.model_fields["body_limit"].metadata
    smallest = next(one.ge for one in least if hasattr(one, "ge"))
    every = {name: "😀" * limit for name, limit in LIMITS.items()}
    assert len(urlencode(every | {"parent": "0" * 26, "follow": "replies"})) <= smallest
