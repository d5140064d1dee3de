"""The article's script: what it adds, and what is left when it, or the service, fails."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, expect

from tests.e2e.project import ROOT, Project
from tests.e2e.test_walk import approve, fill
from tests.running import reply, running_service

pytestmark = pytest.mark.xdist_group("served-script")

SCRIPT = ROOT / "theme" / "static" / "js" / "replies.js"
ARTICLE = "/networking/"


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context()
    # Tests reload pages themselves; a reload by `rejoinder serve` at the same moment ends theirs.
    made.route("**/.live/changes*", lambda route: route.abort())
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext, project: Project) -> Page:
    opened = context.new_page()
    opened.goto(project.url + ARTICLE)
    return opened


@pytest.fixture(scope="module")
def ann(project: Project, editor: BrowserContext) -> str:
    """The id of a published reply by Ann."""
    return published(project, editor, "Ann's own reply.", "Ann Okoye")


def published(project: Project, editor: BrowserContext, text: str, author: str) -> str:
    answer = requests.post(
        f"{project.url}/comments/networking",
        data=reply(comment=text, author=author),
        allow_redirects=False,
        timeout=10,
    )
    approve(editor, project, text)
    project.wait(lambda: text in project.page("networking"))
    return answer.headers["Location"].split("/")[3]


def write(page: Page, text: str, **more: str) -> None:
    fill(page, **({"comment": text, "author": "Bo", "email": "bo@example.org"} | more))


def press(page: Page, name: str = "Post Comment") -> None:
    page.get_by_role("button", name=name, exact=True).click()


def axe(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]]


def own(page: Page, text: str):  # type: ignore[no-untyped-def]
    return page.locator(".reply.own", has_text=text)


def link_to_answer(page: Page, public_id: str):  # type: ignore[no-untyped-def]
    return page.locator(f"#comment-{public_id}").get_by_role("link", name="Reply to")


# ---- weight ----


def test_the_script_is_small_and_loaded_by_articles_only(project: Project) -> None:
    served = requests.get(f"{project.url}/theme/js/replies.js", timeout=10).content
    assert served == SCRIPT.read_bytes()
    assert len(gzip.compress(served)) <= 4_000
    tag = re.findall(r"<script[^>]*>", project.page("networking"))
    assert any("js/replies.js" in one and "defer" in one for one in tag)
    home = (project.root / "output" / "index.html").read_text("utf-8")
    assert "replies.js" not in home


# ---- limits ----


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_reply_over_a_limit_keeps_its_text_and_says_when_to_post_it(
    browser: Browser, project: Project, tmp_path: Path, script: bool
) -> None:
    """The built site, served by a service of its own that takes one reply a minute."""
    output = project.root / "output"
    with running_service(tmp_path, site_dir=output, posts_per_minute=1) as service:
        service.register("networking")
        service.submit(comment="The one of this minute.")
        context = browser.new_context(java_script_enabled=script)
        page = context.new_page()
        page.goto(service.url + ARTICLE)
        write(page, "Not lost at all.")
        press(page)
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("yours is not posted yet")
        expect(alert).to_contain_text("in 60 seconds")
        expect(page.get_by_label("Comment")).to_have_value("Not lost at all.")
        email = page.get_by_role("textbox", name="Email *")
        expect(email).to_have_value("bo@example.org")
        if script:
            assert page.url == service.url + ARTICLE
            expect(alert).to_be_focused()
        service.clock.forward(minutes=1)
        press(page)
        expect(page.get_by_text("awaiting moderation").first).to_be_visible()
        context.close()


# ---- sending without leaving ----


def test_a_reply_is_sent_in_place_and_shown_to_its_author_only(
    page: Page, project: Project, browser: Browser, editor: BrowserContext
) -> None:
    text = "Sent without leaving."
    write(page, text)
    press(page)
    card = own(page, text)
    expect(card).to_be_focused()
    expect(card).to_have_accessible_description(re.compile("Your reply is awaiting moderation"))
    assert page.url == project.url + ARTICLE
    expect(page.locator("#comment")).to_have_value("")
    assert axe(page) == []

    page.reload()
    expect(own(page, text)).to_be_visible()
    stranger = browser.new_context().new_page()
    stranger.goto(project.url + ARTICLE)
    expect(stranger.get_by_text(text)).to_have_count(0)
    stranger.context.close()

    card.get_by_role("link", name="Your reply’s own page").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your reply is awaiting moderation")

    approve(editor, project, text)
    project.wait(lambda: text in project.page("networking"))
    page.goto(project.url + ARTICLE)
    expect(page.get_by_text(text)).to_have_count(1)
    expect(own(page, text)).to_have_count(0)


def test_a_reply_that_an_editor_declined_is_not_shown_any_more(
    page: Page, project: Project, editor: BrowserContext
) -> None:
    text = "Declined later."
    write(page, text)
    press(page)
    expect(own(page, text)).to_be_visible()
    queue = editor.new_page()
    queue.goto(f"{project.url}/moderate/")
    card = queue.get_by_role("article").filter(has_text=text)
    card.get_by_text("More").click()
    card.get_by_label("Reason for the author").fill("We take no adverts.")
    card.get_by_role("button", name="Trash, and tell the author why").click()
    expect(queue.locator(".flash")).to_contain_text("Moved to trash")
    queue.close()
    link = str(own(page, text).get_by_role("link").get_attribute("href"))
    page.reload()
    page.wait_for_function("!(localStorage['rejoinder mine'] || '').includes('status')")
    expect(own(page, text)).to_have_count(0)
    page.goto(project.url + link)
    expect(page.get_by_text("We take no adverts.")).to_be_visible()


def test_what_is_wrong_is_said_as_on_the_services_page(page: Page, project: Project) -> None:
    write(page, "Two talks.", email="bo@nowhere", author="")
    press(page)
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("There is a problem")
    expect(page).to_have_title(re.compile("^Error: "))
    words = "Enter an email address in the correct format, like name@example.com"
    expect(page.locator("#email-error")).to_have_text(f"Error: {words}")
    expect(page.locator("#email")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#email")).to_have_attribute("aria-describedby", "form-note email-error")
    assert axe(page) == []
    summary.get_by_role("link", name=words).click()
    expect(page.locator("#email")).to_be_focused()
    expect(page.locator("#comment")).to_have_value("Two talks.")
    assert page.url.startswith(project.url + ARTICLE)

    fill(page, email="bo@example.org", author="Bo")
    press(page)
    expect(own(page, "Two talks.")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page).not_to_have_title(re.compile("Error"))
    expect(page.locator("#email")).to_have_attribute("aria-describedby", "form-note")


def test_a_double_click_sends_once(page: Page) -> None:
    sent: list[Request] = []
    page.on("request", lambda one: sent.append(one) if one.method == "POST" else None)
    page.route("**/comments/networking", lambda route: later(page, route))
    write(page, "Clicked twice.")
    page.get_by_role("button", name="Post Comment", exact=True).dblclick()
    button = page.locator("form .button")
    expect(button).to_have_text("Sending…")
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(own(page, "Clicked twice.")).to_have_count(1)
    expect(button).to_have_text("Post Comment")
    assert len([one for one in sent if not one.url.endswith("/preview")]) == 1


def later(page: Page, route: Route) -> None:
    page.wait_for_timeout(700)
    route.continue_()


# ---- trouble ----


@pytest.mark.parametrize("how", ["away", "503", "broken proxy"])
def test_a_service_that_is_down_costs_no_text(page: Page, how: str) -> None:
    def down(route: Route) -> None:
        if how == "away":
            route.abort()
        elif how == "503":
            told = '{"detail": "Keep your text and try again in a minute."}'
            route.fulfill(status=503, content_type="application/problem+json", body=told)
        else:
            route.fulfill(status=502, content_type="text/html", body="<h1>Bad Gateway</h1>")

    page.route("**/comments/**", down)
    write(page, f"Not lost, {how}.")
    press(page)
    expect(page.get_by_role("alert")).to_contain_text("try again in a minute")
    expect(page.locator("#comment")).to_have_value(f"Not lost, {how}.")
    expect(page.locator("form .button")).to_have_text("Post Comment")
    page.reload()
    expect(page.locator("#comment")).to_have_value(f"Not lost, {how}.")
    page.unroute("**/comments/**")
    fill(page, author="Bo", email="bo@example.org")
    press(page)
    expect(own(page, f"Not lost, {how}.")).to_be_visible()


def test_without_a_script_a_service_that_is_down_leaves_the_text_in_the_form(
    browser: Browser, project: Project
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(project.url + ARTICLE)
    write(page, "Still in the form.")
    page.route("**/comments/**", lambda route: route.abort())
    press(page)
    page.unroute("**/comments/**")
    page.go_back()
    expect(page.locator("#comment")).to_have_value("Still in the form.")
    press(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Your reply is awaiting moderation")
    # Back, and sent again: the same reply.
    status = page.url
    page.go_back()
    press(page)
    expect(page).to_have_url(status)
    context.close()


def test_a_reply_that_was_removed_meanwhile_is_told_and_the_text_goes_on(
    page: Page, project: Project, editor: BrowserContext
) -> None:
    public_id = published(project, editor, "Removed meanwhile.", "Cleo")
    page.reload()
    link_to_answer(page, public_id).click()
    write(page, "An answer to what is gone.")
    queue = editor.new_page()
    queue.goto(f"{project.url}/moderate/?status=approved&q=meanwhile")
    card = queue.get_by_role("article").filter(has_text="Removed meanwhile.")
    card.get_by_role("button", name="Trash the reply").click()
    expect(queue.locator(".flash")).to_contain_text("Moved to trash")
    queue.close()
    press(page)
    expect(page.get_by_role("alert")).to_contain_text("is not there any more")
    expect(page.get_by_role("heading", name="Leave a Reply")).to_be_visible()
    expect(page.locator("#comment")).to_have_value("An answer to what is gone.")
    press(page)
    expect(own(page, "An answer to what is gone.")).to_be_visible()


# ---- answering in place ----


def test_a_reload_while_answering_does_not_make_the_next_reply_an_answer(
    page: Page, ann: str
) -> None:
    link_to_answer(page, ann).click()
    page.locator("#comment").fill("Half an answer.")
    # What browsers do with a hidden field on their way back.
    page.add_init_script(
        "document.addEventListener('readystatechange', () => {"
        f" const field = document.querySelector('[name=parent]'); if (field) field.value = '{ann}';"
        "})"
    )
    page.reload()
    expect(page.locator("#discussion + #respond")).to_be_visible()
    expect(page.locator("[name=parent]")).to_have_value("")
    expect(page.locator("#comment")).to_have_value("")
    link_to_answer(page, ann).click()
    expect(page.locator("#comment")).to_have_value("Half an answer.")


def test_the_form_opens_below_the_reply_and_goes_back(page: Page, ann: str) -> None:
    link = link_to_answer(page, ann)
    link.click()
    expect(page.locator("#comment")).to_be_focused()
    expect(page.locator(f"#comment-{ann} + #respond")).to_be_visible()
    expect(page.locator("#respond-title")).to_have_text("Reply to Ann Okoye")
    expect(page.locator("[name=parent]")).to_have_value(ann)
    assert axe(page) == []
    page.keyboard.press("Escape")
    expect(link).to_be_focused()
    expect(page.locator("#respond-title")).to_have_text("Leave a Reply")
    expect(page.locator("#discussion + #respond")).to_be_visible()
    expect(page.locator("[name=parent]")).to_have_value("")

    link.click()
    press(page, "Cancel")
    expect(link).to_be_focused()
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)


def test_an_answer_stands_below_what_it_answers(page: Page, ann: str) -> None:
    link_to_answer(page, ann).click()
    write(page, "An answer to Ann.")
    press(page)
    card = own(page, "An answer to Ann.")
    expect(card).to_be_focused()
    item = page.locator("li", has=page.locator(f"> #comment-{ann}"))
    expect(item.locator("ol .own")).to_contain_text("An answer to Ann.")
    expect(page.locator("#discussion + #respond")).to_be_visible()
    page.reload()
    expect(item.locator("ol .own")).to_contain_text("An answer to Ann.")


def test_each_reply_has_a_draft_of_its_own_until_it_is_sent(page: Page, ann: str) -> None:
    comment = page.locator("#comment")
    comment.fill("For everybody.")
    link_to_answer(page, ann).click()
    expect(comment).to_have_value("")
    comment.fill("For Ann.")
    page.keyboard.press("Escape")
    expect(comment).to_have_value("For everybody.")
    page.reload()
    expect(comment).to_have_value("For everybody.")
    link_to_answer(page, ann).click()
    expect(comment).to_have_value("For Ann.")
    write(page, "For Ann.")
    press(page)
    expect(own(page, "For Ann.")).to_be_visible()
    page.reload()
    expect(comment).to_have_value("For everybody.")
    link_to_answer(page, ann).click()
    expect(comment).to_have_value("")


# ---- preview ----


def test_the_preview_follows_the_text(page: Page) -> None:
    page.locator("#comment").fill("I say *this*.")
    preview = page.get_by_role("region", name="Preview")
    expect(preview.locator("em")).to_have_text("this")
    page.locator("#comment").fill("I say *that* <script>alert(1)</script>.")
    expect(preview.locator("em")).to_have_text("that")
    assert axe(page) == []
    page.locator("#comment").fill("")
    expect(preview).to_be_hidden()


def test_the_preview_button_shows_it_without_leaving(page: Page, project: Project) -> None:
    page.locator("#comment").fill("I say *this*.")
    press(page, "Preview")
    expect(page.get_by_role("region", name="Preview")).to_be_focused()
    assert page.url == project.url + ARTICLE
    page.locator("#comment").fill("")
    press(page, "Preview")
    expect(page.get_by_role("alert")).to_contain_text("Enter a comment")


def test_without_a_script_the_preview_is_a_page_that_keeps_everything(
    browser: Browser, project: Project
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(project.url + ARTICLE)
    page.locator("#comment").fill("I say *this*.")
    press(page, "Preview")
    expect(page.locator("#preview em")).to_have_text("this")
    expect(page.locator("#comment")).to_have_value("I say *this*.")
    fill(page, author="Bo", email="bo@example.org")
    press(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Your reply is awaiting moderation")
    context.close()


# ---- what the browser keeps ----


def test_the_readers_details_are_kept_only_if_asked_for(page: Page) -> None:
    box = page.get_by_label("Save my name, email and website in this browser")
    expect(box).not_to_be_checked()
    fill(page, author="Bo", email="bo@example.org", url="bo.example")
    page.locator("#comment").focus()
    page.reload()
    expect(page.locator("#author")).to_have_value("")
    fill(page, author="Bo", email="bo@example.org", url="bo.example")
    box.check()
    page.reload()
    expect(box).to_be_checked()
    expect(page.locator("#author")).to_have_value("Bo")
    expect(page.locator("#email")).to_have_value("bo@example.org")
    expect(page.locator("#url")).to_have_value("bo.example")
    box.uncheck()
    page.reload()
    expect(page.locator("#author")).to_have_value("")
    assert "example.org" not in page.evaluate("JSON.stringify(localStorage)")


# ---- dates ----


def test_dates_are_told_from_now_and_move_nothing(page: Page, ann: str) -> None:
    time = page.locator(f"#comment-{ann} time").first
    expect(time).to_have_text(re.compile("minute|hour"))
    expect(time.locator("..")).to_have_attribute("title", re.compile(r"^\d+ \w+ \d{4}"))
    page.goto(f"{page.url}#comment-{ann}")
    shift = page.evaluate(
        """() => new Promise((done) => {
            let sum = 0;
            new PerformanceObserver((list) => list.getEntries().forEach((e) => (sum += e.value)))
              .observe({ type: "layout-shift", buffered: true });
            setTimeout(() => done(sum), 500);
        })"""
    )
    assert shift == 0


# ---- a script that fails half-way ----

BREAKS = {
    "no storage": "Object.defineProperty(window, 'localStorage', "
    "{get() { throw new Error('no storage') }})",
    "no relative dates": "Intl.RelativeTimeFormat = undefined",
    "no fetch": "window.fetch = undefined",
    "no body of a form": "window.FormData = function () { throw new Error('no') }",
    "no comment nodes": "document.createComment = () => { throw new Error('no') }",
    "no focus": "HTMLElement.prototype.focus = () => { throw new Error('no') }",
    "no checkbox": "const make = document.createElement.bind(document);"
    "document.createElement = (tag) => { if (tag === 'input' || tag === 'section')"
    " throw new Error('no'); return make(tag) }",
    "no script": "document.querySelectorAll = document.getElementById = () => "
    "{ throw new Error('no') }",
}


@pytest.mark.parametrize("how", BREAKS)
def test_a_script_that_fails_half_way_leaves_posting(
    context: BrowserContext, project: Project, ann: str, how: str
) -> None:
    context.add_init_script(f"if (location.pathname == '{ARTICLE}') {{ {BREAKS[how]} }}")
    page = context.new_page()
    page.goto(project.url + ARTICLE)
    text = f"All the same: {how}."
    link_to_answer(page, ann).click()
    page.locator("#comment").fill(text)
    write(page, text)
    press(page)
    waiting = page.get_by_text("Your reply is awaiting moderation")
    alert = page.get_by_role("alert")
    expect(waiting.or_(alert).first).to_be_visible()
    if how == "no body of a form":
        # The script cannot send: it says so, and the text is kept.
        expect(page.locator("#comment")).to_have_value(text)
    else:
        expect(waiting.first).to_be_visible()


def test_a_script_that_does_not_come_leaves_the_page_as_it_is(
    context: BrowserContext, project: Project
) -> None:
    page = context.new_page()
    page.route("**/replies.js", lambda route: route.abort())
    page.goto(project.url + ARTICLE)
    write(page, "Without the script's file.")
    press(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Your reply is awaiting moderation")


# ---- the author's page ----


@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_an_author_edits_asks_and_removes(
    browser: Browser, project: Project, scripts: bool, request: pytest.FixtureRequest
) -> None:
    context = browser.new_context(java_script_enabled=scripts)
    page = context.new_page()
    link = requests.post(
        f"{project.url}/comments/networking",
        data=reply(comment=f"Mine, {scripts}."),
        allow_redirects=False,
        timeout=10,
    ).headers["Location"]
    page.goto(project.url + link)
    page.get_by_role("link", name="Edit my reply").click()
    page.locator("#comment").fill(f"Mine and *edited*, {scripts}.")
    press(page, "Preview")
    expect(page.locator("#preview em")).to_have_text("edited")
    page.locator("#comment").fill("")
    press(page, "Save")
    expect(page).to_have_title(re.compile("^Error: "))
    if scripts:
        assert axe(page) == []
    page.locator("#comment").fill(f"Mine and *edited*, {scripts}.")
    press(page, "Save")
    expect(page.get_by_text("Its text was changed on")).to_be_visible()
    page.goto(project.url + link + "/ask")
    if scripts:
        assert axe(page) == []
    page.get_by_label("Change my reply").check()
    page.get_by_label("What the editors should know").fill("It is Tuesday.")
    press(page, "Ask the editors")
    expect(page.get_by_text("You asked the editors to change it")).to_be_visible()
    page.get_by_role("link", name="Remove my reply").click()
    expect(page.get_by_role("button", name="Remove my reply")).to_be_visible()
    if scripts:
        assert axe(page) == []
    press(page, "Remove my reply")
    expect(page.get_by_role("heading", level=1)).to_have_text("You removed your reply")
    if scripts:
        assert axe(page) == []
    context.close()


def test_axe_finds_nothing_in_a_queue_where_an_author_asks(
    project: Project, editor: BrowserContext, browser: Browser
) -> None:
    link = requests.post(
        f"{project.url}/comments/networking",
        data=reply(comment="A reply with a wish."),
        allow_redirects=False,
        timeout=10,
    ).headers["Location"]
    asked = {"kind": "remove", "words": "I changed my mind."}
    requests.post(f"{project.url}{link}/ask", data=asked, timeout=10)
    context = browser.new_context(storage_state=editor.storage_state())
    page = context.new_page()
    page.goto(f"{project.url}/moderate/?status=any&reason=author_request")
    expect(page.get_by_text("I changed my mind.")).to_be_visible()
    page.locator(".more-verbs summary").first.click()
    assert axe(page) == []
    page.get_by_role("button", name="Mark as done").first.click()
    expect(page.get_by_text("I changed my mind.")).to_have_count(0)
    context.close()
