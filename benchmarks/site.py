"""A generated site with its service and publisher, run by the real commands."""

import os
import random
import re
import secrets
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import requests

from benchmarks.fill import fill, version_tokens
from benchmarks.servers import free_port, kill_all_in, running, stop

ROOT = Path(__file__).parents[1]
PASSWORD = "a sentence for the benchmark"
WORDS = [
    *("question", "answer", "colleague", "meeting", "desk", "coffee", "paper", "study", "people"),
    *("advice", "morning", "office", "letter", "project", "evening", "friend", "habit", "reason"),
    *("story", "week", "plan", "train", "listen", "write", "ask", "wait"),
]


class BenchmarkSite:
    """`articles` articles with `replies` approved replies each, and `pending` to approve."""

    def __init__(self, root: Path, articles: int, replies: int, pending: int) -> None:
        self.root, self.articles = root, articles
        self._replies, self._pending = replies, pending
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._running = ExitStack()
        self._browser = requests.Session()
        self._token = ""
        self.pending: list[tuple[str, str]] = []
        self._versions: dict[str, str] = {}
        self.build_seconds = 0.0
        kept = {name: value for name, value in os.environ.items() if "REJOINDER" not in name}
        self._environ = kept | {
            "REJOINDER_SECRET": secrets.token_urlsafe(48),
            "REJOINDER_API_TOKEN": secrets.token_urlsafe(48),
            "REJOINDER_DATABASE": f"sqlite:///{root / 'comments.sqlite3'}",
            "REJOINDER_SITE_URL": self.url,
            "REJOINDER_SERVICE_URL": self.url,
        }

    def prepare(self) -> None:
        """Write the articles, fill the database, build the site, start everything."""
        write_articles(self.root, self.articles)
        self.run("migrate")
        self.serve()
        self._register()
        self.pending = fill(
            self._environ["REJOINDER_DATABASE"], replies=self._replies, pending=self._pending
        )
        self._versions = version_tokens(
            self._environ["REJOINDER_DATABASE"], [public_id for public_id, _ in self.pending]
        )
        start = time.perf_counter()
        self.run("build")
        self.build_seconds = time.perf_counter() - start

    def serve(self) -> None:
        """Start the service over its database, and sign in to the queue."""
        service = self._command("service", "--quiet", "--port", str(self._port))
        self._running.enter_context(
            running(
                service,
                self._port,
                log=self.root / "service.log",
                environ=self._environ,
            )
        )
        self._sign_in()

    def get(self, address: str) -> str:
        """Return a page of the queue as the editor's browser gets it."""
        answer = self._browser.get(self.url + address, timeout=60)
        answer.raise_for_status()
        return answer.text

    def approve_all(self, count: int) -> None:
        """Approve everything that is pending, in one bulk action; return when it is done."""
        chosen = {"token": self._token, "action": "approve", "list": "status=pending"}
        asked = self._browser.post(
            f"{self.url}/moderate/bulk", data={**chosen, "scope": "all"}, timeout=60
        )
        draft = re.search(r'name="draft" value="(\w+)"', asked.text)
        if draft is None or f"Approve: {count:,} " not in asked.text:
            raise RuntimeError(f"{count} replies are not what is pending")
        answer = self._browser.post(
            f"{self.url}/moderate/bulk/all",
            data={**chosen, "draft": draft[1]},
            allow_redirects=False,
            timeout=60,
        )
        if answer.status_code != 303 or "batch=" not in answer.headers["Location"]:
            raise RuntimeError(f"the bulk action was answered with {answer.status_code}")

    def follow(self) -> None:
        """Start the publisher and wait until it has compared every page."""
        publisher = subprocess.Popen(
            self._command("publish"),
            cwd=self.root,
            env=self._environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._publisher = psutil.Process(publisher.pid)
        self._running.callback(stop, publisher)
        # It is following once an approval shows up; the first one is not counted.
        self.approve_and_wait()

    def approve(self) -> tuple[str, str]:
        """Approve one of the pending replies; return its public id and page key."""
        public_id, key = self.pending.pop()
        answer = self._browser.post(
            f"{self.url}/moderate/replies/{public_id}",
            data={
                "token": self._token,
                "action": "approve",
                "was": "pending",
                "version": self._versions[public_id],
            },
            allow_redirects=False,
            timeout=30,
        )
        if answer.status_code != 303:
            raise RuntimeError(f"approving was answered with {answer.status_code}")
        return public_id, key

    def page(self, key: str) -> Path:
        """Return the built page of an article."""
        return self.root / "output" / key / "index.html"

    def approve_and_wait(self) -> tuple[float, float]:
        """Approve one reply; seconds from the request, and from its answer, to the new page."""
        page = self.page(self.pending[-1][1])
        before = page.stat().st_ino
        asked = time.perf_counter()
        public_id, key = self.approve()
        answered = time.perf_counter()
        while page.stat().st_ino == before:
            if time.perf_counter() - answered > 30:
                raise RuntimeError(f"{key}: no new page within 30 s of the approval")
            time.sleep(0.0002)
        replaced = time.perf_counter()
        if f"comment-{public_id}" not in page.read_text("utf-8"):
            raise RuntimeError(f"{key}: the new page lacks the reply {public_id}")
        return replaced - asked, max(0.0, replaced - answered)

    def publisher_mb(self) -> float:
        """Return the memory that the publisher holds."""
        return float(self._publisher.memory_info().rss) / 2**20

    def run(self, *words: str, given: str = "") -> None:
        """Run a verb to its end."""
        subprocess.run(
            self._command(*words),
            cwd=self.root,
            env=self._environ,
            input=given.encode(),
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def stop(self) -> None:
        """Stop everything that was started, and what that started in turn."""
        self._running.close()
        kill_all_in(self.root)

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "rejoinder", *words]

    def _register(self) -> None:
        """As a build would; a first build only for that would take as long as the second."""
        keys = [f"article-{number}" for number in range(self.articles)]
        answer = requests.put(
            f"{self.url}/comments/api/pages",
            headers={"Authorization": f"Bearer {self._environ['REJOINDER_API_TOKEN']}"},
            json={"pages": [{"key": key, "url": f"/{key}/", "title": key} for key in keys]},
            timeout=30,
        )
        answer.raise_for_status()

    def _sign_in(self) -> None:
        self.run("editor", "add", "bench@example.org", given=PASSWORD)
        form = self._browser.get(f"{self.url}/moderate/sign-in", timeout=10)
        queue = self._browser.post(
            f"{self.url}/moderate/sign-in",
            data={"token": _token(form.text), "email": "bench@example.org", "password": PASSWORD},
            timeout=30,
        )
        self._token = _token(queue.text)


def _token(html: str) -> str:
    found = re.search(r'name="token" value="([^"]+)"', html)
    if found is None:
        raise RuntimeError("the page has no form")
    return found[1]


def write_articles(root: Path, count: int, words: int = 600) -> None:
    """Write a Pelican project of `count` generated articles with the project's own theme."""
    chance = random.Random(count)
    shutil.copytree(ROOT / "theme", root / "theme")
    shutil.copy(ROOT / "pelicanconf.py", root)
    (root / "content" / "images").mkdir(parents=True)
    day = datetime(2026, 11, 1, tzinfo=UTC)
    for number in range(count):
        paragraphs = [
            " ".join(chance.choices(WORDS, k=60)).capitalize() + "." for _ in range(words // 60)
        ]
        steps = "\n\n".join(f"## {n}. Step\n\n{text}" for n, text in enumerate(paragraphs, 1))
        (root / "content" / f"article-{number}.md").write_text(
            f"Title: Article {number}\nSlug: article-{number}\nSubtitle: A line\n"
            f"Date: {day - timedelta(hours=number):%Y-%m-%d %H:%M}\n"
            f"Author: Author {number % 5}\nCategory: Category {number % 8}\n"
            f"Tags: tag {number % 20}\nQuestion: And you?\nSummary: A summary.\n\n{steps}\n",
            "utf-8",
        )
