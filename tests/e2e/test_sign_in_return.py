"""A link to one reply, followed in a browser that is not signed in, leads there all the same."""

from playwright.sync_api import Browser, expect

from comments_service.services import auth
from tests.running import Service
from tests.service.pages import PASSWORD


def test_a_link_to_a_reply_leads_there_after_signing_in(service: Service, browser: Browser) -> None:
    public_id = service.submit(comment="The one that the mail is about.")
    service.submit(comment="Another one.", email="other@example.org")
    address = f"{service.url}/moderate/replies/{public_id}"
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(address)
    page.get_by_label("Email").fill("editor@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(address)
    expect(page.get_by_text("The one that the mail is about.")).to_be_visible()
    expect(page.get_by_text("Another one.")).to_have_count(0)


def test_a_one_time_link_in_the_same_browser_leads_there_too(
    service: Service, browser: Browser
) -> None:
    address = f"{service.url}/moderate/replies/{service.submit()}"
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(address)
    link = auth.link_for(service.db, email="editor@example.org", now=service.clock())
    page.goto(f"{service.url}/moderate/link/{link}")
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(address)
