"""Searching in a real browser: articles and replies, with and without JavaScript."""

import re
from collections.abc import Iterator

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.project import Project
from tests.e2e.test_walk import approve
from tests.running import reply

pytestmark = pytest.mark.xdist_group("served-search")

TEXT = "Quokka lovers meet here: 人脈は大切です, ネットワーク作り; شبكة العمل مهمة; un café serré."


@pytest.fixture
def reader(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    assert errors == []
    context.close()


@pytest.fixture(scope="module")
def answered(project: Project, editor: BrowserContext) -> Project:
    """The project with one approved reply of odd words."""
    data = reply(comment=TEXT, author="Søren <b>Ø</b>", email="finder@example.org")
    requests.post(f"{project.url}/comments/networking", data=data, timeout=10)
    approve(editor, project, "Quokka")
    project.wait(lambda: "Quokka" in project.page("networking"))
    return project


def look(page: Page, project: Project, words: str) -> None:
    page.goto(f"{project.url}/search/")
    page.get_by_label("Words to look for").fill(words)
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("status")).to_have_text(re.compile("result|Results|Nothing"))


def soon(page: Page, project: Project, words: str, *, found: bool) -> None:
    """Within seconds the index says so, to a reader who asks again."""
    for _ in range(20):
        look(page, project, words)
        if bool(page.locator("#search-results li").count()) == found:
            return
        page.wait_for_timeout(500)
    raise AssertionError(page.get_by_role("status").inner_text())


def test_a_word_of_an_article_leads_to_the_article(project: Project, reader: Page) -> None:
    soon(reader, project, "Lyonne", found=True)
    first = reader.locator("#search-results li").first
    expect(first).to_contain_text("Article")
    expect(first.locator("mark").first).to_have_text("Lyonne")
    expect(first.locator("p[dir]")).to_have_text(re.compile("^… .* …$", re.DOTALL))
    first.get_by_role("link").click()
    expect(reader).to_have_url(f"{project.url}/networking/")


def test_a_reply_is_found_by_name_and_article_and_leads_to_its_place(
    answered: Project, reader: Page
) -> None:
    soon(reader, answered, "quokka", found=True)
    [result] = reader.locator("#search-results li").all()
    expect(result).to_contain_text("Søren <b>Ø</b> on “How to network")
    expect(result).to_contain_text("Reply")
    result.get_by_role("link").click()
    expect(reader).to_have_url(re.compile(r"/networking/#comment-[0-9a-z]{26}$"))
    expect(reader.locator(":target")).to_contain_text("Quokka")


@pytest.mark.parametrize(
    "words", ["人脈", "大切です", "ネットワーク", "العمل", "cafe", "CAFÉ", "Søren"]
)
def test_words_of_any_script_are_found(answered: Project, reader: Page, words: str) -> None:
    soon(reader, answered, words, found=True)
    expect(reader.locator("#search-results")).to_contain_text("Søren")


def test_characters_in_another_order_are_another_word(answered: Project, reader: Page) -> None:
    look(reader, answered, "切大")
    expect(reader.get_by_role("status")).to_contain_text("Nothing was found")


def test_an_excerpt_has_no_spaces_that_nobody_typed(answered: Project, reader: Page) -> None:
    soon(reader, answered, "人脈", found=True)
    expect(reader.locator("#search-results li").first).to_contain_text("人脈は大切です")


def test_what_is_taken_back_is_found_no_longer(
    project: Project, editor: BrowserContext, reader: Page
) -> None:
    data = reply(comment="An axolotl of mine.", email="axolotl@example.org")
    requests.post(f"{project.url}/comments/meetings", data=data, timeout=10)
    look(reader, project, "axolotl")
    expect(reader.get_by_role("status")).to_contain_text("Nothing was found")
    approve(editor, project, "axolotl")
    soon(reader, project, "axolotl", found=True)
    queue = editor.new_page()
    queue.goto(f"{project.url}/moderate/?status=approved&q=axolotl")
    card = queue.get_by_role("article").filter(has_text="axolotl")
    card.get_by_role("button", name=re.compile("Spam|Trash|Take back|Unapprove")).first.click()
    expect(queue.locator(".flash")).to_be_visible()
    queue.close()
    soon(reader, project, "axolotl", found=False)


def test_the_results_are_announced_and_get_the_focus(project: Project, reader: Page) -> None:
    look(reader, project, "coffee")
    expect(reader.get_by_role("heading", name="Results")).to_be_focused()
    expect(reader).to_have_title(re.compile("^Search: coffee"))
    expect(reader).to_have_url(f"{project.url}/search/?q=coffee")
    reader.go_back()
    expect(reader.get_by_role("status")).to_contain_text("Type one or more words")
    reader.go_forward()
    expect(reader.get_by_label("Words to look for")).to_have_value("coffee")
    expect(reader.locator("#search-results li").first).to_be_visible()


def test_words_typed_on_another_page_are_looked_for_at_once(project: Project, reader: Page) -> None:
    reader.goto(f"{project.url}/search/?q=<img src=x onerror=alert(1)> coffee")
    expect(reader.get_by_role("status")).to_have_text(re.compile("esult|Nothing"))
    assert reader.locator("#results img").count() == 0


def test_without_the_index_the_service_is_offered(project: Project, reader: Page) -> None:
    reader.route("**/search/files/**", lambda route: route.abort())
    reader.goto(f"{project.url}/search/?q=coffee")
    expect(reader.get_by_role("status")).to_contain_text("cannot be loaded just now")
    reader.get_by_role("link", name="Let the server search").click()
    expect(reader).to_have_url(f"{project.url}/comments/search?q=coffee")


def test_without_javascript_the_same_form_gives_results(
    answered: Project, browser: Browser
) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{answered.url}/search/")
    page.get_by_label("Words to look for").fill("quokka")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", name="Results")).to_be_visible()
    page.locator("ol.results a").first.click()
    expect(page.locator(":target")).to_contain_text("Quokka")


def test_without_javascript_a_word_of_an_article_s_text_leads_to_the_article(
    project: Project, browser: Browser
) -> None:
    def found() -> bool:
        asked = {"q": "Lyonne"}
        return (
            "Lyonne</mark>"
            in requests.get(f"{project.url}/comments/search", params=asked, timeout=10).text
        )

    # The publisher sends the texts when it has a build.
    project.wait(found)
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{project.url}/search/")
    page.get_by_label("Words to look for").fill("Lyonne")
    page.get_by_role("button", name="Search").click()
    first = page.locator("ol.results li").first
    expect(first).to_contain_text("Article")
    expect(first.locator("mark").first).to_have_text("Lyonne")
    first.get_by_role("link").click()
    expect(page).to_have_url(f"{project.url}/networking/")


def test_nothing_comes_from_elsewhere(project: Project, reader: Page) -> None:
    asked: list[str] = []
    reader.on("request", lambda request: asked.append(request.url))
    look(reader, project, "coffee")
    assert all(url.startswith((project.url, "blob:")) for url in asked)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "path", ["/search/", "/search/?q=coffee", "/search/?q=zzzz", "/comments/search?q=quokka"]
)
def test_the_search_is_accessible(
    answered: Project, browser: Browser, scheme: str, path: str
) -> None:
    context = browser.new_context(color_scheme="dark" if scheme == "dark" else "light")
    page = context.new_page()
    page.set_viewport_size({"width": 320, "height": 700})
    page.goto(answered.url + path)
    if "/search/?" in path:
        expect(page.get_by_role("status")).to_have_text(re.compile("esult|Nothing"))
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not wide
    context.close()
