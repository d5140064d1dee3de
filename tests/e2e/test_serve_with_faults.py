"""`rejoinder serve` while a text cannot be built: the service runs, and says what is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.e2e.project import Project, copy
from tests.running import free_port
from tests.service.pages import PASSWORD, Page

pytestmark = pytest.mark.xdist_group("serve")
# A link that leads nowhere fails every build.
BROKEN = "\n\n[nowhere](/nowhere-at-all/)\n"
NAVIGATES = {"Sec-Fetch-Dest": "document"}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    project = Project(copy(tmp_path), free_port())
    yield project
    if project._process is not None and project.supervisor.poll() is None:
        project.stop()


def break_it(project: Project) -> Path:
    article = project.root / "content/networking.md"
    article.write_text(article.read_text("utf-8") + BROKEN, "utf-8")
    return article


def failures(project: Project) -> int:
    return sum("The build failed" in line for line in project.lines)


def fix_it(article: Path) -> None:
    article.write_text(article.read_text("utf-8").removesuffix(BROKEN), "utf-8")


def queue_of(project: Project) -> requests.Session:
    """A browser in which the first editor is signed in."""
    browser = requests.Session()
    page = Page(browser.get(project.first_link, timeout=10).text)
    form = page.fields | {"email": "editor@example.org", "password": PASSWORD}
    assert browser.post(project.first_link, data=form, timeout=10).ok
    return browser


def alarm_in(queue: requests.Session, project: Project) -> str:
    """What the queue's alarms say of the last build."""
    page = Page(queue.get(f"{project.url}/moderate/", timeout=10).text)
    alarms = [one.text for one in page.elements if one.attributes.get("class") == "alarm"]
    return "".join(one for one in alarms if "last build" in one)


def test_without_any_good_build_the_service_runs_and_names_the_fault(project: Project) -> None:
    article = break_it(project)
    project.start()
    answer = requests.get(f"{project.url}/networking/", timeout=10)
    assert answer.status_code == 503
    assert "content/networking.md:" in answer.text
    assert "content/networking.md:" in "".join(project.lines)
    queue = queue_of(project)
    assert re.search(r"content/networking\.md:\d+: .*/nowhere-at-all/", alarm_in(queue, project))
    fix_it(article)
    project.wait(lambda: requests.get(f"{project.url}/networking/", timeout=10).ok, 60)
    project.wait(lambda: not alarm_in(queue, project))


def test_the_last_good_build_is_served_with_the_fault_on_it(project: Project) -> None:
    project.start()
    project.stop()
    article = break_it(project)
    project.start()
    answer = requests.get(f"{project.url}/networking/", headers=NAVIGATES, timeout=10)
    assert answer.status_code == 200
    assert "/nowhere-at-all/" in answer.text
    assert "Leave a Reply" in answer.text
    assert failures(project) == 1
    # Only a change is a reason to try again.
    (project.root / "content/pages/about.md").touch()
    project.wait(lambda: failures(project) > 1, 60)
    (project.root / "content/pages/about.md").touch()
    project.wait(lambda: failures(project) > 2, 60)
    assert failures(project) == 3
    fix_it(article)
    project.wait(
        lambda: (
            "nowhere-at-all"
            not in requests.get(f"{project.url}/networking/", headers=NAVIGATES, timeout=10).text
        ),
        60,
    )


def test_an_article_that_cannot_be_read_leaves_the_others_alone(project: Project) -> None:
    (project.root / "content/plan.md").write_text("Title: Plan\nDate: never\n\nWords.\n")
    project.start()
    assert requests.get(f"{project.url}/networking/", timeout=10).ok
    assert requests.get(f"{project.url}/plan/", timeout=10).status_code == 404
    shown = requests.get(f"{project.url}/networking/", headers=NAVIGATES, timeout=10).text
    assert "content/plan.md:2: " in shown
    assert any("content/plan.md:2: " in line for line in project.lines)
    (project.root / "content/plan.md").write_text("Title: Plan\nDate: 2026-11-20\n\nWords.\n")
    project.wait(lambda: requests.get(f"{project.url}/plan/", timeout=10).ok, 60)
