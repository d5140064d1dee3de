"""Previews, and what the article's script gets as JSON."""

from typing import Any

import requests

from comments_service.domain import comment_form
from comments_service.domain.errors import Unavailable
from comments_service.web.support import previews
from tests.running import Service, reply
from tests.service.pages import Page, dump, signed_in, stored

JSON = {"Accept": "application/json"}


def post(service: Service, path: str, *, json: bool = True, **fields: str) -> requests.Response:
    return requests.post(
        f"{service.url}/comments/{path}",
        data=reply(**fields),
        headers=JSON if json else {},
        timeout=30,
        allow_redirects=False,
    )


def test_a_preview_shows_the_text_above_the_form_and_stores_nothing(shared: Service) -> None:
    before = dump(shared.db)
    typed = {"comment": "Hello *there*.", "author": "Ann", "email": "half@", "url": "n/a"}
    answer = post(shared, "networking/preview", json=False, **typed)
    assert answer.status_code == 200
    page = Page(answer.text)
    assert page.fields == reply(**typed)
    assert page.one("title").text.startswith("Preview: ")
    assert answer.text.index("<em>there</em>") < answer.text.index("<form")
    assert not page.problems
    assert dump(shared.db) == before


def test_a_preview_of_nothing_says_so(shared: Service) -> None:
    answer = post(shared, "networking/preview", json=False, comment=" ")
    assert answer.status_code == 422
    assert Page(answer.text).problems == ["#comment"]
    assert Page(answer.text).fields["author"] == "Ann Okoye"
    told = post(shared, "networking/preview", comment=">")
    assert told.status_code == 422
    assert told.json()["errors"] == {"comment": "Enter a comment"}


def test_a_preview_is_what_will_be_stored(service: Service) -> None:
    text = "> quoted\n\n<script>alert(1)</script> [x](javascript:alert(1)) https://a.example"
    seen = post(service, "networking/preview", comment=text).json()["html"]
    assert seen == stored(service.db, service.submit(comment=text)).html


def test_a_preview_keeps_the_reply_that_is_answered(service: Service) -> None:
    above = service.submit()
    service.approve(above)
    answer = post(service, "networking/preview", json=False, comment="Yes.", parent=above)
    assert Page(answer.text).fields["parent"] == above
    assert "Reply to Ann Okoye" in Page(answer.text).one("h1").text


def test_a_preview_on_a_closed_page_keeps_the_text(service: Service) -> None:
    service.register("networking", open=False)
    answer = post(service, "networking/preview", json=False, comment="My text.")
    assert answer.status_code == 403
    assert Page(answer.text).fields["kept"] == "My text."


def test_a_reload_of_a_preview_leads_to_the_article(shared: Service) -> None:
    address = f"{shared.url}/comments/networking/preview"
    answer = requests.get(address, allow_redirects=False, timeout=30)
    assert answer.headers["Location"] == f"{shared.url}/networking/#respond"


def test_previews_are_limited(service: Service) -> None:
    address = f"{service.url}/comments/networking/preview"
    long = requests.post(address, data={"comment": "x" * 300_000}, headers=JSON, timeout=30)
    assert long.status_code == 413
    session = requests.Session()
    answers = {
        session.post(address, data={"comment": "Hello."}, headers=JSON, timeout=30).status_code
        for _ in range(previews.A_MINUTE)
    }
    assert answers == {200}
    late = session.post(address, data={"comment": "Hello."}, headers=JSON, timeout=30)
    assert late.status_code == 429
    assert int(late.headers["Retry-After"]) <= 60
    # Posting is not previewing.
    service.submit()
    service.clock.forward(minutes=1)
    again = session.post(address, data={"comment": "Hello."}, headers=JSON, timeout=30)
    assert again.status_code == 200


# ---- submitting without leaving the page ----


def test_a_reply_that_is_sent_by_the_script_is_told_with_its_link(service: Service) -> None:
    answer = post(service, "networking", comment="Hello *there*.")
    assert answer.status_code == 201
    body = answer.json()
    assert body["state"] == "pending"
    assert "<em>there</em>" in body["html"]
    assert answer.headers["Location"] == body["link"]
    assert requests.get(service.url + body["link"], timeout=30).status_code == 200
    again = post(service, "networking", comment="Hello *there*.")
    assert again.status_code == 200
    assert again.json()["id"] == body["id"]


def test_the_script_is_told_the_same_words_as_the_page(shared: Service) -> None:
    bad: dict[str, Any] = {"comment": "", "author": "", "email": "x", "url": "javascript:x"}
    told = post(shared, "networking", **bad)
    assert told.status_code == 422
    page = Page(post(shared, "networking", json=False, **bad).text)
    assert told.json()["errors"] == {where[1:]: words for where, words in page.summary}


def test_a_parent_that_is_gone_is_told_to_the_script(service: Service) -> None:
    above = service.submit()
    service.approve(above)
    signed_in(service).decide(above, "trash", was="approved")
    told = post(service, "networking", comment="Yes.", parent=above)
    assert told.status_code == 422
    assert told.json()["errors"] == {"parent": comment_form.PARENT_GONE}


def test_what_is_in_the_way_is_told_to_the_script(service: Service) -> None:
    told = post(service, "nowhere")
    assert (told.status_code, told.json()["detail"]) == (
        404,
        "There is no article here that takes replies.",
    )
    service.register("networking", open=False)
    told = post(service, "networking")
    assert told.status_code == 403
    assert "closed" in told.json()["detail"]


def test_a_service_that_cannot_store_tells_to_keep_the_text(service: Service) -> None:
    async def away(_: object) -> None:
        raise Unavailable("locked")

    assert service.app is not None
    intake = service.app.state.context.write_batcher
    submit, intake.submit = intake.submit, away
    try:
        told = post(service, "networking")
        page = post(service, "networking", json=False, comment="My text.")
    finally:
        intake.submit = submit
    assert told.status_code == 503
    assert "Keep your text" in told.json()["detail"]
    assert page.status_code == 503
    assert Page(page.text).fields["kept"] == "My text."
