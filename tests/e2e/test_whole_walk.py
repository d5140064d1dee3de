"""What a reader does in a week, in one go: read, reply, edit, see it live, follow, unsubscribe.

The real project under `rejoinder serve`, its publisher, and a real mail server.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, expect

from tests.e2e.project import Project, copy
from tests.e2e.test_walk import approve, fill
from tests.running import free_port, reply
from tests.service.mail_server import FROM, Post, post_office

pytestmark = pytest.mark.xdist_group("week")

LINK = re.compile(r"http://127\.0\.0\.1:[0-9]+/comments/(?:follow|unsubscribe)/[\w-]{65}\b")
TITLE = "How to network when you would rather be at home"


class Mailing(Project):
    """The project with a mail server."""

    post: Post

    @property
    def environ(self) -> dict[str, str]:
        return super().environ | {
            "REJOINDER_SMTP_URL": self.post.url,
            "REJOINDER_MAIL_FROM": FROM,
        }

    def pass_time(self) -> None:
        """Make what was published, and told, older than the quarter of an hour that mail waits."""
        with closing(sqlite3.connect(self.root / "var" / "comments.sqlite3", timeout=10)) as db, db:
            db.execute("UPDATE news SET at = datetime(at, '-1 hour')")
            db.execute("UPDATE news_round SET begun_at = datetime(begun_at, '-1 hour')")
            # Nobody is told of what was published before they followed.
            db.execute(
                "UPDATE subscription SET asked_at = datetime(asked_at, '-1 hour'),"
                " confirmed_at = datetime(confirmed_at, '-1 hour')"
            )


@pytest.fixture(scope="module")
def blog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailing]:
    with post_office() as post:
        project = Mailing(copy(tmp_path_factory.mktemp("week")), free_port())
        project.post = post
        try:
            project.start()
            yield project
        finally:
            if project.supervisor.poll() is None:
                project.stop()


@pytest.fixture(scope="module")
def moderator(blog: Mailing, browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(blog.first_link)
    page.get_by_label("Email").fill("editor@example.org")
    page.get_by_label("Name").fill("Mara")
    page.get_by_label("Password").fill("a sentence that is long enough")
    page.get_by_role("button", name="Become editor and sign in").click()
    expect(page.get_by_role("heading", name="Moderation queue")).to_be_visible()
    yield context
    context.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_read_reply_edit_see_it_live_follow_unsubscribe(
    blog: Mailing, moderator: BrowserContext, browser: Browser, *, scripts: bool
) -> None:
    name = "Ann" if scripts else "Bea"
    address = f"{name.lower()}@example.org"
    blog.post.taken.clear()
    context = browser.new_context(java_script_enabled=scripts)
    page = context.new_page()

    # read
    page.goto(blog.url)
    page.get_by_role("link", name=TITLE, exact=True).first.click()
    expect(page.get_by_role("heading", name="How do you handle networking?")).to_be_visible()

    # reply, and ask to be told of answers
    fill(page, comment=f"I arrive erly, says {name}.", author=name, email=address)
    page.get_by_label("Mail me new replies (optional)").select_option("replies")
    page.get_by_role("button", name="Post Comment", exact=True).click()
    if scripts:
        own = page.locator(".reply.own", has_text=f"says {name}")
        expect(own).to_contain_text("awaiting moderation")
        own.get_by_role("link", name="Your reply’s own page").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your reply is awaiting moderation")
    private = page.url

    # edit
    page.get_by_role("link", name="Edit my reply").click()
    fill(page, comment=f"I arrive early, says {name}.")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".reply")).to_contain_text("I arrive early")

    # see it live
    approve(moderator, blog, f"I arrive early, says {name}.")
    blog.wait(lambda: f"I arrive early, says {name}." in blog.page("networking"))
    assert "I arrive erly" not in blog.page("networking")
    blog.wait(lambda: "where everybody can read it" in requests.get(private, timeout=10).text)
    page.goto(private)
    page.get_by_role("link", name="See it under").click()
    expect(page).to_have_url(re.compile("#comment-"))
    mine = page.url.rpartition("#comment-")[2]
    expect(page.locator(f"#comment-{mine}")).to_contain_text(f"says {name}")

    # follow: nothing is sent before the mailed link's button is pressed
    blog.wait(lambda: len(blog.post.taken) == 1)
    assert blog.post.taken[0]["To"] == address
    page.goto(_link(blog))
    page.get_by_role("button", name="Yes, mail me new replies").click()
    expect(page).to_have_title(re.compile("^You follow this discussion"))
    answered(blog, moderator, mine, f"So do I, dear {name}.")
    blog.wait(lambda: len(blog.post.taken) == 2)
    told = blog.post.taken[1]
    assert f"So do I, dear {name}." in blog.post.text()
    assert told["List-Unsubscribe"]
    for message in blog.post.taken:
        assert "eve@example.org" not in message.as_string()

    # unsubscribe
    page.goto(_link(blog))
    page.get_by_role("button", name="Stop these mails").click()
    expect(page).to_have_title(re.compile("^You get no more of these mails"))
    answered(blog, moderator, mine, f"And once more, {name}.")
    blog.wait(lambda: untold(blog) == 0)
    assert len(blog.post.taken) == 2
    for mail in (address, "eve@example.org"):
        assert mail not in blog.page("networking")
    context.close()


def _link(blog: Mailing) -> str:
    (found,) = set(LINK.findall(blog.post.text()))
    return str(found)


def answered(blog: Mailing, moderator: BrowserContext, parent: str, text: str) -> None:
    """Have Eve answer, publish it, and let the time pass that mail waits."""
    form = reply(comment=text, author="Eve", email="eve@example.org", parent=parent)
    requests.post(f"{blog.url}/comments/networking", data=form, timeout=10)
    approve(moderator, blog, text)
    blog.wait(lambda: text in blog.page("networking"))
    blog.pass_time()


def untold(blog: Mailing) -> int:
    with closing(sqlite3.connect(blog.root / "var" / "comments.sqlite3", timeout=10)) as db:
        waiting = db.execute("SELECT count(*) FROM news WHERE round_id IS NULL").fetchone()[0]
        rounds = db.execute("SELECT count(*) FROM news_round WHERE done_at IS NULL").fetchone()[0]
    return int(waiting + rounds)
