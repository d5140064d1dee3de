from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.e2e.project import Project, serving


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The real project, copied, served by the real command."""
    with serving(Path(tmp_path_factory.mktemp("project"))) as running:
        yield running


@pytest.fixture(scope="session")
def editor(project: Project, browser: Browser) -> Iterator[BrowserContext]:
    """A browser signed in as the first editor, through the printed link, without JavaScript."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(project.first_link)
    page.get_by_label("Email").fill("editor@example.org")
    page.get_by_label("Name").fill("Mara")
    page.get_by_label("Password").fill("a sentence that is long enough")
    page.get_by_role("button", name="Become editor and sign in").click()
    expect(page.get_by_role("heading", name="Moderation queue")).to_be_visible()
    yield context
    context.close()
