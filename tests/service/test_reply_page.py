"""A form with errors: a summary that leads to each field, and the same words beside it."""

import pytest
import requests

from tests.running import Service
from tests.service.pages import Element, Page

ALL_WRONG = {"comment": " ", "author": "", "email": "ann", "url": "javascript:x"}


def described(page: Page, field: Element) -> list[str]:
    return [page.by_id(name).text for name in field.attributes["aria-describedby"].split()]


def test_the_summary_comes_first_and_lists_every_problem_in_the_order_of_the_form(
    shared: Service,
) -> None:
    page = Page(shared.post(**ALL_WRONG).text)
    assert [where for where, _ in page.summary] == ["#comment", "#author", "#email", "#url"]
    tags = [one.tag for one in page.elements]
    summary = page.one("div", role="alert")
    assert page.elements.index(summary) < tags.index("h1") < tags.index("form")
    assert summary.attributes["tabindex"] == "-1"
    assert page.by_id(summary.attributes["aria-labelledby"]).text == "There is a problem"


def test_the_order_is_the_forms_however_the_problems_were_found(shared: Service) -> None:
    page = Page(shared.post(comment="", author="Ann\0", email="x", url="a\0.example").text)
    assert [where for where, _ in page.summary] == ["#comment", "#author", "#email", "#url"]


def test_the_title_says_that_there_is_an_error(shared: Service) -> None:
    assert Page(shared.post(**ALL_WRONG).text).one("title").text.startswith("Error: ")


@pytest.mark.parametrize("name", list(ALL_WRONG))
def test_each_field_is_marked_and_described_by_the_words_of_the_summary(
    shared: Service, name: str
) -> None:
    page = Page(shared.post(**ALL_WRONG).text)
    field = page.by_id(name)
    assert field.tag in {"input", "textarea"}
    assert field.attributes["aria-invalid"] == "true"
    words = dict(page.summary)[f"#{name}"]
    assert f"Error: {words}" in described(page, field)
    assert page.one("label", **{"for": name})


def test_a_field_without_a_problem_is_not_marked(shared: Service) -> None:
    page = Page(shared.post(email="x").text)
    for name in ("comment", "author", "url"):
        assert "aria-invalid" not in page.by_id(name).attributes
    assert "name-error" not in page.by_id("author").attributes.get("aria-describedby", "")


def test_a_lost_parent_is_told_beside_the_comment_in_the_same_words(shared: Service) -> None:
    page = Page(shared.post(parent="0" * 26).text)
    [(where, words)] = page.summary
    assert where == "#comment"
    assert f"Error: {words}" in described(page, page.by_id("comment"))


def test_the_form_of_a_reply_that_is_gone_leads_to_the_articles_own(shared: Service) -> None:
    answer = requests.get(f"{shared.url}/comments/networking/reply/{'0' * 26}", timeout=10)
    assert answer.status_code == 404
    assert "is not there any more" in answer.text
    assert f'href="{shared.settings.site_url}/networking/#respond"' in answer.text


def test_the_form_says_what_the_issue_asks_for(shared: Service) -> None:
    page = Page(shared.post(**ALL_WRONG).text)
    note = page.by_id("form-note").text
    assert note == "Your email address will not be published. Required fields are marked *"
    assert [one.text for one in page.all("label")] == [
        "Comment *",
        "Name *",
        "Email *",
        "Website (optional)",
    ]
    assert [page.by_id(name).attributes["data-max"] for name in ALL_WRONG] == [
        "10000",
        "100",
        "254",
        "500",
    ]
    assert page.by_id("author").attributes["autocomplete"] == "name"
    assert page.by_id("email").attributes["autocomplete"] == "email"
    assert page.by_id("url").attributes["autocomplete"] == "url"
    assert page.all("button")[0].text == "Post Comment"
    ids = [one.attributes["id"] for one in page.elements if "id" in one.attributes]
    assert len(ids) == len(set(ids))
