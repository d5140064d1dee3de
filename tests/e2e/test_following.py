"""Following in a real browser: ask, confirm, be told, stop; with JavaScript and without."""

import re
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.service.followers import site

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_reader_follows_and_stops(
    browser: Browser, tmp_path: Path, scripts: bool, scheme: Literal["light", "dark"]
) -> None:
    public = tmp_path / "public"
    public.mkdir()
    (public / "theme").symlink_to(ROOT / "theme" / "static")
    with site(tmp_path, site_dir=public) as blog:
        context = browser.new_context(
            java_script_enabled=scripts, color_scheme=scheme, viewport={"width": 320, "height": 700}
        )
        page = context.new_page()
        page.goto(blog.service.url + "/comments/networking/follow")
        page.get_by_label("Email *").fill("eve")
        page.get_by_role("button", name="Follow all replies").click()
        expect(page.get_by_text("There is a problem")).to_be_visible()
        looked_at(page, scripts)
        page.get_by_label("Email *").fill("eve@example.org")
        page.get_by_role("button", name="Follow all replies").click()
        expect(page.get_by_role("status")).to_be_visible()
        looked_at(page, scripts)
        blog.post.wait()
        page.goto(blog.service.url + blog.link())
        looked_at(page, scripts)
        page.get_by_role("button", name="Yes, mail me new replies").click()
        expect(page).to_have_title(re.compile("^You follow this discussion"))
        looked_at(page, scripts)
        blog.clear()
        blog.publish()
        blog.settle()
        blog.told()
        page.goto(blog.service.url + blog.link())
        looked_at(page, scripts)
        page.get_by_role("button", name="Stop these mails").click()
        expect(page).to_have_title(re.compile("^You get no more of these mails"))
        looked_at(page, scripts)
        context.close()


def looked_at(page: Page, scripts: bool) -> None:
    """Nothing is wider than the phone, and axe finds nothing (which needs scripts itself)."""
    if scripts:
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        assert Axe().run(page).violations_count == 0, Axe().run(page).generate_report()
