"""Whatever happened, the output ends up as a full build from nothing would make it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugins.discussion.client.snapshot import Snapshot
from plugins.discussion.publish.publisher import Publisher
from tests.crash.points import Crash, Points
from tests.crash.service_state import House, Reply, of_status
from tests.crash.sites import Article, Project

# How many histories, and how long each one is.
EXAMPLES = int(os.environ.get("CRASH_EXAMPLES", "25"))
FEWEST, MOST = 8, 25
SETTLE_SECONDS = 60

pytestmark = pytest.mark.xdist_group("crash-histories")
numbers = st.integers(0, 30)


@dataclass(frozen=True)
class Step:
    """One thing that happens; printed as the call that it is."""

    name: str
    arguments: dict[str, Any]

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.arguments.items())
        return f"{self.name}({arguments})"


_steps: list[st.SearchStrategy[Step]] = []


def step(times: int = 1, **arguments: st.SearchStrategy[Any]) -> Callable[[Any], Any]:
    """What may happen, that many times as often as others."""

    def known(method: Any) -> Any:
        made = st.builds(Step, st.just(method.__name__), st.fixed_dictionaries(arguments))
        _steps.extend([made] * times)
        return method

    return known


class History:
    """What readers, authors, editors, machines and accidents do, in any order."""

    def __init__(self, folder: Path, house: House, points: Points) -> None:
        self.house, self.points, self.folder = house, points, folder
        self.house.forget()
        self.project = Project(folder / "site", house)
        self._copy: Path | None = None
        self._following = ExitStack()
        self._publisher: Publisher | None = None
        self._made = 0
        self._built: dict[str, Article] = {}

    def begin(self, articles: int, replies: int) -> None:
        """A site with some articles is built for the first time; some are answered."""
        for _ in range(articles):
            self._add()
        self._build()
        for number in range(replies):
            self.submit(page=number // 3, above=number, demo=number % 4 == 1, approved=number != 3)

    # Readers, editors, authors.

    @step(4, page=numbers, above=numbers, demo=st.booleans(), approved=st.booleans())
    def submit(self, page: int, above: int, demo: bool, approved: bool) -> None:
        """A reader replies, to the article or to a public reply; perhaps it is approved at once."""
        keys = self.house.taking()
        if keys:
            key = keys[page % len(keys)]
            locked = self.house.locked()
            public = [
                one.id
                for one in self._replies("approved")
                if one.key == key and one.id not in locked
            ]
            parents = ["", "", *public]
            reply = self.house.submit(key, parents[above % len(parents)], demo=demo)
            if approved:
                self.house.decide(reply, "approve")

    @step(2, which=numbers)
    def approve(self, which: int) -> None:
        """An editor approves something that is not public."""
        self._act("approve", which, "pending", "spam", "trash")

    @step(which=numbers, action=st.sampled_from(["spam", "trash", "pending"]))
    def take_back(self, which: int, action: str) -> None:
        """An editor takes something back that is public."""
        self._act(action, which, "approved")

    @step(which=numbers)
    def undo(self, which: int) -> None:
        """An editor undoes one of the last decisions."""
        self.house.undo(which)

    @step(which=numbers)
    def edit(self, which: int) -> None:
        """A reply gets another text."""
        if found := self._replies():
            self.house.edit(found[which % len(found)].id)

    @step(which=numbers, what=st.sampled_from(["pinned", "locked"]))
    def mark(self, which: int, what: str) -> None:
        """An editor pins or locks a reply, or takes that back."""
        if found := self._replies():
            self.house.mark(found[which % len(found)].id, what)

    @step(which=numbers, opened=st.sampled_from([True, False, None]))
    def decide_who_may_reply(self, which: int, opened: bool | None) -> None:
        """An editor closes a discussion, opens it, or leaves it to the article."""
        self.house.set_open(self._key(which), opened)

    @step(which=numbers)
    def answer(self, which: int) -> None:
        """An editor answers a reply that waits or is public."""
        if found := self._replies("pending", "approved"):
            self.house.answer(found[which % len(found)].id)

    @step(which=numbers)
    def erase(self, which: int) -> None:
        """A reply is deleted, with what answers it."""
        if found := self._replies():
            self.house.erase(found[which % len(found)].id)

    @step()
    def remove_demo(self) -> None:
        """All samples are deleted."""
        self.house.remove_demo()

    @step(which=numbers)
    def close_or_open(self, which: int) -> None:
        """An article is closed, or opened again."""
        key = self._key(which)
        self.project.revise(key, open=not self.project.articles[key].open)

    @step(which=numbers, category=st.sampled_from(["advice", "work"]))
    def rewrite(self, which: int, category: str) -> None:
        """An article gets another text, perhaps in another category."""
        key = self._key(which)
        version = self.project.articles[key].version + 1
        self.project.revise(key, version=version, category=category)

    @step(which=numbers)
    def rename(self, which: int) -> None:
        """An article gets another slug; its discussion stays."""
        self._made += 1
        self.project.revise(self._key(which), slug=f"slug-{self._made}")

    @step()
    def add(self) -> None:
        """An article is added."""
        self._add()

    @step(which=numbers)
    def remove(self, which: int) -> None:
        """An article is removed."""
        if len(self.project.articles) > 1:
            self.project.remove(self._key(which))

    # Builds and publishers.

    @step()
    def build(self) -> None:
        """A full build."""
        self._build()

    @step(at=st.integers(0, 80), which=numbers, action=st.sampled_from(["approve", "trash"]))
    def build_while_editors_work(self, at: int, which: int, action: str) -> None:
        """A full build, in the middle of which something is approved or taken back."""
        states = ("pending", "spam", "trash") if action == "approve" else ("approved",)
        self._at(at, lambda: self._act(action, which, *states), self._build)

    @step(at=st.integers(0, 80), late=st.booleans())
    def killed_build(self, at: int, late: bool) -> None:
        """A full build that ends in the middle, perhaps when most of it is done."""
        self._at(at // 8 if late else at, _crash, self._build, after="site.lock" if late else "")

    @step()
    def publish(self) -> None:
        """A publisher comes, makes everything right, and ends."""
        self.project.round()

    @step(at=st.integers(0, 40), writes=st.booleans())
    def killed_publisher(self, at: int, writes: bool) -> None:
        """A publisher that ends in the middle, perhaps of a certain write."""
        self._at(at // 3 if writes else at, _crash, self.project.round, writes=writes)

    @step(at=st.integers(0, 40), which=numbers, action=st.sampled_from(["approve", "trash"]))
    def publish_while_editors_work(self, at: int, which: int, action: str) -> None:
        """A publisher, in the middle of whose work something is approved or taken back."""
        states = ("pending", "spam", "trash") if action == "approve" else ("approved",)
        self._at(at, lambda: self._act(action, which, *states), self.project.round)

    @step()
    def follow(self) -> None:
        """A publisher starts to follow the service."""
        if self._publisher is None:
            self._publisher = self._following.enter_context(self.project.following())

    @step(settled=st.booleans())
    def stop_following(self, settled: bool) -> None:
        """It stops, with what it has to do done or not."""
        if settled and self._publisher is not None:
            self._settle()
        self._stop_following()

    # Accidents of the service.

    @step()
    def restart_service(self) -> None:
        """The service is stopped and started."""
        self.house.restart()

    @step()
    def restart_everything(self) -> None:
        """Service and publisher are stopped and started."""
        followed = self._publisher is not None
        self._stop_following()
        self.house.restart()
        if followed:
            self.follow()

    @step()
    def copy_database(self) -> None:
        """The service's database is copied."""
        self._copy = self.house.copy(self.folder / "copy.sqlite3")

    @step(renamed=st.booleans())
    def restore_database(self, renamed: bool) -> None:
        """The service's database is replaced by an older copy.

        It gets another epoch; or it keeps it, and the site side asks before anything else is
        decided (docs/api.md: a `latest` below the cursor).
        """
        if self._copy is None:
            return
        self.house.restart()
        self.house.put_back(self._copy, epoch=f"epoch-{self._made}-{id(self)}" if renamed else None)
        self._made += 1
        # Pages follow what most replies are missing from only if the operator agrees.
        self.project.accept()
        if not renamed:
            self.project.round()

    @step(2, which=numbers, renamed=st.booleans(), other=st.booleans())
    def lose_what_was_published(self, which: int, renamed: bool, other: bool) -> None:
        """A change is published, then the service goes back before it, and perhaps takes another.

        Both changes have the same number: only the epoch tells them apart.
        """
        found = self._replies("approved")
        if not found:
            return
        reply = found[which % len(found)].id
        self._copy = self.house.copy(self.folder / "copy.sqlite3")
        self.house.edit(reply)
        self.project.round()
        self.restore_database(renamed)
        if other:
            self.house.decide(reply, "trash")

    def end(self) -> list[str]:
        """Everything comes to rest; what is not as it must be."""
        self._stop_following()
        self._write_what_was_built()
        self.project.round()
        problems = [*self.project.problems(), *self.project.differences()]
        if self.project.round():
            problems.append("a second round found something to write")
        return problems

    def close(self) -> None:
        """Nothing is left running."""
        self._following.close()

    def _build(self) -> None:
        """A full build; it may end in the middle, before or after its pages are shown."""
        shown = self._shown()
        try:
            self.project.build()
        finally:
            if self._shown() != shown:
                self._built = dict(self.project.articles)

    def _shown(self) -> Path | None:
        return self.project.output.resolve() if self.project.output.is_dir() else None

    def _write_what_was_built(self) -> None:
        # A last build would hide what publishers left behind: the articles go back instead.
        for key in self.project.articles.keys() - self._built.keys():
            self.project.remove(key)
        self.project.write(*self._built.values())

    def _add(self) -> None:
        self._made += 1
        self.project.write(Article(f"page-{self._made}", f"page-{self._made}"))

    def _key(self, which: int) -> str:
        return sorted(self.project.articles)[which % len(self.project.articles)]

    def _replies(self, *states: str) -> list[Reply]:
        found = self.house.replies()
        return of_status(found, *states) if states else found

    def _act(self, action: str, which: int, *states: str) -> None:
        if found := self._replies(*states):
            self.house.decide(found[which % len(found)].id, action)

    def _at(
        self,
        number: int,
        act: Callable[[], None],
        work: Callable[[], object],
        *,
        writes: bool = False,
        after: str = "",
    ) -> None:
        """Do something at that point of some work.

        Of all points, or of those that write files, or of those after one with a certain name.
        """
        left = number

        def visit(name: str, _count: int) -> None:
            nonlocal left
            if writes and not name.endswith((".replace", ".remove")):
                return
            if after and not any(after in one for one, _ in self.points.passed):
                return
            left -= 1
            if left == -1:
                act()

        with self.points.watching(visit):
            try:
                work()
            except Crash:
                return

    def _settle(self) -> None:
        """Wait until a publisher that follows has nothing to do any more."""
        publisher = self._publisher
        assert publisher is not None
        deadline = time.monotonic() + SETTLE_SECONDS
        with Snapshot(self.project.store) as snapshot:
            while True:
                position = snapshot.position()
                behind = position is None or position.cursor < self.house.latest()
                if not behind and not publisher.waiting:
                    return
                assert time.monotonic() < deadline, "the publisher does not come to rest"
                time.sleep(0.01)

    def _stop_following(self) -> None:
        self._following.close()
        self._publisher = None


def _crash() -> None:
    raise Crash


@given(
    articles=st.integers(1, 3),
    replies=st.integers(0, 9),
    steps=st.lists(st.one_of(_steps), min_size=FEWEST, max_size=MOST),
)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_history_ends_with_the_pages_of_a_full_build_from_nothing(
    house: House,
    points: Points,
    tmp_path_factory: pytest.TempPathFactory,
    articles: int,
    replies: int,
    steps: list[Step],
) -> None:
    folder = tmp_path_factory.mktemp("history")
    history = History(folder, house, points)
    try:
        history.begin(articles, replies)
        for one in steps:
            getattr(history, one.name)(**one.arguments)
        problems = history.end()
    finally:
        history.close()
        shutil.rmtree(folder)
    told = map(str, [f"begin({articles=}, {replies=})", *steps, "ends with", *problems])
    assert not problems, "\n".join(told)


@pytest.mark.parametrize("renamed", [True, False])
@pytest.mark.parametrize("other", [True, False])
@pytest.mark.parametrize("followed", [True, False])
def test_what_a_restored_service_never_published_goes_from_the_pages(
    house: House, points: Points, tmp_path: Path, renamed: bool, other: bool, followed: bool
) -> None:
    history = History(tmp_path / "history", house, points)
    try:
        history.begin(articles=2, replies=5)
        history.publish()
        if followed:
            history.follow()
        history.lose_what_was_published(0, renamed, other)
        problems = history.end()
    finally:
        history.close()
    assert not problems, "\n".join(problems)


def test_what_is_erased_or_taken_back_goes_from_every_file(
    house: House, points: Points, tmp_path: Path
) -> None:
    history = History(tmp_path / "history", house, points)
    try:
        history.begin(articles=2, replies=9)
        history.publish()
        for step_ in (
            lambda: history.erase(0),
            lambda: history.edit(0),
            lambda: history.take_back(2, "spam"),
            lambda: history.undo(4),
            history.remove_demo,
            lambda: history.take_back(0, "trash"),
        ):
            step_()
            history.publish()
            problems = [*history.project.problems(), *history.project.differences()]
            assert not problems, "\n".join(problems)
    finally:
        history.close()


@pytest.mark.parametrize("followed", [True, False])
def test_what_editors_decide_shows_on_every_page_of_a_long_discussion(
    house: House, points: Points, tmp_path: Path, followed: bool
) -> None:
    history = History(tmp_path / "history", house, points)
    try:
        history.begin(articles=1, replies=0)
        key = next(iter(history.project.articles))
        tops = [house.submit(key) for _ in range(5)]
        for one in tops:
            house.decide(one, "approve")
        below = house.submit(key, tops[4])
        house.decide(below, "approve")
        if followed:
            history.follow()
        acts: list[Callable[[], object]] = [
            lambda: house.mark(tops[0], "pinned"),
            lambda: house.mark(tops[4], "pinned"),
            lambda: house.mark(tops[4], "locked"),
            lambda: house.answer(below),
            lambda: house.set_open(key, False),
            lambda: house.decide(tops[4], "trash"),
            lambda: house.set_open(key, True),
            lambda: house.undo(4),
            lambda: house.mark(tops[4], "locked"),
            lambda: house.set_open(key, None),
            lambda: house.mark(tops[0], "pinned"),
        ]
        for act in acts:
            act()
            if not followed:
                history.publish()
            problems = _problems(history, SETTLE_SECONDS if followed else 0)
            assert not problems, "\n".join(problems)
    finally:
        history.close()


def _problems(history: History, patience: float) -> list[str]:
    """What is not as it must be, when a publisher that follows has had so much time."""
    deadline = time.monotonic() + patience
    while True:
        problems = [*history.project.problems(), *history.project.differences()]
        if not problems or time.monotonic() >= deadline:
            return problems
        time.sleep(0.1)
