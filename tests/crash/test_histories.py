"""Whatever happened, the output ends up as a full build from nothing would make it."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from plugins.discussion.publisher import Publisher
from plugins.discussion.snapshot import Snapshot
from tests.crash.house import House, Reply, of_status
from tests.crash.points import Crash, Points
from tests.crash.sites import Article, Project

# How many histories, and how long each one is.
EXAMPLES = int(os.environ.get("CRASH_EXAMPLES", "10"))
STEPS = 25
SETTLE_SECONDS = 20

pytestmark = pytest.mark.xdist_group("crash-histories")
numbers = st.integers(0, 30)


class Histories(RuleBasedStateMachine):
    """What readers, authors, editors, machines and accidents do, in any order."""

    house: House
    points: Points
    folder: Path
    ran = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).ran += 1
        self.root = self.folder / f"history-{self.ran}"
        self.house.forget()
        self.project = Project(self.root, self.house)
        self._copy: Path | None = None
        self._following = ExitStack()
        self._publisher: Publisher | None = None
        self._made = 0
        self._built: dict[str, Article] = {}

    @initialize(articles=st.integers(1, 3))
    def begin(self, articles: int) -> None:
        """A site with some articles is built for the first time."""
        for _ in range(articles):
            self._add()
        self._build()

    # Readers, editors, authors.

    @rule(page=numbers, above=numbers, demo=st.booleans(), approved=st.booleans())
    def submit(self, page: int, above: int, demo: bool, approved: bool) -> None:
        """A reader replies, to the article or to a public reply; perhaps it is approved at once."""
        keys = self.house.taking()
        if keys:
            key = keys[page % len(keys)]
            public = [one.id for one in self._replies("approved") if one.key == key]
            parents = ["", "", *public]
            reply = self.house.submit(key, parents[above % len(parents)], demo=demo)
            if approved:
                self.house.decide(reply, "approve")

    @rule(which=numbers)
    def approve(self, which: int) -> None:
        """An editor approves something that is not public."""
        self._act("approve", which, "pending", "spam", "trash")

    @rule(which=numbers, action=st.sampled_from(["spam", "trash", "pending"]))
    def take_back(self, which: int, action: str) -> None:
        """An editor takes something back that is public."""
        self._act(action, which, "approved")

    @rule(which=numbers)
    def undo(self, which: int) -> None:
        """An editor undoes one of the last decisions."""
        self.house.undo(which)

    @rule(which=numbers)
    def edit(self, which: int) -> None:
        """A reply gets another text."""
        if found := self._replies():
            self.house.edit(found[which % len(found)].id)

    @rule(which=numbers)
    def erase(self, which: int) -> None:
        """A reply is deleted, with what answers it."""
        if found := self._replies():
            self.house.erase(found[which % len(found)].id)

    @rule()
    def remove_demo(self) -> None:
        """All samples are deleted."""
        self.house.remove_demo()

    @rule(which=numbers)
    def close_or_open(self, which: int) -> None:
        """An article is closed, or opened again."""
        key = self._key(which)
        self.project.revise(key, open=not self.project.articles[key].open)

    @rule(which=numbers, category=st.sampled_from(["advice", "work"]))
    def rewrite(self, which: int, category: str) -> None:
        """An article gets another text, perhaps in another category."""
        key = self._key(which)
        version = self.project.articles[key].version + 1
        self.project.revise(key, version=version, category=category)

    @rule(which=numbers)
    def rename(self, which: int) -> None:
        """An article gets another slug; its discussion stays."""
        self._made += 1
        self.project.revise(self._key(which), slug=f"slug-{self._made}")

    @rule()
    def add(self) -> None:
        """An article is added."""
        self._add()

    @precondition(lambda self: len(self.project.articles) > 1)
    @rule(which=numbers)
    def remove(self, which: int) -> None:
        """An article is removed."""
        self.project.remove(self._key(which))

    # Builds and publishers.

    @rule()
    def build(self) -> None:
        """A full build."""
        self._build()

    @rule(at=st.integers(0, 80), which=numbers, action=st.sampled_from(["approve", "trash"]))
    def build_while_editors_work(self, at: int, which: int, action: str) -> None:
        """A full build, in the middle of which something is approved or taken back."""
        states = ("pending", "spam", "trash") if action == "approve" else ("approved",)
        self._at(at, lambda: self._act(action, which, *states), self._build)

    @rule(at=st.integers(0, 80), late=st.booleans())
    def killed_build(self, at: int, late: bool) -> None:
        """A full build that ends in the middle, perhaps when most of it is done."""
        self._at(at // 8 if late else at, _crash, self._build, after="site.lock" if late else "")

    @rule()
    def publish(self) -> None:
        """A publisher comes, makes everything right, and ends."""
        self.project.round()

    @rule(at=st.integers(0, 40), writes=st.booleans())
    def killed_publisher(self, at: int, writes: bool) -> None:
        """A publisher that ends in the middle, perhaps of a certain write."""
        self._at(at // 3 if writes else at, _crash, self.project.round, writes=writes)

    @rule(at=st.integers(0, 40), which=numbers, action=st.sampled_from(["approve", "trash"]))
    def publish_while_editors_work(self, at: int, which: int, action: str) -> None:
        """A publisher, in the middle of whose work something is approved or taken back."""
        states = ("pending", "spam", "trash") if action == "approve" else ("approved",)
        self._at(at, lambda: self._act(action, which, *states), self.project.round)

    @precondition(lambda self: self._publisher is None)
    @rule()
    def follow(self) -> None:
        """A publisher starts to follow the service."""
        self._publisher = self._following.enter_context(self.project.following())

    @precondition(lambda self: self._publisher is not None)
    @rule(settled=st.booleans())
    def stop_following(self, settled: bool) -> None:
        """It stops, with what it has to do done or not."""
        if settled:
            self._settle()
        self._stop_following()

    # Accidents of the service.

    @rule()
    def restart_service(self) -> None:
        """The service is stopped and started."""
        self.house.restart()

    @rule()
    def restart_everything(self) -> None:
        """Service and publisher are stopped and started."""
        followed = self._publisher is not None
        self._stop_following()
        self.house.restart()
        if followed:
            self.follow()

    @rule()
    def copy_database(self) -> None:
        """The service's database is copied."""
        self._copy = self.house.copy(self.folder / "copy.sqlite3")

    @precondition(lambda self: self._copy is not None)
    @rule(renamed=st.booleans())
    def restore_database(self, renamed: bool) -> None:
        """The service's database is replaced by an older copy.

        It gets another epoch; or it keeps it, and the site side asks before anything else is
        decided (docs/wire.md: a `latest` below the cursor).
        """
        assert self._copy is not None
        self.house.stop()
        self.house.start()
        self.house.put_back(self._copy, epoch=f"epoch-{self._made}-{id(self)}" if renamed else None)
        self._made += 1
        if not renamed:
            self.project.round()

    @rule(which=numbers, renamed=st.booleans(), other=st.booleans())
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

    def teardown(self) -> None:
        """Everything comes to rest, and is as it must be."""
        try:
            self._stop_following()
            if not self.project.output.is_dir():
                return
            self._write_what_was_built()
            self.project.round()
            problems = [*self.project.problems(), *self.project.differences()]
            assert not problems, "\n".join(["After this history:", *problems])
            assert self.project.round() == 0, "a second round found something to write"
        finally:
            self._following.close()
            shutil.rmtree(self.root, ignore_errors=True)

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


@pytest.fixture
def histories(
    house: House, points: Points, tmp_path: Path
) -> Iterator[type[RuleBasedStateMachine]]:
    """The machine, over the service and with the points."""
    logger = logging.getLogger("rejoinder.publisher")
    before, logger.disabled = logger.disabled, True

    class Here(Histories):
        pass

    Here.house, Here.points, Here.folder = house, points, tmp_path
    yield Here
    logger.disabled = before


def test_every_history_ends_with_the_pages_of_a_full_build_from_nothing(
    histories: type[RuleBasedStateMachine],
) -> None:
    run_state_machine_as_test(
        histories,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
