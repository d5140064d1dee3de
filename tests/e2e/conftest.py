from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.e2e.project import Project, serving
from tests.e2e.queueing import ERRORS
from tests.running import Service, running_service
from tests.service.pages import PASSWORD, add_editor


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A copy of the project, served by `rejoinder serve`."""
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


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service with three articles and an editor."""
    with running_service(tmp_path) as running:
        running.register("networking", "meetings", "saying-no")
        add_editor(running)
        yield running


@pytest.fixture
def context(service: Service, browser: Browser) -> Iterator[BrowserContext]:
    """A browser signed in as the editor."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{service.url}/moderate/")
    page.get_by_label("Email").fill("editor@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Moderation queue")).to_be_visible()
    page.close()
    ERRORS.clear()
    yield context
    context.close()
    assert not ERRORS, "a script of the page failed"
