"""The queue in a real browser: by keys alone, with one key for a decision, and focus never lost."""

import re
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, expect
from sqlalchemy import delete

from comments_service.store.tables import session
from tests.e2e.queueing import focused, opened, press, states
from tests.running import Service
from tests.service.pages import PASSWORD

pytestmark = pytest.mark.xdist_group("queue")


def test_fifty_mixed_replies_are_cleared_with_a_key_each(
    service: Service, context: BrowserContext
) -> None:
    for number in range(50):
        service.submit(("networking", "meetings")[number % 2], comment=f"Number {number}.")
    page = opened(context, service)
    page.evaluate(
        "window.pressed = 0; document.addEventListener('keydown', () => window.pressed++, true)"
    )
    keys = "asd"
    before = ""
    for number in range(50):
        expect(page.locator(f"#queue > .card:focus-within:not([id='{before}'])")).to_have_count(1)
        before = focused(page)
        assert before, f"focus was lost before number {number}"
        press(page, keys[number % 3])
        expect(page.locator("#queue > .gone")).to_have_count(number + 1)
    expected = [("approved", "spam", "trash")[number % 3] for number in range(50)]
    assert states(service) == expected
    assert page.evaluate("window.pressed") == 50
    expect(page.locator("#states-holder")).to_contain_text("Approved 17")
    # And the last three back, the newest first.
    for _ in range(3):
        press(page, "z")
    expect(page.locator("#queue > .gone")).to_have_count(47)
    assert states(service)[47:] == ["pending"] * 3


def test_a_wrong_bulk_action_is_undone_and_a_reply_written_by_keys(
    service: Service, context: BrowserContext
) -> None:
    for number in range(4):
        service.submit(comment=f"Number {number}.")
    page = opened(context, service)
    for _ in range(4):
        press(page, "x")
        press(page, "j")
    page.get_by_label("Bulk actions").select_option("spam")
    page.get_by_role("button", name="Apply").press("Enter")
    expect(page.locator(".flash")).to_contain_text("Marked as spam: 4 replies.")
    assert states(service) == ["spam"] * 4
    press(page, "z")
    expect(page.locator(".flash")).to_contain_text("Undone: 4 replies.")
    assert states(service) == ["pending"] * 4

    press(page, "r")
    expect(page.locator("textarea")).to_be_focused()
    page.keyboard.type("Thank you, a good point.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#queue > .gone")).to_have_count(1)
    assert states(service) == ["approved", "pending", "pending", "pending", "approved"]


def test_the_number_of_selected_replies_is_told_after_each_key(
    service: Service, context: BrowserContext
) -> None:
    for number in range(3):
        service.submit(comment=f"Number {number}.")
    page = opened(context, service)
    told = page.locator("#selected")
    expect(told).to_have_text("None selected")
    press(page, "x")
    expect(told).to_have_text("1 selected")
    press(page, "j")
    press(page, "x")
    expect(told).to_have_text("2 selected")
    page.get_by_role("checkbox").last.check()
    expect(told).to_have_text("3 selected")
    # A reply that is decided takes its box along.
    press(page, "s")
    expect(told).to_have_text("2 selected")
    press(page, "k")
    press(page, "x")
    expect(told).to_have_text("1 selected")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_list_of_keys_takes_the_focus_and_gives_it_back(
    service: Service, context: BrowserContext, scheme: Literal["light", "dark"]
) -> None:
    for number in range(2):
        service.submit(comment=f"Number {number}.")
    page = opened(context, service)
    page.emulate_media(color_scheme=scheme)
    press(page, "j")
    card = focused(page)
    press(page, "?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog.get_by_role("heading", name="Keyboard shortcuts")).to_be_focused()
    assert Axe().run(page).response["violations"] == []
    # Keys mean nothing to the replies below, and the focus does not leave for them.
    page.keyboard.press("a")
    for _ in range(4):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('#queue')") is None
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert focused(page) == card
    assert states(service) == ["pending"] * 2
    press(page, "?")
    dialog.get_by_role("button", name="Close").click()
    assert focused(page) == card


def test_closing_the_list_of_keys_finds_a_card_when_its_own_is_decided(
    service: Service, context: BrowserContext
) -> None:
    for number in range(2):
        service.submit(comment=f"Number {number}.")
    page = opened(context, service)
    first = focused(page)
    page.keyboard.press("?")
    page.locator(f"#{first}").evaluate("card => card.remove()")
    page.keyboard.press("Escape")
    assert focused(page) not in {"", first}


def test_quick_edit_keeps_the_place_and_escape_leaves_it(
    service: Service, context: BrowserContext
) -> None:
    service.submit(comment="Tihs one.")
    page = opened(context, service)
    press(page, "q")
    box = page.locator("textarea")
    expect(box).to_be_focused()
    box.fill("No, rather not.")
    page.once("dialog", lambda dialog: dialog.accept())
    page.keyboard.press("Escape")
    expect(box).to_have_count(0)
    assert focused(page)
    press(page, "q")
    box.fill("This one. s d a z ?")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#queue .text").first).to_contain_text("This one. s d a z ?")
    assert focused(page)
    assert states(service) == ["pending"]
    press(page, "?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_the_second_editor_sees_what_the_first_one_did(
    service: Service, context: BrowserContext
) -> None:
    public_id = service.submit(comment="Two look at it.")
    page = opened(context, service)
    service.approve(public_id)
    press(page, "s")
    expect(page.get_by_role("alert")).to_contain_text("command line approved this")
    assert states(service) == ["approved"]
    assert focused(page)


def test_a_service_that_is_away_is_said_and_nothing_typed_is_lost(
    service: Service, context: BrowserContext
) -> None:
    service.submit(comment="Still here.")
    page = opened(context, service)
    press(page, "q")
    page.locator("textarea").fill("My long edit.")
    page.route("**/edit", lambda route: route.abort())
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#said")).to_contain_text("The service does not answer")
    expect(page.locator("textarea")).to_have_value("My long edit.")


def test_everything_works_without_scripts(service: Service, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{service.url}/moderate/")
    page.get_by_label("Email").fill("editor@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Moderation queue")).to_be_visible()
    for number in range(3):
        service.submit(comment=f"Number {number}.")
    page.goto(f"{service.url}/moderate/")
    page.locator("#queue .card").first.get_by_role("link", name="Edit").click()
    page.get_by_label("Text of the reply").fill("Edited without a script.")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".flash")).to_contain_text("Edited")
    page.get_by_role("link", name="Approve and reply").first.click()
    page.get_by_label("Reply to").fill("Answered without a script.")
    page.get_by_role("button", name="Approve and publish").click()
    expect(page.locator(".flash")).to_contain_text("Answered")
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_label("Bulk actions").select_option("trash")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".flash")).to_contain_text("Moved to trash: 2 replies.")
    page.get_by_role("button", name="Undo all").click()
    expect(page.locator(".flash")).to_contain_text("Undone: 2 replies.")
    page.get_by_role("button", name=re.compile("^All pending")).click()
    expect(page.get_by_role("heading")).to_contain_text("2 replies?")
    context.close()


def test_a_hostile_reply_neither_widens_nor_scripts_the_queue(
    service: Service, context: BrowserContext
) -> None:
    service.submit(comment="W" * 9_000, author="N" * 100)
    service.submit(comment="\u202e evil \u2066" + "[x](https://a.example) " * 400)
    service.submit(
        comment='<img src=x onerror="document.title=1"><script>document.title=2</script>'
    )
    service.submit(comment='<a hx-get="/moderate/history" hx-trigger="load">x</a>')
    page = opened(context, service)
    for width in (320, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{wide} px wide at {width}"
    assert page.title().startswith("Pending (4)")
    assert page.locator("[hx-trigger=load]").count() == 0


def test_a_session_that_ends_in_the_middle_of_an_edit_loses_nothing(
    service: Service, context: BrowserContext
) -> None:
    service.submit(comment="Before.")
    page = opened(context, service)
    press(page, "q")
    wrote = "What I wrote in a long hour, with much care and many words in it."
    page.locator("textarea").fill(wrote)
    with service.db.write() as connection:
        connection.execute(delete(session))
    page.get_by_role("button", name="Save").click()
    page.get_by_label("Email").fill("editor@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("textarea")).to_have_value(wrote)
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#queue .text").first).to_contain_text(wrote)


def test_a_rule_is_tried_on_past_replies_before_it_is_saved_and_the_log_says_who_did_it(
    service: Service, context: BrowserContext
) -> None:
    for number in range(4):
        service.submit(comment=f"Cheap casino number {number}.")
    service.submit(comment="A thought.")
    page = opened(context, service, "settings")
    page.get_by_label("Words that reject a reply").fill("casino")
    page.get_by_role("button", name="Try on past replies").click()
    expect(page.get_by_role("main")).to_contain_text("casino")
    expect(page.get_by_label("Words that reject a reply")).to_have_value("casino")
    assert service.submit(comment="Another casino before it is saved.")
    assert states(service) == ["pending"] * 6
    page.get_by_role("button", name="Save").first.click()
    expect(page.locator(".flash")).to_be_visible()
    service.submit(comment="One more casino.")
    assert states(service)[-1] == "spam"
    page.goto(f"{service.url}/moderate/?status=spam")
    expect(page.locator(".reasons")).to_contain_text("casino")
    page.goto(f"{service.url}/moderate/history")
    expect(page.locator(".history")).to_contain_text("by Edith")
