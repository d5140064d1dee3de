"""Later pages of a long discussion take replies as the article's page does."""

import re
from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.project import Project, copy
from tests.e2e.test_replies_script import axe, link_to_answer, own, press, write
from tests.running import free_port

pytestmark = pytest.mark.xdist_group("later-pages")

FIRST = "/networking/"
SECOND = "/networking/replies/2/"


@pytest.fixture(scope="module")
def blog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The project with two threads on a page, and the sample replies."""
    project = Project(copy(tmp_path_factory.mktemp("long")), free_port())
    with (project.root / "pelicanconf.py").open("a") as settings:
        settings.write("\nDISCUSSION_PAGE_SIZE = 2\n")
    try:
        project.start()
        done = project.run("demo")
        assert done.returncode == 0, done.stderr
        project.wait(lambda: (project.root / "output" / f".{SECOND}" / "index.html").is_file())
        project.wait(lambda: 'rel="next"' in project.page("networking/replies/2"))
        yield project
    finally:
        if project.supervisor.poll() is None:
            project.stop()


@pytest.fixture
def page(browser: Browser, blog: Project) -> Iterator[Page]:
    context = browser.new_context()
    opened = context.new_page()
    opened.goto(blog.url + SECOND)
    yield opened
    context.close()


def first_id(page: Page) -> str:
    """The id of the first reply on the page."""
    found = page.locator("#discussion > .replies > li > .reply").first.get_attribute("id")
    assert found
    return found.removeprefix("comment-")


def last(blog: Project) -> str:
    """The path of the discussion's last page."""
    parts = [int(one.name) for one in (blog.root / "output" / "networking" / "replies").iterdir()]
    assert max(parts) > 2
    return f"/networking/replies/{max(parts)}/"


def shows_own(page: Page, address: str, text: str, *, count: int) -> None:
    """Open a page and wait until the script has heard of every reply that waits."""
    with page.expect_response(re.compile("/comments/status/")):
        page.goto(address)
    page.wait_for_load_state("networkidle")
    expect(own(page, text)).to_have_count(count)


def test_an_answer_is_written_in_place_and_shown_on_its_parents_page_only(
    page: Page, blog: Project
) -> None:
    parent = first_id(page)
    link = link_to_answer(page, parent)
    link.click()
    expect(page.locator("#comment")).to_be_focused()
    expect(page.locator(f"#comment-{parent} + #respond")).to_be_visible()
    assert axe(page) == []
    page.keyboard.press("Escape")
    expect(link).to_be_focused()
    expect(page.locator("#discussion + #respond")).to_be_visible()
    expect(page.locator("#respond-title")).to_have_text("Leave a Reply")

    link.click()
    write(page, "An answer on page two.")
    press(page)
    card = own(page, "An answer on page two.")
    expect(card).to_be_focused()
    assert page.url == blog.url + SECOND
    assert axe(page) == []
    shows_own(page, blog.url + SECOND, "An answer on page two.", count=1)
    item = page.locator("li", has=page.locator(f"> #comment-{parent}"))
    expect(item.locator("ol .own")).to_contain_text("An answer on page two.")
    for other in (FIRST, last(blog)):
        shows_own(page, blog.url + other, "An answer on page two.", count=0)


def test_a_new_thread_is_shown_where_it_was_sent_from_and_where_it_will_stand(
    page: Page, blog: Project
) -> None:
    text = "A thread begun on page two."
    write(page, text)
    press(page)
    expect(own(page, text)).to_be_focused()
    shows_own(page, blog.url + SECOND, text, count=1)
    shows_own(page, blog.url + last(blog), text, count=1)
    shows_own(page, blog.url + FIRST, text, count=0)


def test_a_new_thread_sent_from_the_article_stays_in_sight_there(page: Page, blog: Project) -> None:
    text = "A thread begun on page one."
    page.goto(blog.url + FIRST)
    write(page, text)
    press(page)
    expect(own(page, text)).to_be_focused()
    shows_own(page, blog.url + FIRST, text, count=1)
    shows_own(page, blog.url + SECOND, text, count=0)


def test_the_draft_of_a_new_thread_is_the_same_on_every_page(page: Page, blog: Project) -> None:
    page.locator("#comment").fill("Begun here.")
    page.goto(blog.url + FIRST)
    expect(page.locator("#comment")).to_have_value("Begun here.")


def test_dates_are_told_from_now_there_too(page: Page) -> None:
    time = page.locator(".reply time").first
    expect(time).to_have_text(re.compile(" ago|yesterday"))
    expect(time.locator("..")).to_have_attribute("title", re.compile(r"^\d+ \w+ \d{4}"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_headings_and_ids_are_in_order(
    browser: Browser, blog: Project, scheme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": 320, "height": 640})
    page = context.new_page()
    page.goto(blog.url + SECOND)
    expect(page.get_by_label("Save my name, email and website in this browser")).to_be_visible()
    assert axe(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((one) => one.id)")
    assert len(ids) == len(set(ids))
    levels = page.evaluate(
        "[...document.querySelectorAll('h1, h2, h3')].filter((one) => one.checkVisibility())"
        ".map((one) => one.localName)"
    )
    assert levels == ["h1", "h2"]
    context.close()


@pytest.fixture
def plain(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(java_script_enabled=False)
    yield context
    context.close()


def test_without_a_script_the_form_posts_from_there(plain: BrowserContext, blog: Project) -> None:
    page = plain.new_page()
    page.goto(blog.url + SECOND)
    write(page, "From page two, without a script.")
    press(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Your reply is awaiting moderation")
    page.go_back()
    assert page.url == blog.url + SECOND
    link_to_answer(page, first_id(page)).click()
    write(page, "An answer from page two, without a script.")
    press(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Your reply is awaiting moderation")


def test_no_mail_is_offered_where_none_leaves(page: Page, blog: Project) -> None:
    for address in (FIRST, SECOND):
        page.goto(blog.url + address)
        expect(page.get_by_role("button", name="Post Comment", exact=True)).to_be_visible()
        expect(page.get_by_label("Mail me new replies (optional)")).to_have_count(0)
        expect(page.get_by_role("link", name="by mail")).to_have_count(0)
