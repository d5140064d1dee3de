"""No page, file, public answer or log carries a reader's email address, nor a hash of one."""

import re
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import BrowserContext, expect

from tests.canary import leaks, traces_of
from tests.e2e.project import Project
from tests.running import reply

pytestmark = pytest.mark.xdist_group("served")

STATES = {"approved": "Approve", "spam": "Spam", "trash": "Trash", "pending": ""}


def files(project: Project) -> Iterator[tuple[str, bytes]]:
    """Everything that a build leaves, dot files too, and what the site side keeps."""
    for path in (project.root / "output").resolve().rglob("*"):
        if path.is_file():
            yield str(path), path.read_bytes()
    for path in (project.root / "var").glob("discussions.sqlite3*"):
        yield str(path), path.read_bytes()


def answers(project: Project, paths: list[str], token: str) -> Iterator[tuple[str, bytes]]:
    """What anybody gets, and what the site side gets."""
    for path in paths:
        answer = requests.get(project.url + path, timeout=10)
        yield path, answer.content + str(answer.headers).encode()
    for path in ("changes", "discussions/networking"):
        answer = requests.get(
            f"{project.url}/comments/api/{path}",
            headers={"Authorization": f"Bearer {token}"},
            timeout=10,
        )
        assert answer.ok
        yield path, answer.content + str(answer.headers).encode()


def test_no_planted_address_is_anywhere_outside_the_queue(
    project: Project, editor: BrowserContext
) -> None:
    emails, status_pages = [], []
    for state, verb in STATES.items():
        email = f"Canary.{state}+tag@Planted-{state}.example.org"
        emails.append(email)
        text = f"A canary that ends up {state}."
        answer = requests.post(
            f"{project.url}/comments/networking",
            data=reply(comment=text, email=email, author=f"Bird {state}", url="bird.example"),
            allow_redirects=False,
            timeout=10,
        )
        status_pages.append(answer.headers["Location"])
        if verb:
            queue = editor.new_page()
            queue.goto(f"{project.url}/moderate/")
            card = queue.get_by_role("article").filter(has_text=text)
            assert email in card.inner_text()
            card.get_by_role("button", name=re.compile(f"^{verb}")).click()
            expect(queue.locator(".flash")).to_be_visible()
            queue.close()
    project.wait(lambda: "A canary that ends up approved." in project.page("networking"))
    assert project.run("build").returncode == 0

    shown = re.search(r'id="comment-(\w{26})"[^>]*aria-label="Reply by Bird approved"',
                      project.page("networking"))  # fmt: skip
    assert shown
    public = [
        "/", "/networking/", "/archive/", "/no-such-page/", "/comments/api/",
        "/comments/api/openapi.json", "/comments/api/changes", "/comments/no-such-page",
        f"/comments/networking/reply/{shown[1]}", "/moderate/", "/moderate/sign-in", *status_pages,
    ]  # fmt: skip
    token = re.search(r"API_TOKEN=(\S+)", (project.root / "var/rejoinder.env").read_text())
    assert token
    places = [*files(project), *answers(project, public, token[1])]
    places.append(("log", "".join(project.lines).encode()))
    assert len(places) > 50
    assert list(leaks(places, emails)) == []


def test_the_search_for_addresses_would_find_one() -> None:
    email = "Ann@Example.org"
    for form in traces_of(email):
        assert list(leaks([("page", b"<p>" + form + b"</p>")], [email]))
