"""The reply form in a real browser: two clicks, long texts, invisible characters, typed numbers."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, expect

from tests.e2e.project import Project
from tests.e2e.test_walk import fill

pytestmark = pytest.mark.xdist_group("served-form")

ARTICLE = "/networking/"
LONG = "word " * 2_101 + "ab"


@pytest.fixture
def scripted(browser: Browser, project: Project) -> Iterator[Page]:
    yield from opened(browser, project, script=True)


@pytest.fixture
def plain(browser: Browser, project: Project) -> Iterator[Page]:
    yield from opened(browser, project, script=False)


def opened(browser: Browser, project: Project, *, script: bool) -> Iterator[Page]:
    context: BrowserContext = browser.new_context(java_script_enabled=script)
    page = context.new_page()
    page.goto(project.url + ARTICLE)
    yield page
    context.close()


def write(page: Page, text: str, **more: str) -> None:
    fill(page, **({"comment": text, "author": "Bo", "email": "bo@example.org"} | more))


def paste(page: Page, field: str, text: str) -> None:
    """Put a text in as the clipboard does: a browser applies `maxlength` to it."""
    page.locator(f"[name={field}]").focus()
    page.keyboard.insert_text(text)


def sent(page: Page) -> list[Request]:
    requests: list[Request] = []
    page.on("request", lambda one: requests.append(one) if is_post(one) else None)
    return requests


def is_post(one: Request) -> bool:
    return one.method == "POST" and not one.url.endswith("/preview")


def click_twice(page: Page, gap: int) -> None:
    button = page.get_by_role("button", name="Post Comment", exact=True)
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    assert box is not None
    at = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.click(*at)
    page.wait_for_timeout(gap)
    page.mouse.click(*at, click_count=2)


def slowly(page: Page) -> None:
    def later(route: Route) -> None:
        page.wait_for_timeout(700)
        route.continue_()

    page.route("**/comments/networking", later)


def own(page: Page, text: str):  # type: ignore[no-untyped-def]
    return page.locator(".reply.own", has_text=text)


# ---- two clicks, one reply ----


@pytest.mark.parametrize("slow", [False, True], ids=["at once", "slowly"])
@pytest.mark.parametrize("gap", [0, 60, 100])
def test_two_clicks_are_one_reply(scripted: Page, gap: int, slow: bool) -> None:
    text = f"Clicked twice, {gap} ms apart, {slow}."
    write(scripted, text)
    posts = sent(scripted)
    if slow:
        slowly(scripted)
    click_twice(scripted, gap)
    expect(own(scripted, text)).to_have_count(1)
    expect(scripted.locator("form .button")).to_have_text("Post Comment")
    expect(scripted.get_by_role("alert")).to_have_count(0)
    expect(scripted).not_to_have_title(re.compile("Error"))
    assert len(posts) == 1


def test_a_click_after_the_answer_leads_to_the_reply(scripted: Page) -> None:
    write(scripted, "Sent, and clicked again.")
    posts = sent(scripted)
    button = scripted.get_by_role("button", name="Post Comment", exact=True)
    button.click()
    card = own(scripted, "Sent, and clicked again.")
    expect(card).to_be_focused()
    button.click()
    expect(card).to_be_focused()
    expect(scripted.get_by_role("alert")).to_have_count(0)
    assert len(posts) == 1

    # What is typed then is another reply, and what is emptied by hand is asked for.
    scripted.locator("#comment").fill("Another one.")
    button.click()
    expect(own(scripted, "Another one.")).to_be_focused()
    scripted.locator("#comment").fill("x")
    scripted.locator("#comment").fill("")
    button.click()
    expect(scripted.get_by_role("alert")).to_contain_text("Enter a comment")


@pytest.mark.parametrize("slow", [False, True], ids=["at once", "slowly"])
@pytest.mark.parametrize("gap", [0, 60, 100])
def test_two_clicks_without_a_script_are_one_reply(plain: Page, gap: int, slow: bool) -> None:
    write(plain, f"Clicked twice without a script, {gap} ms apart, {slow}.")
    if slow:
        slowly(plain)
    click_twice(plain, gap)
    heading = plain.get_by_role("heading", level=1)
    expect(heading).to_have_text("Your reply is awaiting moderation")


def test_what_fails_after_the_answer_leads_to_the_replys_own_page(scripted: Page) -> None:
    write(scripted, "Nowhere to show it.")
    scripted.evaluate("document.getElementById('discussion').remove()")
    scripted.get_by_role("button", name="Post Comment", exact=True).click()
    heading = scripted.get_by_role("heading", level=1)
    expect(heading).to_have_text("Your reply is awaiting moderation")


# ---- nothing is cut ----


def test_a_pasted_text_is_never_cut(scripted: Page, project: Project) -> None:
    assert len(LONG) == 10_507
    write(scripted, "", author="Bo")
    paste(scripted, "comment", LONG)
    comment = scripted.locator("#comment")
    expect(comment).to_have_value(LONG)
    expect(comment).to_have_accessible_description(re.compile("10,000 characters at most"))
    count = scripted.locator(".field", has=comment).get_by_role("status")
    expect(count).to_have_text("10,507 / 10,000")
    scripted.get_by_role("button", name="Post Comment", exact=True).click()
    words = "Comment must be 10,000 characters or fewer; it has 10,507"
    expect(scripted.get_by_role("alert")).to_contain_text(words)
    expect(comment).to_have_value(LONG)
    comment.fill("x" * 9_000)
    expect(count).to_have_text("")
    comment.fill("😀" * 9_900)
    expect(count).to_have_text("9,900 / 10,000")


@pytest.mark.parametrize(
    ("field", "limit", "label"),
    [("comment", 10_000, "Comment"), ("author", 100, "Name"), ("email", 254, "Email"),
     ("url", 500, "Website")],
)  # fmt: skip
def test_no_field_is_cut_without_a_script(plain: Page, field: str, limit: int, label: str) -> None:
    write(plain, "A comment." if field != "comment" else "")
    plain.locator(f"[name={field}]").fill("")
    typed = "😀" * (limit + 507)
    paste(plain, field, typed)
    expect(plain.locator(f"#{field}")).to_have_value(typed)
    plain.get_by_role("button", name="Post Comment", exact=True).click()
    words = f"{label} must be {limit:,} characters or fewer; it has {limit + 507:,}"
    expect(plain.locator(".error-summary")).to_contain_text(words)
    expect(plain.locator(f"#{field}")).to_have_value(typed)
    # Nor is it on the page that shows it again.
    paste(plain, field, "!")
    expect(plain.locator(f"#{field}")).to_have_value(re.compile(re.escape("!")))


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_what_is_too_long_to_send_is_refused_in_words(
    browser: Browser, project: Project, script: bool
) -> None:
    for page in opened(browser, project, script=script):
        typed = "far too long " * 400_000
        write(page, "")
        paste(page, "comment", typed)
        page.get_by_role("button", name="Post Comment", exact=True).click()
        expect(page.get_by_text("is longer than 262,144 bytes").first).to_be_visible()
        if not script:
            page.go_back()
        expect(page.locator("#comment")).to_have_value(typed)


# ---- what was typed is what is read ----


@pytest.mark.parametrize(
    "typed",
    ["14. August: we tried it.\n3. September: we stopped.", "3. agreed\n5. not agreed"],
)
def test_the_numbers_on_the_page_are_those_that_were_typed(scripted: Page, typed: str) -> None:
    write(scripted, typed)
    preview = scripted.get_by_role("region", name="Preview").locator(".e-content")
    expect(preview).to_have_text(re.compile(re.escape(typed).replace("\\\n", r"\s*")))
    scripted.get_by_role("button", name="Post Comment", exact=True).click()
    expect(own(scripted, "agreed" if "agreed" in typed else "August").last).to_be_focused()
    assert typed in own(scripted, typed.split("\n")[1]).inner_text()


def test_an_indented_first_line_is_code_in_the_preview(scripted: Page) -> None:
    scripted.locator("#comment").fill("    def f(x):\n        return x\n\nThat is my function.")
    preview = scripted.get_by_role("region", name="Preview")
    expect(preview.locator("pre code")).to_have_text("def f(x):\n    return x\n")
