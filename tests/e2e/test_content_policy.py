"""Every kind of page works under the strict policy that the site is served with."""

import re
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.e2e.project import Project
from tests.e2e.test_walk import approve
from tests.running import reply

pytestmark = pytest.mark.xdist_group("served")

# Set before anything of a page runs: the browser tells every violation here.
LISTEN = """
window.__violations = [];
addEventListener("securitypolicyviolation", (event) => {
  window.__violations.push(
    `${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`
  );
});
"""
DRAFT = """Title: A draft with a table
Date: 2026-11-20
Category: Work
Status: draft
Slug: a-draft
Question: And you?

| left | right |
| :--- | ---: |
| a | b |

![A picture](https://images.example/elsewhere.png)
"""


class Watched:
    """A page that remembers what its browser complained about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.add_init_script(LISTEN)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("console", self._console)

    def _console(self, message: object) -> None:
        kind, text = message.type, message.text  # type: ignore[attr-defined]
        # What is not there is no matter of the policy: the picture of another host.
        if kind == "error" and "Failed to load resource" not in text:
            self.complaints.append(f"console: {text}")

    def visit(self, url: str) -> list[str]:
        """Everything that the browser complained about on this page."""
        self.complaints.clear()
        self.page.goto(url, wait_until="load")
        return self.found()

    def found(self) -> list[str]:
        violations = self.page.evaluate("window.__violations ?? []")
        return [*self.complaints, *violations]


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    context = browser.new_context()
    context.route("https://images.example/**", lambda route: route.abort())
    # A page must not reload while it is looked at.
    context.route("**/.live/changes*", lambda route: route.abort())
    yield Watched(context.new_page())
    context.close()


@pytest.fixture(scope="module")
def draft(project: Project) -> str:
    """The address of a draft that has what authors may write."""
    (project.root / "content" / "a-draft.md").write_text(DRAFT, "utf-8")
    found: list[str] = []

    def built() -> bool:
        told = project.run("drafts").stdout
        found[:] = re.findall(rf"{project.url}(/\S+)", told)
        return bool(found)

    project.wait(built, 30)
    return found[0]


def test_no_kind_of_page_breaks_the_policy(
    project: Project, editor: BrowserContext, watched: Watched, draft: str
) -> None:
    sent = requests.post(
        f"{project.url}/comments/networking",
        data=reply(comment="Under a *strict* policy.\n\n> quoted\n\n`code`", url="a.example"),
        allow_redirects=False,
        timeout=10,
    )
    approve(editor, project, "strict policy")
    project.wait(lambda: "<em>strict</em>" in project.page("networking"))
    articles = sorted(
        f"/{one.parent.name}/" for one in (project.root / "output").glob("*/index.html")
    )
    pages = [
        "/", *articles, draft, "/no-such-page/", "/topics/", "/tags/", "/authors/", "/archive/",
        "/robots.txt", "/images/networking.svg", "/theme/icons/favicon.svg",
        "/comments/networking", "/comments/search?q=strict", "/comments/api/",
        sent.headers["Location"], "/moderate/sign-in",
    ]  # fmt: skip
    complaints = {path: watched.visit(project.url + path) for path in pages}
    assert {path: said for path, said in complaints.items() if said} == {}
    assert len(articles) > 8


def test_a_feed_runs_nothing_when_a_browser_opens_it(project: Project, watched: Watched) -> None:
    feed = (project.root / "output").resolve() / "feed.xml"
    feed.write_text(FEED, "utf-8")
    try:
        complaints = watched.visit(f"{project.url}/feed.xml")
        assert watched.page.evaluate("window.__ran") is None
    finally:
        feed.unlink()
    assert any(one.startswith("script-src") for one in complaints)


def test_the_search_finds_under_the_policy(project: Project, watched: Watched) -> None:
    for _ in range(20):
        watched.visit(f"{project.url}/search/?q=Lyonne")
        expect(watched.page.get_by_role("status")).to_have_text(re.compile("result|Nothing|cannot"))
        if watched.page.locator("#search-results li").count():
            break
        watched.page.wait_for_timeout(500)
    assert watched.found() == []
    expect(watched.page.locator("#search-results li").first).to_be_visible()


def test_answering_in_place_works_under_the_policy(project: Project, watched: Watched) -> None:
    watched.visit(f"{project.url}/meetings/")
    page = watched.page
    page.get_by_label("Comment *").fill("Sent under a strict policy.")
    page.get_by_label("Name *").fill("Ann Okoye")
    page.get_by_label("Email *").fill("ann.okoye@example.org")
    page.get_by_role("button", name="Post Comment").click()
    expect(page.get_by_text("Sent under a strict policy.").first).to_be_visible()
    assert watched.found() == []


FEED = """<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:h="http://www.w3.org/1999/xhtml">
<title>A feed</title><h:script>window.__ran = "feed"</h:script>
</feed>
"""
INJECTED = """
<script>window.__ran = "inline script"</script>
<img src="/nothing.png" onerror="window.__ran = 'handler'">
<script src="https://evil.example/steal.js"></script>
<base href="https://evil.example/">
<style>body { display: none }</style>
"""


def test_what_is_injected_into_a_page_does_not_run(project: Project, watched: Watched) -> None:
    page = (project.root / "output").resolve() / "networking" / "index.html"
    html = page.read_text("utf-8")
    asked: list[str] = []

    def note(route: Route) -> None:
        asked.append(route.request.url)
        route.abort()

    # What the policy stops never gets as far as this.
    watched.page.context.route("https://evil.example/**", note)
    injected = page.parent.parent / "injected.html"
    injected.write_text(html.replace("</main>", INJECTED + "</main>"), "utf-8")
    # Before the file goes: an open page reloads when that happens.
    try:
        complaints = watched.visit(f"{project.url}/injected.html")
        assert watched.page.evaluate("window.__ran") is None
        assert watched.page.locator("main").is_visible()
    finally:
        injected.unlink()
    assert any(one.startswith("script-src") for one in complaints)
    assert any("base-uri" in one for one in complaints)
    assert asked == []


def test_another_site_cannot_frame_a_page(project: Project, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.set_content(f'<iframe src="{project.url}/networking/"></iframe>')
    page.wait_for_load_state("networkidle")
    assert any("frame-ancestors" in one for one in told)
    context.close()
