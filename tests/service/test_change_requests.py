"""What an author asks for is shown wherever an editor decides, and does not get lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from comments_service.services import author_actions
from tests.running import Service, token_of
from tests.service.mail_server import mailing_service, post_office, wanting
from tests.service.pages import Editor, Page, signed_in, stored

WORDS = "Please remove my last name."


def _asked(service: Service, public_id: str, kind: str = "edit") -> None:
    author_actions.ask(service.db, public_id, kind, WORDS, now=service.clock())


@pytest.fixture(name="mailed")
def _mailed(tmp_path: Path) -> Iterator[tuple[Service, str, str]]:
    with post_office() as post, mailing_service(tmp_path, post) as service:
        wanting(service)
        public_id = service.submit()
        post.wait(1)
        yield service, public_id, service.url + post.link()


@pytest.mark.parametrize("kind", ["edit", "remove"])
def test_the_page_of_a_mailed_link_shows_the_request(
    mailed: tuple[Service, str, str], kind: str
) -> None:
    service, public_id, url = mailed
    assert "Change request" not in requests.get(url, timeout=30).text
    _asked(service, public_id, kind)
    shown = requests.get(url, timeout=30).text
    assert WORDS in shown
    assert f"asks you to {'remove' if kind == 'remove' else 'change'} it" in shown
    requests.post(
        url, data={"action": "approve", "version": token_of(service.db, public_id)}, timeout=30
    )
    assert stored(service.db, public_id).author_request["words"] == WORDS
    after = requests.get(url, timeout=30).text
    assert "Its author's change request is still open" in Page(after).one("main").text


def test_an_approval_says_that_the_request_is_still_open(service: Service) -> None:
    editor = signed_in(service)
    public_id = service.submit()
    _asked(service, public_id)
    card = editor.get().text
    assert card.index(WORDS) < card.index('class="approve"')
    done = editor.decide(public_id, "approve")
    assert stored(service.db, public_id).author_request["words"] == WORDS
    assert "Its author's change request is still open" in editor.get(done.headers["Location"]).text


def test_an_approval_without_a_request_says_nothing_of_one(service: Service) -> None:
    editor = signed_in(service)
    done = editor.decide(service.submit(), "approve")
    assert "change request" not in editor.get(done.headers["Location"]).text


def test_an_approval_by_a_key_says_that_the_request_is_still_open(service: Service) -> None:
    editor = signed_in(service)
    public_id = service.submit()
    _asked(service, public_id)
    editor.http.headers["HX-Request"] = "true"
    done = editor.decide(public_id, "approve")
    open_still = "Its author's change request is still open"
    assert open_still in Page(done.text).by_id("said").text
    assert (
        "Its author's change request is still open"
        in Page(done.text).by_id(f"card-{public_id}").text
    )


def test_the_form_of_an_answer_shows_the_request(service: Service) -> None:
    editor: Editor = signed_in(service)
    public_id = service.submit()
    _asked(service, public_id)
    assert WORDS in editor.get(f"/moderate/replies/{public_id}/answer").text
