"""The whole road in a real browser: read, reply, moderate, see it in the static page."""

import re

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.project import Project

pytestmark = pytest.mark.xdist_group("served")


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def reader(request: pytest.FixtureRequest, browser: Browser) -> Page:
    return browser.new_context(java_script_enabled=request.param).new_page()


def fill(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        page.locator(f"[name={name}]").fill(value)


def post(page: Page) -> None:
    """Post the form; with a script that does not load a page."""
    with page.expect_response(
        lambda one: one.request.method == "POST" and not one.url.endswith("/preview")
    ):
        page.get_by_role("button", name="Post Comment").click()


def to_own_page(page: Page) -> None:
    """Go to the private page of what was posted; without a script the reader is there already."""
    heading = page.get_by_role("heading", level=1, name="Your reply is awaiting moderation")
    link = page.get_by_role("link", name="Your reply’s own page")
    expect(heading.or_(link).first).to_be_visible()
    if link.count():
        link.last.click()
    expect(heading).to_be_visible()


def approve(editor: BrowserContext, project: Project, text: str) -> None:
    queue = editor.new_page()
    queue.goto(f"{project.url}/moderate/")
    card = queue.get_by_role("article").filter(has_text=text)
    card.get_by_role("button", name=re.compile("Approve")).click()
    expect(queue.locator(".flash")).to_contain_text("Approved")
    queue.close()


def test_a_reply_goes_from_the_form_over_the_queue_into_the_static_page(
    project: Project, reader: Page, editor: BrowserContext, request: pytest.FixtureRequest
) -> None:
    text = f"I arrive early, {request.node.name}."
    reader.goto(project.url)
    title = "How to network when you would rather be at home"
    reader.get_by_role("link", name=title, exact=True).first.click()
    expect(reader.get_by_role("heading", name="How do you handle networking?")).to_be_visible()
    expect(reader.get_by_role("heading", name="Leave a Reply")).to_be_visible()
    expect(
        reader.get_by_text(
            "Your email address will not be published. Required fields are marked *", exact=True
        )
    ).to_be_visible()
    fill(reader, comment=text, author="Ann Okoye", email="walk@example.org")
    post(reader)

    to_own_page(reader)
    status = reader.url
    expect(reader.get_by_text(text)).to_be_visible()
    assert text not in project.page("networking")

    approve(editor, project, text)
    project.wait(lambda: text in project.page("networking"))
    assert "walk@example.org" not in project.page("networking")

    reader.goto(status)
    reader.get_by_role("link", name="See it under").click()
    expect(reader).to_have_url(re.compile("#comment-"))
    fragment = reader.url.split("#")[1]
    expect(reader.locator(f"#{fragment}")).to_contain_text(text)


def test_an_answer_to_a_reply_stands_below_it(
    project: Project, reader: Page, editor: BrowserContext, request: pytest.FixtureRequest
) -> None:
    above, below = f"First, {request.node.name}.", f"Second, {request.node.name}."
    reader.goto(f"{project.url}/meetings/")
    fill(reader, comment=above, author="Piet Verhoeven", email="piet@example.org")
    post(reader)
    approve(editor, project, above)
    project.wait(lambda: above in project.page("meetings"))

    reader.goto(f"{project.url}/meetings/")
    reader.locator(".reply", has_text=above).get_by_role("link", name="Reply to Piet").click()
    expect(reader.get_by_role("heading", name="Reply to Piet Verhoeven")).to_be_visible()
    fill(reader, comment=below, author="Folake A.", email="folake@example.org")
    post(reader)
    approve(editor, project, below)
    project.wait(lambda: below in project.page("meetings"))

    reader.goto(f"{project.url}/meetings/")
    # In the markup, not only by indentation: the answer is in a list inside the reply's item.
    item = reader.locator("li", has=reader.locator("> article", has_text=above))
    expect(item.locator("ol article").filter(has_text=below)).to_be_visible()


def test_what_is_wrong_is_said_beside_the_field_and_everything_typed_is_kept(
    project: Project, reader: Page
) -> None:
    reader.goto(f"{project.url}/networking/")
    # As an old browser would: the service has to find what the browser did not.
    reader.goto(f"{project.url}/networking/")
    fill(reader, comment="Two <b>talks</b> & out.\n\nThen home.", author="Ann", email="ann@nowhere")
    fill(reader, url="javascript:alert(1)")
    post(reader)

    expect(reader).to_have_title(re.compile("^Error: "))
    summary = reader.get_by_role("alert")
    expect(summary).to_contain_text("There is a problem")
    words = "Enter an email address in the correct format, like name@example.com"
    expect(summary.get_by_role("link", name=words)).to_have_attribute("href", "#email")
    expect(reader.locator("#email-error")).to_contain_text(words)
    expect(reader.locator("#email")).to_have_attribute("aria-invalid", "true")
    expect(reader.locator("[name=comment]")).to_have_value("Two <b>talks</b> & out.\n\nThen home.")
    expect(reader.locator("[name=author]")).to_have_value("Ann")
    expect(reader.locator("[name=url]")).to_have_value("javascript:alert(1)")

    fill(reader, email="ann@example.org", url="")
    post(reader)
    to_own_page(reader)


def test_every_decision_can_be_undone(
    project: Project, reader: Page, editor: BrowserContext, request: pytest.FixtureRequest
) -> None:
    text = f"Undo me, {request.node.name}."
    reader.goto(f"{project.url}/saying-no/")
    fill(reader, comment=text, author="Wes", email="wes@example.org")
    post(reader)
    approve(editor, project, text)
    project.wait(lambda: text in project.page("saying-no"))

    queue = editor.new_page()
    queue.goto(f"{project.url}/moderate/history")
    entry = queue.locator("li", has_text="Wes").first
    entry.get_by_role("button", name=re.compile("Undo")).click()
    project.wait(lambda: text not in project.page("saying-no"))

    queue.goto(f"{project.url}/moderate/")
    for name, view in (("Spam", "spam"), ("Trash", "trash")):
        card = queue.get_by_role("article").filter(has_text=text)
        card.get_by_role("button", name=re.compile(f"^{name}")).click()
        with queue.expect_response(lambda one: one.request.method == "POST"):
            queue.locator(".flash").get_by_role("button", name="Undo").click()
        queue.goto(f"{project.url}/moderate/?status={view}")
        expect(queue.get_by_text(text)).to_have_count(0)
        queue.goto(f"{project.url}/moderate/")
    expect(queue.get_by_text(text)).to_be_visible()
    queue.close()


def test_the_private_status_page_opens_only_by_its_own_link(project: Project, reader: Page) -> None:
    reader.goto(f"{project.url}/networking/")
    fill(reader, comment="Only mine.", author="Ines", email="ines@example.org")
    post(reader)
    to_own_page(reader)
    link = reader.url
    answer = reader.goto(link[:-1] + ("0" if link[-1] != "0" else "1"))
    assert answer is not None
    assert answer.status == 404
    expect(reader.get_by_text("Only mine.")).to_have_count(0)
