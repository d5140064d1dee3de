"""A site that was never built: the page that says so is readable without the site's own files."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.running import running_service

REPORT = (
    "The build failed, and this site is as it was before:\n"
    "content/networking.md:89: the link to “/a-place-that-was-never-there/” leads nowhere\n"
)


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(
        color_scheme=request.param, viewport={"width": 320, "height": 640}
    )
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("text", ["", REPORT], ids=["first build", "failed build"])
def test_it_fits_a_small_phone_and_has_a_style(tmp_path: Path, page: Page, text: str) -> None:
    report = tmp_path / "report.txt"
    report.write_text(text)
    with running_service(
        tmp_path, site_dir=tmp_path / "output", site_report=report, live_reload=True
    ) as service:
        page.goto(f"{service.url}/networking/")
        # The page reloads every two seconds; an answer without content keeps the browser here.
        page.route("**/networking/", lambda route: route.fulfill(status=204))
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        assert page.evaluate("document.styleSheets[0].cssRules.length") > 0
        # The refresh is what the page is for.
        found = Axe().run(page).response["violations"]
    assert [one["id"] for one in found if one["id"] != "meta-refresh"] == []
