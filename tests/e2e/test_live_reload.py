"""Saving an article reloads the open page, in a real browser."""

import time

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.project import Project

pytestmark = pytest.mark.xdist_group("serve")

# What is promised is one second; a machine that runs other tests beside this one gets more.
PATIENCE_MS = 20_000
SAVES = 5


@pytest.fixture
def article(project: Project) -> str:
    return (project.root / "content" / "meetings.md").read_text("utf-8")


def save(project: Project, text: str) -> None:
    (project.root / "content" / "meetings.md").write_text(text, "utf-8")


def test_saving_reloads_the_page_and_the_file_has_no_script(
    project: Project, browser: Browser, article: str
) -> None:
    page = browser.new_context().new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{project.url}/meetings/")
    for number in range(SAVES):
        # Until the process for the next build has loaded: authors type for longer than that.
        time.sleep(2)
        save(project, f"{article}\n\nSaved for the {number}th time.\n")
        expect(page.get_by_text(f"Saved for the {number}th time.")).to_be_visible(
            timeout=PATIENCE_MS
        )
    assert "/.live" not in project.page("meetings")
    assert problems == []
    save(project, article)
    page.context.close()


def test_what_somebody_types_is_not_lost(project: Project, browser: Browser, article: str) -> None:
    page = browser.new_context().new_page()
    page.goto(f"{project.url}/meetings/")
    page.locator("[name=comment]").fill("Half a reply.")
    save(project, f"{article}\n\nSaved while somebody types.\n")
    project.wait(lambda: "while somebody types" in project.page("meetings"))
    page.wait_for_timeout(1000)
    expect(page.locator("[name=comment]")).to_have_value("Half a reply.")
    save(project, article)
    page.context.close()


def test_a_broken_link_is_told_and_the_page_stays(
    project: Project, browser: Browser, article: str
) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    save(project, f"{article}\n\n[x](/no-such-article/)\n")
    line = len(article.splitlines()) + 3
    told = f'content/meetings.md:{line}: the link to "/no-such-article/" leads nowhere'
    project.wait(lambda: any(told in one for one in project.lines), 30)
    page.goto(f"{project.url}/meetings/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    # The last good build is shown, with the fault at the top.
    expect(page.locator('a[href="/no-such-article/"]')).to_have_count(0)
    expect(page.get_by_text(told)).to_be_visible()
    save(project, article)
    page.context.close()
