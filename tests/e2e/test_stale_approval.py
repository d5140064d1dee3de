"""An author changes a reply while the queue is open in a browser: only what is seen is approved."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.running import Service, running_service
from tests.service.pages import PASSWORD, add_editor, stored
from tests.service.pages import Page as Html

READ, UNREAD = "I bring one question.", "Buy pills at my shop."


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with running_service(tmp_path) as running:
        running.register("networking")
        add_editor(running)
        yield running


@pytest.fixture(params=[True, False], ids=["with a script", "without"])
def queue(service: Service, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A browser before the queue's entrance."""
    context = browser.new_context(java_script_enabled=request.param)
    yield context.new_page()
    context.close()


def test_only_the_text_on_the_screen_is_approved(service: Service, queue: Page) -> None:
    link = service.url + service.post(comment=READ).headers["Location"]
    public_id = link.split("/")[5]
    queue.goto(f"{service.url}/moderate/")
    queue.get_by_label("Email").fill("editor@example.org")
    queue.get_by_label("Password").fill(PASSWORD)
    queue.get_by_role("button", name="Sign in").click()
    expect(queue.locator(".card")).to_contain_text(READ)
    form = Html(requests.get(f"{link}/edit", timeout=30).text).fields
    requests.post(f"{link}/edit", data=form | {"comment": UNREAD}, timeout=30)

    approve = queue.locator(".card button.approve")
    approve.click()
    expect(queue.get_by_role("alert")).to_have_text(
        "The author changed this reply after you opened the page. Nothing was published. "
        "Here is the new text."
    )
    expect(queue.locator(".card")).to_contain_text(UNREAD)
    expect(queue.get_by_role("navigation", name="Moderation")).to_be_visible()
    assert stored(service.db, public_id).status == "pending"

    approve.click()
    expect(queue.get_by_role("button", name="Undo")).to_be_visible()
    assert stored(service.db, public_id).status == "approved"
