"""Only a few passwords are hashed at a time: each takes 64 MiB for as long as it lasts."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
import requests
from argon2 import PasswordHasher
from sqlalchemy import func, select

from comments_service.domain import passwords
from comments_service.domain.actor import Actor
from comments_service.domain.models import Role
from comments_service.services import editor_admin
from comments_service.store.tables import sign_in_failure
from comments_service.web.support import password_hashing
from tests.running import Service, running_service
from tests.service.pages import Editor, Page, add_editor, signed_in

EMAIL = "editor@example.org"
GUESS = "the guess of a stranger"
NETWORKS = 12


class CountingHasher(PasswordHasher):
    """Argon2 at little cost, which counts and can hold those that check `GUESS`."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.lock, self.release = threading.Lock(), threading.Event()
        self.running = self.most = 0

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        with self.counted(password):
            return super().hash(password, salt=salt)

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        with self.counted(password):
            return super().verify(hash, password)

    @contextmanager
    def counted(self, password: str | bytes) -> Iterator[None]:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            if password == GUESS:
                assert self.release.wait(60)
            yield
        finally:
            with self.lock:
                self.running -= 1

    def wait_until_running(self) -> None:
        """Wait until as many are held as may run at a time."""
        for _ in range(1200):
            if self.running >= password_hashing.AT_ONCE:
                return
            time.sleep(0.05)
        pytest.fail("no password is being hashed")


@pytest.fixture(name="hasher")
def _hasher(monkeypatch: pytest.MonkeyPatch) -> Iterator[CountingHasher]:
    counting = CountingHasher()
    monkeypatch.setattr(passwords, "_hasher", counting)
    yield counting
    counting.release.set()


@pytest.fixture(name="blog")
def _blog(tmp_path: Path) -> Iterator[Service]:
    """A service behind a proxy, so that a test can ask from any address."""
    with running_service(tmp_path, trusted_proxies="127.0.0.1") as running:
        add_editor(running)
        yield running


def stranger(blog: Service, number: int) -> Editor:
    browser = Editor(blog)
    browser.http.headers["X-Forwarded-For"] = f"2001:db8:{number:x}::1"
    return browser


def guesses(blog: Service, pool: ThreadPoolExecutor, count: int) -> list[Future[requests.Response]]:
    """Wrong passwords for as many accounts, each from a network of its own, all at once."""
    return [
        pool.submit(stranger(blog, n).sign_in, f"nobody{n}@example.org", GUESS)
        for n in range(count)
    ]


def wait_until_counted(blog: Service, count: int) -> None:
    """Wait until that many sign-ins were counted: each is being checked, or waits for that."""
    accounts = select(func.count()).select_from(sign_in_failure)
    for _ in range(1200):
        with blog.db.read() as connection:
            # Each is counted for its account twice, and for two networks.
            if connection.execute(accounts).scalar_one() >= 4 * count:
                return
        time.sleep(0.05)
    pytest.fail("the sign-ins did not arrive")


def test_parallel_sign_ins_are_hashed_a_few_at_a_time(
    blog: Service, hasher: CountingHasher
) -> None:
    with ThreadPoolExecutor(NETWORKS) as pool:
        asked = guesses(blog, pool, NETWORKS)
        wait_until_counted(blog, NETWORKS)
        hasher.release.set()
        assert {one.result().status_code for one in asked} == {422}
    assert hasher.most <= password_hashing.AT_ONCE


def test_a_known_browser_signs_in_while_strangers_fill_the_queue(
    blog: Service, hasher: CountingHasher
) -> None:
    mine = stranger(blog, 1000)
    assert mine.sign_in(EMAIL).status_code == 303
    mine.http.cookies.pop("rejoinder_session")
    with ThreadPoolExecutor(NETWORKS) as pool:
        asked = guesses(blog, pool, NETWORKS)
        wait_until_counted(blog, NETWORKS)
        assert mine.sign_in(EMAIL).status_code == 303
        assert not any(one.done() for one in asked)
        hasher.release.set()


def test_a_stranger_who_finds_the_queue_full_is_asked_to_try_again(
    blog: Service, hasher: CountingHasher
) -> None:
    full = password_hashing.AT_ONCE + password_hashing.WAITING
    with ThreadPoolExecutor(full) as pool:
        asked = guesses(blog, pool, full)
        wait_until_counted(blog, full)
        late = stranger(blog, 1000)
        answer = late.sign_in(EMAIL)
        hasher.release.set()
        assert {one.result().status_code for one in asked} == {422}
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    page = Page(answer.text)
    assert page.problems == ["#email"]
    assert "Try again in" in answer.text
    assert page.fields["email"] == EMAIL
    # It was not checked, so it does not count as a failure.
    assert late.sign_in(EMAIL).status_code == 303
    with blog.db.read() as connection:
        rows = connection.execute(select(func.count()).select_from(sign_in_failure)).scalar_one()
    assert rows == 4 * full


def test_a_stranger_who_waits_too_long_is_asked_to_try_again(
    blog: Service, hasher: CountingHasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadPoolExecutor(password_hashing.AT_ONCE) as pool:
        guesses(blog, pool, password_hashing.AT_ONCE)
        wait_until_counted(blog, password_hashing.AT_ONCE)
        monkeypatch.setattr(password_hashing, "WAIT_SECONDS", 0.01)
        assert stranger(blog, 1000).sign_in(EMAIL).status_code == 503
        hasher.release.set()


def test_passwords_on_an_editors_own_page_are_hashed_a_few_at_a_time(
    service: Service, hasher: CountingHasher
) -> None:
    browsers = [signed_in(service, f"editor{n}@example.org", f"Editor {n}") for n in range(6)]
    tokens = [Page(one.get("/moderate/account").text).fields["token"] for one in browsers]

    def change(number: int) -> int:
        form = {"token": tokens[number], "password-current": GUESS, "password-new": "x"}
        return browsers[number].post("/moderate/account/password", **form).status_code

    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(change, number) for number in range(6)]
        hasher.wait_until_running()
        hasher.release.set()
        assert {one.result() for one in asked} == {422}
    assert hasher.most <= password_hashing.AT_ONCE


def test_passwords_of_new_editors_are_hashed_a_few_at_a_time(
    service: Service, hasher: CountingHasher
) -> None:
    first = add_editor(service)
    by, now = Actor("Ada", first.id), service.clock()
    links = [
        editor_admin.invite(
            service.db, email=f"new{n}@example.org", role=Role.EDITOR, by=by, now=now
        )
        for n in range(6)
    ]

    def join(link: str) -> int:
        browser, path = Editor(service), f"/moderate/link/{link}"
        token = Page(browser.get(path).text).fields["token"]
        return browser.post(path, token=token, name="New", password=GUESS).status_code

    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(join, link) for link in links]
        hasher.wait_until_running()
        hasher.release.set()
        assert {one.result() for one in asked} == {303}
    assert hasher.most <= password_hashing.AT_ONCE
