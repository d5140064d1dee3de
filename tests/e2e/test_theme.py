"""The theme at its edges: deep threads and wide words on a small phone, both directions, print."""

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from plugins.discussion.model.discussions import Page as Article
from plugins.discussion.model.discussions import read_discussion
from plugins.discussion.model.options import RenderSettings
from plugins.discussion.render.renderers import render
from tests.discussion.samples import discussion, reply

pytestmark = pytest.mark.xdist_group("theme")

THEME = Path(__file__).parents[2] / "theme"
ARTICLE = Article("networking", "/networking/", "Networking", "How do you?", True)
SHEETS = "".join(
    (THEME / "static" / "css" / name).read_text("utf-8") for name in ("site.css", "extra.css")
)


def deep() -> list[dict[str, Any]]:
    """A chain of ten answers, the last of them one word; and what stands beside it."""
    long = "w" * 5000
    chain = [reply(n, n - 1 if n > 1 else None, avatar=n * 25) for n in range(1, 11)]
    chain[9] |= {"html": f"<p>{long}</p>\n", "author": {"name": "W" * 100, "url": None}}
    chain[4] |= {"editor": True, "pinned": True, "edited": "2026-11-23T12:00:00Z"}
    beside = [
        reply(11, 3, author={"name": "יעל ברק", "url": "https://yael.example/"}, avatar=7),
        reply(12, html=f"<pre><code>{long}</code></pre>\n<ul><li>{long}</li></ul>\n"),
    ]
    return [*chain, *beside]


def shown(direction: str = "ltr") -> str:
    settings = RenderSettings("/comments", max_depth=10)
    templates = THEME / "templates" / "discussion"
    body = render(read_discussion(discussion(deep())), ARTICLE, settings, templates)
    return (
        f'<!DOCTYPE html><html lang="en" dir="{direction}"><head><title>Networking</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<style>{SHEETS}</style></head><body><main class="wrap"><article class="post">'
        f"<h1>Networking</h1>{body}</article></main></body></html>"
    )


@pytest.fixture(name="phone")
def _phone(browser: Browser) -> Any:
    context = browser.new_context(viewport={"width": 320, "height": 640})
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_ten_answers_deep_and_a_wide_word_fit_a_small_phone(phone: Page, direction: str) -> None:
    phone.set_content(shown(direction))
    assert phone.evaluate("document.documentElement.scrollWidth") <= 320
    narrowest = phone.evaluate(
        "Math.min(...[...document.querySelectorAll('.e-content')].map(e => e.clientWidth))"
    )
    assert narrowest >= 200


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_nothing_stands_outside_the_screen(phone: Page, direction: str) -> None:
    phone.set_content(shown(direction))
    outside = phone.evaluate(
        "[...document.querySelectorAll('.discussion *, .respond *')]"
        ".filter(e => !e.matches('.visually-hidden, .visually-hidden *'))"
        ".map(e => [e.className, e.getBoundingClientRect()])"
        ".filter(([, box]) => box.left < -1 || box.right > 321).map(([name]) => name)"
    )
    assert outside == []


def test_wider_spacing_cuts_nothing_off(phone: Page) -> None:
    phone.set_content(shown())
    # The overrides of WCAG 1.4.12.
    phone.add_style_tag(
        content="* { line-height: 1.5 !important; letter-spacing: .12em !important;"
        " word-spacing: .16em !important } p { margin-bottom: 2em !important }"
    )
    assert phone.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("colours", ["none", "active"])
def test_axe_finds_nothing_in_a_deep_discussion(
    browser: Browser, scheme: Any, colours: Any
) -> None:
    context = browser.new_context(color_scheme=scheme, forced_colors=colours)
    page = context.new_page()
    page.set_content(shown())
    assert [one["id"] for one in Axe().run(page).response["violations"]] == []
    context.close()


def test_links_and_buttons_are_large_enough_to_hit(phone: Page) -> None:
    phone.set_content(shown())
    small = phone.evaluate(
        "[...document.querySelectorAll('.discussion a, .respond button, .respond input')]"
        ".filter(e => !e.closest('.e-content') && e.type !== 'hidden')"
        ".filter(e => e.getBoundingClientRect().height < 24).map(e => e.outerHTML)"
    )
    assert small == []


def test_print_leaves_out_what_paper_cannot_do(phone: Page) -> None:
    phone.set_content(shown())
    phone.emulate_media(media="print")
    assert not phone.locator(".respond").is_visible()
    assert not phone.locator(".reply footer").first.is_visible()
    assert phone.locator(".e-content").first.is_visible()


def test_the_sheets_name_no_side_but_start_and_end() -> None:
    for sheet in (THEME / "static" / "css").glob("*.css"):
        for word in ("left", "right", "-width: max", "margin-top", "padding-bottom"):
            assert f"{word}:" not in sheet.read_text("utf-8"), f"{sheet.name}: {word}"
