"""What every page keeps: accessible, no wider than the screen, nothing from a third party."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.project import Project
from tests.running import reply
from tests.service.pages import Page as Html

pytestmark = pytest.mark.xdist_group("pages")

PUBLIC = [
    "/", "/page/2/", "/networking/", "/meetings/", "/about/", "/archive/", "/topics/", "/tags/",
    "/authors/", "/category/careers/", "/author/mara-lindqvist/", "/no-such-page/",
    "/comments/api/", "/moderate/sign-in",
]  # fmt: skip
EDITORS = [
    "/moderate/", "/moderate/?status=approved", "/moderate/?status=spam", "/moderate/?status=any",
    "/moderate/?q=coffee&since=never", "/moderate/history", "/moderate/settings",
    "/moderate/articles", "/moderate/editors", "/moderate/account", "/moderate/mail",
]  # fmt: skip


@pytest.fixture(scope="module")
def alive(project: Project, editor: BrowserContext) -> Project:
    """The project with its samples, and one reply that tries to be wide."""
    wide = reply(comment="w" * 5000, author="W" * 100)
    requests.post(f"{project.url}/comments/networking", data=wide, timeout=10)
    project.run("demo")
    project.wait(lambda: "Siobhán" in project.page("networking"))
    queue = editor.new_page()
    queue.goto(f"{project.url}/moderate/")
    card = queue.get_by_role("article").filter(has_text="w" * 5000)
    card.get_by_role("button", name="Approve").click()
    expect(queue.locator(".flash")).to_contain_text("Approved")
    queue.close()
    project.wait(lambda: "w" * 5000 in project.page("networking"))
    return project


def readers_pages(project: Project) -> list[tuple[str, str]]:
    """The addresses of pages that need a reply: its answer form and its status page."""
    answer = requests.post(
        f"{project.url}/comments/networking", data=reply(comment="A short one."),
        allow_redirects=False, timeout=10,
    )  # fmt: skip
    return [("status", answer.headers["Location"])]


def pages_of_one_reply(project: Project, editor: BrowserContext) -> list[str]:
    """The addresses that an editor writes at, and those of a bulk action."""
    queue = editor.new_page()
    queue.goto(f"{project.url}/moderate/")
    cards = queue.locator("#queue article")
    public_id = str(cards.first.get_attribute("id")).removeprefix("reply-")
    queue.get_by_role("checkbox").first.check()
    queue.get_by_label("Bulk actions").select_option("trash")
    queue.get_by_role("button", name="Apply").click()
    expect(queue).to_have_url(re.compile("batch="))
    batch = queue.url.split("batch=")[1].split("&")[0]
    with queue.expect_response(lambda one: one.request.method == "POST"):
        queue.get_by_role("button", name="Undo all").click()
    queue.close()
    return [
        f"/moderate/replies/{public_id}",
        f"/moderate/replies/{public_id}/ban",
        "/moderate/nonsense",
        f"/moderate/replies/{public_id}/edit",
        f"/moderate/replies/{public_id}/answer",
        f"/moderate/erase/{public_id}",
        f"/moderate/bulk/{batch}",
        f"/moderate/bulk/{batch}?show=all",
    ]


@pytest.fixture(params=["light", "dark"])
def pages(
    request: pytest.FixtureRequest, alive: Project, browser: Browser, editor: BrowserContext
) -> Iterator[tuple[Page, list[str]]]:
    """A browser page that is signed in, and every address to look at."""
    context = browser.new_context(color_scheme=request.param, storage_state=editor.storage_state())
    # A page that is looked at must not reload when the publisher, or a build, replaces it.
    context.route("**/.live/changes*", lambda route: route.abort())
    paths = [*PUBLIC, *EDITORS, *(path for _, path in readers_pages(alive))]
    paths += pages_of_one_reply(alive, editor)
    yield context.new_page(), [alive.url + path for path in paths]
    context.close()


def show_conflict(page: Page, project: Project) -> None:
    """Refuse a decision: the author changes the reply after the editor has opened its page."""
    [(_, status)] = readers_pages(project)
    public_id = status.split("/")[3]
    page.goto(f"{project.url}/moderate/replies/{public_id}")
    form = Html(requests.get(f"{project.url}{status}/edit", timeout=10).text).fields
    changed = form | {"comment": "Another text, that nobody has read."}
    requests.post(f"{project.url}{status}/edit", data=changed, timeout=10).raise_for_status()
    page.locator(".card button.approve").click()
    expect(page).to_have_title(re.compile("^Error: The reply was changed"))


def test_axe_finds_nothing_on_any_page(alive: Project, pages: tuple[Page, list[str]]) -> None:
    page, addresses = pages
    found = []
    for address in addresses:
        page.goto(address)
        found += [
            f"{address}: {one['id']}: {node['html'][:200]}"
            for one in Axe().run(page).response["violations"]
            for node in one["nodes"]
        ]
    # Two pages that are posted, not fetched: a refused decision, and the form with its errors.
    show_conflict(page, alive)
    found += [f"conflict: {one['id']}" for one in Axe().run(page).response["violations"]]
    page.goto(addresses[2])
    page.evaluate("document.querySelector('#respond form').noValidate = true")
    page.get_by_role("button", name="Post Comment").click()
    expect(page).to_have_title(re.compile("^Error: "))
    found += [f"errors: {one['id']}" for one in Axe().run(page).response["violations"]]
    assert found == []


def test_no_page_is_wider_than_a_small_phone(alive: Project, pages: tuple[Page, list[str]]) -> None:
    page, addresses = pages
    page.set_viewport_size({"width": 320, "height": 640})
    for address in addresses:
        page.goto(address)
        assert width_of(page) <= 320, f"{address} is {width_of(page)} px wide"
    show_conflict(page, alive)
    assert width_of(page) <= 320


def width_of(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth"))


def test_no_page_asks_anybody_else_for_anything(pages: tuple[Page, list[str]]) -> None:
    page, addresses = pages
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
    for address in addresses:
        page.goto(address)
    assert asked == {urlsplit(addresses[0]).netloc}


def test_reading_pages_have_no_script_but_the_articles_own(alive: Project) -> None:
    for path in PUBLIC:
        html = requests.get(alive.url + path, timeout=10).text
        # JSON-LD is data; nothing runs it.
        html = html.replace('<script type="application/ld+json">', "")
        # Articles have one that nothing needs; what is left without it is walked elsewhere.
        html = re.sub(r'<script src="[^"]*/js/replies\.js" defer>', "", html, count=1)
        assert "<script" not in html
