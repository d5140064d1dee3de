"""The queue on a slow or broken line: no key is dropped, no failure is hidden, no text is lost."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Dialog, Page, expect

from comments_service.services import author_actions
from tests.e2e.queueing import answered, focused, opened, press, states
from tests.running import Service, token_of
from tests.service.pages import PASSWORD, Editor, stored

pytestmark = pytest.mark.xdist_group("queue")


def slow(page: Page, milliseconds: int = 300) -> None:
    """Delay every answer that the page gets."""
    line = page.context.new_cdp_session(page)
    line.send("Network.enable")
    line.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": milliseconds,
            "downloadThroughput": -1,
            "uploadThroughput": -1,
        },
    )


def type_keys(page: Page, keys: str, pause: int) -> None:
    """Press keys one after another, not waiting for any answer."""
    expect(page.locator(".keys-hint")).to_be_visible()
    for key in keys:
        page.keyboard.press(key)
        page.wait_for_timeout(pause)


def in_view(page: Page, selector: str) -> bool:
    """Whether the element is where the eye is: wholly inside of the window."""
    return bool(
        page.locator(selector).first.evaluate(
            "one => { const at = one.getBoundingClientRect();"
            " return at.height > 0 && at.top >= 0 && at.bottom <= innerHeight; }"
        )
    )


def wait_for_states(page: Page, service: Service, expected: list[str]) -> None:
    answered(page)
    assert states(service) == expected


def test_every_text_is_shown_to_its_end(service: Service, context: BrowserContext) -> None:
    service.submit(comment="A paragraph of some length.\n\n" * 60 + "The very end.")
    page = opened(context, service)
    text = page.locator("#queue .text")
    hidden = text.evaluate("one => one.scrollHeight - one.clientHeight")
    assert hidden == 0, f"{hidden} px of the text are cut off"
    expect(text.get_by_text("The very end.")).to_be_visible()


def test_six_keys_at_typing_speed_on_a_slow_line_are_six_approvals(
    service: Service, context: BrowserContext
) -> None:
    for number in range(7):
        service.submit(comment=f"Number {number}.")
    page = opened(context, service)
    slow(page)
    type_keys(page, "aaaaaa", 200)
    expect(page.locator("#queue > .gone")).to_have_count(6)
    wait_for_states(page, service, ["approved"] * 6 + ["pending"])
    expect(page.locator("#states-holder")).to_contain_text("Approved 6")
    assert focused(page) == page.locator("#queue > .card").get_attribute("id")


def test_a_second_key_within_the_first_request_acts_on_the_next_reply(
    service: Service, context: BrowserContext
) -> None:
    for number in range(3):
        service.submit(comment=f"Number {number}.")
    page = opened(context, service)
    slow(page)
    type_keys(page, "as", 120)
    expect(page.locator("#queue > .gone")).to_have_count(2)
    wait_for_states(page, service, ["approved", "spam", "pending"])


def test_an_undo_within_the_request_takes_that_one_back(
    service: Service, context: BrowserContext
) -> None:
    for number in range(3):
        service.submit(comment=f"Number {number}.")
    page = opened(context, service)
    press(page, "s")
    slow(page)
    type_keys(page, "az", 60)
    expect(page.locator("#queue > .gone")).to_have_count(1)
    wait_for_states(page, service, ["spam", "pending", "pending"])
    # And one that was not sent yet never happens.
    type_keys(page, "aaz", 60)
    expect(page.locator("#queue > .gone")).to_have_count(2)
    wait_for_states(page, service, ["spam", "approved", "pending"])


def test_leaving_with_unsent_decisions_asks_first(
    service: Service, context: BrowserContext
) -> None:
    for number in range(3):
        service.submit(comment=f"Number {number}.")
    page = opened(context, service)
    slow(page, 500)
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    type_keys(page, "aa", 0)
    page.evaluate("location.href = '/moderate/history'")
    page.wait_for_timeout(100)
    assert asked == ["beforeunload"]
    expect(page.locator("#queue > .gone")).to_have_count(2)
    wait_for_states(page, service, ["approved", "approved", "pending"])
    page.goto(f"{service.url}/moderate/history")
    assert len(asked) == 1, "nothing was unsent any more"


def test_a_failure_comes_back_where_the_eye_is_and_is_gone_after_a_success(
    service: Service, context: BrowserContext
) -> None:
    for number in range(8):
        service.submit(comment=f"Number {number}.\n\n" * 5)
    page = opened(context, service)
    for _ in range(5):
        press(page, "j")
    card = focused(page)
    context.set_offline(True)
    press(page, "a")
    # The service away: the card is back with the cause, and the focus has not left the list.
    problem = page.locator(f"#{card} .problem")
    expect(problem).to_contain_text("The service does not answer")
    assert in_view(page, "#said")
    expect(page.locator("#said")).to_have_class("problem")
    expect(page.locator("#said")).to_contain_text("The service does not answer")
    expect(page.locator("#queue > .card")).to_have_count(8)
    assert focused(page)
    assert Axe().run(page).response["violations"] == []
    assert states(service) == ["pending"] * 8
    context.set_offline(False)
    press(page, "a")
    expect(page.locator("#queue > .gone")).to_have_count(1)
    expect(page.locator("#said")).not_to_have_class("problem")
    expect(page.locator("#said")).to_contain_text("Approved")


def test_what_waits_behind_a_failure_comes_back_too(
    service: Service, context: BrowserContext
) -> None:
    for number in range(3):
        service.submit(comment=f"Number {number}.")
    page = opened(context, service)
    context.set_offline(True)
    type_keys(page, "as", 0)
    expect(page.locator("#queue > .card .problem")).to_have_count(2)
    expect(page.locator("#queue .sent")).to_have_count(0)
    assert states(service) == ["pending"] * 3


def test_a_session_that_ended_brings_unsent_decisions_back_with_the_cause(
    service: Service, context: BrowserContext
) -> None:
    for number in range(3):
        service.submit(comment=f"Number {number}.")
    page = opened(context, service)
    context.clear_cookies()
    slow(page)
    type_keys(page, "as", 60)
    expect(page.locator("#queue > .card .problem").first).to_contain_text("signed out")
    expect(page.locator("#queue > .card .problem")).to_have_count(2)
    assert states(service) == ["pending"] * 3


def test_a_refused_edit_stays_inside_its_card(service: Service, context: BrowserContext) -> None:
    service.submit(comment="First.", author="Ann Okoye")
    service.submit(comment="As it was.", author="Ben Ito")
    page = opened(context, service)
    press(page, "s")
    press(page, "q")
    page.locator("textarea").fill(" ")
    page.get_by_role("button", name="Save").click()
    card = page.locator("#queue > .card")
    expect(card.locator(".writing .problem")).to_be_visible()
    expect(card.locator("h2")).to_contain_text("Ben Ito")
    expect(card.get_by_role("button", name="Approve the reply")).to_be_visible()
    expect(page.locator("textarea")).to_be_focused()
    # Escape asks before it drops text, and takes nothing of the list away.
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.message)
        if len(asked) == 1:
            dialog.dismiss()
        else:
            dialog.accept()

    page.on("dialog", answer)
    page.locator("textarea").fill("Half a sentence")
    page.keyboard.press("Escape")
    expect(page.locator("textarea")).to_have_value("Half a sentence")
    page.keyboard.press("Escape")
    expect(page.locator("textarea")).to_have_count(0)
    assert len(asked) == 2
    expect(page.locator("#queue > .gone")).to_have_count(1)
    assert focused(page) == card.get_attribute("id")


def test_a_conflicting_edit_shows_both_texts_in_its_card(
    service: Service, context: BrowserContext
) -> None:
    public_id = service.submit(comment="As it was.", author="Ben Ito")
    page = opened(context, service)
    press(page, "q")
    page.locator("textarea").fill("What I wrote.")
    other = Editor(service)
    other.sign_in("editor@example.org", PASSWORD)
    other.post(
        f"/moderate/replies/{public_id}/edit",
        token=other.token,
        comment="What the other wrote.",
        version=token_of(service.db, public_id),
    )
    page.get_by_role("button", name="Save").click()
    card = page.locator("#queue > .card")
    expect(card.locator(".writing .problem")).to_contain_text("edited this at 12:00")
    expect(card.locator("h2")).to_contain_text("Ben Ito")
    expect(card.locator("blockquote")).to_contain_text("What the other wrote.")
    expect(page.locator("textarea")).to_have_value("What I wrote.")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("textarea")).to_have_count(0)
    assert stored(service.db, public_id).text == "What I wrote."


def test_a_decision_does_not_take_typed_text_along(
    service: Service, context: BrowserContext
) -> None:
    service.submit(comment="Only one.")
    page = opened(context, service)
    press(page, "r")
    page.locator("textarea").fill("An answer of mine.")
    page.locator("#queue article").focus()
    press(page, "a")
    expect(page.locator("textarea")).to_have_value("An answer of mine.")
    expect(page.locator("textarea")).to_be_focused()
    expect(page.locator("#said")).to_contain_text("Save or cancel")
    assert states(service) == ["pending"]


@pytest.mark.parametrize(("name", "column"), [("Pin", "pinned"), ("Lock the thread", "locked")])
def test_z_takes_back_a_mark(
    service: Service, context: BrowserContext, name: str, column: str
) -> None:
    public_id = service.submit()
    service.approve(public_id)
    page = opened(context, service, "?status=approved")
    page.get_by_text("More", exact=False).last.click()
    page.get_by_role("button", name=name).click()
    answered(page)
    assert stored(service.db, public_id)._mapping[column] is True
    press(page, "z")
    expect(page.locator("#said")).to_contain_text("Undone")
    assert stored(service.db, public_id)._mapping[column] is False


def test_z_takes_back_an_edit_and_a_settled_request(
    service: Service, context: BrowserContext
) -> None:
    public_id = service.submit(comment="As it was.")
    author_actions.ask(service.db, public_id, "edit", "It is Tuesday.", now=service.clock())
    page = opened(context, service)
    press(page, "q")
    page.locator("textarea").fill("Another text.")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("textarea")).to_have_count(0)
    page.get_by_role("button", name="Mark as done").click()
    answered(page)
    expect(page.locator("#queue .author-request")).to_have_count(0)
    press(page, "z")
    expect(page.locator("#queue .author-request")).to_contain_text("It is Tuesday.")
    press(page, "z")
    expect(page.locator("#queue .text").first).to_contain_text("As it was.")
    press(page, "z")
    expect(page.locator("#said")).to_have_class("problem")
    expect(page.locator("#said")).to_contain_text("Nothing to undo")


def test_z_takes_back_the_last_action_on_another_page(
    service: Service, context: BrowserContext
) -> None:
    public_id = service.submit()
    page = opened(context, service)
    press(page, "s")
    assert states(service) == ["spam"]
    page.goto(f"{service.url}/moderate/articles")
    page.keyboard.press("z")
    expect(page.locator(".flash")).to_contain_text("Undone")
    assert stored(service.db, public_id).status == "pending"
    # Where nothing is left to take back, the page says so.
    page.goto(f"{service.url}/moderate/?status=spam")
    press(page, "z")
    expect(page.locator("#said")).to_contain_text("Nothing to undo")
    assert in_view(page, "#said")
