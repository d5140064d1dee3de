"""Helpers of the browser tests of the moderation queue."""

import time

from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import select

from comments_service.store.tables import comment
from tests.running import Service

# Errors raised by scripts of the pages.
ERRORS: list[str] = []


def opened(context: BrowserContext, service: Service, query: str = "") -> Page:
    """Open a page of the queue and collect the errors of its scripts."""
    page = context.new_page()
    page.on("pageerror", lambda error: ERRORS.append(str(error)))
    page.goto(f"{service.url}/moderate/{query}")
    return page


def states(service: Service) -> list[str]:
    """Return the status of every reply, in the order of storing."""
    with service.db.read() as connection:
        return list(connection.execute(select(comment.c.status).order_by(comment.c.id)).scalars())


def focused(page: Page) -> str:
    """Return the focused card, after all requests have finished."""
    deadline = time.monotonic() + 60
    while True:
        card = str(page.evaluate("document.activeElement.closest('#queue > li')?.id ?? ''"))
        if card or time.monotonic() > deadline:
            return card
        time.sleep(0.02)


def press(page: Page, key: str) -> None:
    """Press a key once the page handles keys, and wait for its effect."""
    expect(page.locator(".keys-hint")).to_be_visible()
    page.keyboard.press(key)
    answered(page)


def answered(page: Page) -> None:
    """Wait until the page has no pending request."""
    expect(page.locator(".htmx-request, [data-sending]")).to_have_count(0)
