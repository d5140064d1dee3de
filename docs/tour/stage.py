"""The product as the tour walks it: a served copy with the sample replies, mail and browsers."""

import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil
from playwright.sync_api import Browser, Locator, Page
from playwright.sync_api import TimeoutError as Timeout

from tests.browser import browser
from tests.e2e.project import Project, copy
from tests.running import free_port
from tests.service.mail_server import FROM, Post, post_office

ARTICLE = "networking"
WIDE = (1040, 844)
PHONE = (390, 844)
# For pages that are short.
SMALL = (390, 640)
LINK = re.compile(r"https?://\S+/comments/(?:follow|unsubscribe)/[\w-]+")


class Served(Project):
    """A copy of the project that sends mail and speaks one language."""

    mail = ""
    language = "en"

    @property
    def environ(self) -> dict[str, str]:
        """The environment with what an operator would set."""
        mail = {"REJOINDER_SMTP_URL": self.mail, "REJOINDER_MAIL_FROM": FROM} if self.mail else {}
        return super().environ | mail | {"REJOINDER_LANGUAGE": self.language}

    def fill(self) -> None:
        """Bring the sample replies onto the pages, and all of it into the search."""
        done = self.run("demo")
        assert done.returncode == 0, done.stderr
        self.wait(lambda: "Tom Hartigan" in self.page(ARTICLE), 30)
        self.run("index")


@dataclass
class Stage:
    """Who opens pages, and where."""

    project: Served
    running: Browser
    post: Post

    def page(
        self,
        size: tuple[int, int] = WIDE,
        *,
        scheme: Literal["light", "dark"] = "light",
        scripts: bool = True,
        fine: bool = False,
        path: str = "",
    ) -> Page:
        """Open `path` in a browser that was never here before; `fine`: with a phone's pixels."""
        context = self.running.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            java_script_enabled=scripts,
            device_scale_factor=1.5 if fine or size[0] == PHONE[0] else 1,
            reduced_motion="reduce",
        )
        page = context.new_page()
        page.goto(self.url(path))
        return page

    def url(self, path: str) -> str:
        """The address of a path, which may be an address already."""
        return path if path.startswith("http") else f"{self.project.url}/{path.lstrip('/')}"

    def mailed(self, number: int, seconds: float = 30) -> str:
        """The link in the mail of that number, when it has come."""
        deadline = time.monotonic() + seconds
        while len(self.post.taken) <= number:
            assert time.monotonic() < deadline, "the mail did not come"
            time.sleep(0.1)
        found = LINK.search(self.post.text(number))
        assert found, self.post.text(number)
        return found[0]

    @contextmanager
    def without_publisher(self) -> Iterator[None]:
        """Halt whoever brings changes to the pages, as an operator finds it after a crash."""
        children = psutil.Process(self.project.supervisor.pid).children()
        (publisher,) = [one for one in children if "watch" in one.cmdline()]
        publisher.suspend()
        try:
            yield
        finally:
            publisher.resume()

    def until(self, page: Page, sight: Locator, seconds: float = 40) -> None:
        """Load a page again until it shows something."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                sight.first.wait_for(timeout=4000)
            except Timeout:
                assert time.monotonic() < deadline, f"{page.url} never shows what the tour tells"
                page.reload()
            else:
                return


@contextmanager
def served(language: str = "en", post: Post | None = None) -> Iterator[Served]:
    """A copy of the project in a folder that is gone afterwards, served with its samples."""
    with tempfile.TemporaryDirectory(prefix="rejoinder-tour-") as folder:
        project = Served(copy(Path(folder)), free_port())
        project.language = language
        project.mail = post.url if post else ""
        try:
            project.start()
            project.fill()
            yield project
        finally:
            if project.supervisor.poll() is None:
                project.stop()


@contextmanager
def stage() -> Iterator[Stage]:
    """The whole stage: product, mail server, browser."""
    with post_office() as post, served(post=post) as project, browser() as running:
        yield Stage(project, running, post)
