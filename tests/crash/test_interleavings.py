"""Full builds beside publishers, in every order: nothing is lost, nothing comes back."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations_with_replacement
from pathlib import Path

import pytest

from plugins.discussion.client.snapshot import Snapshot
from plugins.discussion.publish.publisher import Publisher
from tests.crash.points import Beside, Crash, Points
from tests.crash.service_state import House
from tests.crash.sites import Article, Project

pytestmark = pytest.mark.xdist_group("crash-interleavings")
# All of them take some minutes; by default, those at which something changes hands.
EVERY = os.environ.get("CRASH_INTERLEAVINGS", "") not in {"", "0"}
SETTLE_SECONDS = 60

# What matters of a build: what it knows, what it has written, what it shows, who holds the lock.
STAGES = [
    "before Snapshot.sync",
    "after Snapshot.sync",
    "pelican finalized",
    "before Client.register",
    "after Client.register",
    "before site.lock",
    "after site.lock",
    "after builder.sync_folder",
]


@dataclass
class Stage:
    """A site before a build: published, with replies that wait and articles that were changed.

    The build will bring a new slug for `moved`, take `gone` away, and add `new`.
    """

    project: Project
    folder: Path
    waiting: list[str]
    public: list[str]
    changed: bool = True

    def reset(self) -> None:
        """Everything as it was before the first build."""
        house, root = self.project.house, self.project.root
        self._write()
        house.put_back(self.folder / "before.sqlite3")
        (root / "output").unlink(missing_ok=True)
        shutil.rmtree(root / "var", ignore_errors=True)
        shutil.copytree(self.folder / "var", root / "var", symlinks=True)
        (root / "output").symlink_to((self.folder / "output").readlink())

    def _write(self) -> None:
        project = self.project
        for key in list(project.articles):
            project.remove(key)
        if self.changed:
            moved = Article("elsewhere", "moved")
            project.write(*(Article(key, key) for key in ("long", "quiet", "new")), moved)
        else:
            project.write(*(Article(key, key) for key in ("long", "moved", "gone", "quiet")))

    def approve(self, which: int) -> None:
        """An editor approves one of those that wait."""
        self.project.house.decide(self.waiting[which], "approve")

    def take_back(self) -> None:
        """An editor takes back the only reply of an article."""
        self.project.house.decide(self.public[-1], "trash")


@pytest.fixture(scope="module")
def stage(house: House, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    folder = tmp_path_factory.mktemp("interleavings")
    project = Project(folder / "site", house)
    project.write(*(Article(key, key) for key in ("long", "moved", "gone", "quiet")))
    project.build()
    public = [house.submit(key) for key in ("long", "long", "moved", "gone", "quiet")]
    for one in public:
        house.decide(one, "approve")
    # The first begins a second page of replies, the second answers, the others stand elsewhere.
    waiting = [
        house.submit("long"),
        house.submit("moved", public[2]),
        house.submit("gone"),
    ]
    project.round()
    house.copy(folder / "before.sqlite3")
    shutil.copytree(project.root / "var", folder / "var", symlinks=True)
    (folder / "output").symlink_to((project.root / "output").readlink())
    return Stage(project, folder, waiting, public)


Action = Callable[[], object]


class Orders:
    """Runs builds and rounds with actions at their points, and says what was wrong at the end."""

    def __init__(self, stage: Stage, points: Points) -> None:
        self.stage, self.points = stage, points
        self.count = 0
        self._full: dict[tuple[object, ...], dict[str, bytes]] = {}
        self._beside: list[Beside] = []

    def beside(self, work: Action) -> Action:
        """Something that goes on in a thread of its own from there on, up to a lock or its end."""
        return lambda: self._beside.append(Beside(work))

    def run(self, work: Action, visits: dict[tuple[str, int], list[Action]]) -> None:
        """Do the work from the beginning, with the actions at these points."""
        self.stage.reset()
        self._beside = []

        def visit(name: str, count: int) -> None:
            for act in visits.get((name, count), ()):
                act()

        with self.points.watching(visit), suppress(Crash):
            work()
        for one in self._beside:
            one.join()
        self.count += 1

    def wrong(self, *, settled: bool = False) -> list[str]:
        """What is wrong once a publisher has looked; or already, if it should be `settled`."""
        project = self.stage.project
        if not settled:
            project.round()
        replies = tuple((one.id, one.status) for one in project.house.replies())
        # The same decisions in another order have other revisions.
        state = (replies, tuple(project.house.revisions().items()), self.stage.changed)
        if state not in self._full:
            self._full[state] = project.from_empty()
        return [*project.problems(), *project.differences(self._full[state])]


@pytest.fixture
def orders(stage: Stage, points: Points) -> Orders:
    stage.changed = True
    return Orders(stage, points)


def stages_of(orders: Orders, work: Action) -> list[tuple[str, int]]:
    """The points that this work passes."""
    orders.run(work, {})
    return list(orders.points.passed)


def some(places: list[tuple[str, int]], times: int) -> list[tuple[str, int]]:
    """All of these points, or each for the first few times that it is passed."""
    return places if EVERY else [one for one in places if one[1] < times]


def test_no_order_of_decisions_and_publishers_beside_a_build_loses_or_revives_a_reply(
    orders: Orders,
) -> None:
    stage = orders.stage
    passed = stages_of(orders, stage.project.build)
    firsts = [one for one in passed if one[1] == 0]
    places = firsts if EVERY else [(name, 0) for name in STAGES]
    assert set(places) <= set(passed), "the build has no such points any more"
    publish = orders.beside(stage.project.round)
    problems: list[str] = []
    for name, first, second in (
        ("approve, publish", lambda: stage.approve(0), publish),
        ("publish, approve", publish, lambda: stage.approve(1)),
        ("take back, publish", stage.take_back, publish),
    ):
        for one, other in combinations_with_replacement(places, 2):
            visits: dict[tuple[str, int], list[Action]] = {one: [first]}
            visits.setdefault(other, []).append(second)
            orders.run(stage.project.build, visits)
            problems += [f"{name} at {one} and {other}: {what}" for what in orders.wrong()]
    assert not problems, _told(problems)
    assert orders.count > 100


def test_three_decisions_and_two_publishers_at_points_of_a_build_end_in_the_same_pages(
    orders: Orders,
) -> None:
    stage = orders.stage
    publish = orders.beside(stage.project.round)
    steps = [lambda: stage.approve(0), publish, stage.take_back, lambda: stage.approve(1), publish]
    places = [(name, 0) for name in STAGES[:: 1 if EVERY else 2]]
    problems: list[str] = []
    for chosen in combinations_with_replacement(places, len(steps)):
        visits: dict[tuple[str, int], list[Action]] = {}
        for place, act in zip(chosen, steps, strict=True):
            visits.setdefault(place, []).append(act)
        orders.run(stage.project.build, visits)
        problems += [f"{chosen}: {what}" for what in orders.wrong()]
    assert not problems, _told(problems)


def test_a_build_at_any_point_of_a_publisher_ends_in_the_same_pages(orders: Orders) -> None:
    stage = orders.stage
    build = orders.beside(stage.project.build)

    def work() -> None:
        stage.approve(0)
        stage.take_back()
        stage.project.round()

    problems: list[str] = []
    for place in some(stages_of(orders, work), 1):
        for name, acts in (
            ("build", [build]),
            ("approve, build", [lambda: stage.approve(1), build]),
            ("build, approve", [build, lambda: stage.approve(1)]),
        ):
            orders.run(work, {place: list(acts)})
            problems += [f"{name} at {place}: {what}" for what in orders.wrong()]
    assert not problems, _told(problems)


def test_a_publisher_that_meets_a_build_registers_the_pages_that_are_shown(orders: Orders) -> None:
    stage = orders.stage
    build = orders.beside(stage.project.build)
    problems: list[str] = []
    for place in some(stages_of(orders, stage.project.round), 1):
        orders.run(stage.project.round, {place: [build]})
        registered = sorted(stage.project.house.registered())
        if registered != sorted(stage.project.articles):
            problems.append(f"build at {place}: registered are {registered}")
    assert not problems, _told(problems)


def test_a_publisher_that_ends_at_any_point_is_made_up_for_by_the_next(orders: Orders) -> None:
    stage = orders.stage
    stage.changed = False

    def forth() -> None:
        """A second page of replies comes, and an article's only reply goes."""
        stage.approve(0)
        stage.approve(1)
        stage.take_back()
        stage.project.round()

    def back() -> None:
        """A second page of replies comes and goes."""
        stage.approve(0)
        stage.project.round()
        stage.project.house.decide(stage.waiting[0], "trash")
        stage.take_back()
        stage.project.round()

    problems: list[str] = []
    for work in (forth, back):
        for place in some(stages_of(orders, work), 2):
            orders.run(work, {place: [_crash]})
            problems += [f"{work.__name__}, killed at {place}: {what}" for what in orders.wrong()]
    assert not problems, _told(problems)


def test_a_build_that_ends_at_any_point_leaves_a_whole_site_and_the_next_one_is_right(
    orders: Orders,
) -> None:
    stage = orders.stage
    problems: list[str] = []
    for place in some(stages_of(orders, stage.project.build), 1):
        orders.run(stage.project.build, {place: [lambda: stage.approve(0), _crash]})
        assert stage.project.output.is_dir(), place
        assert (stage.project.output / "long" / "index.html").is_file(), place
        stage.project.build()
        problems += [f"killed at {place}: {what}" for what in orders.wrong()]
    assert not problems, _told(problems)


def test_a_following_publisher_needs_nobody_whatever_is_approved_during_a_build(
    orders: Orders, publisher_log: list[str]
) -> None:
    stage = orders.stage
    project = stage.project
    places = stages_of(orders, project.build) if EVERY else [(name, 0) for name in STAGES]
    problems: list[str] = []
    for place in places:
        followers: list[Publisher] = []

        def build_beside(
            place: tuple[str, int] = place, followers: list[Publisher] = followers
        ) -> None:
            with project.following() as follower:
                followers.append(follower)
                _wait(lambda: _followed(project), publisher_log)
                project.build()
                # By itself: nobody but the follower works on the pages now.
                _wait(lambda: not orders.wrong(settled=True), publisher_log)

        def approve(followers: list[Publisher] = followers) -> None:
            stage.approve(0)
            stage.take_back()
            if not _locked(project):
                # The old pages show it, so that the build must find out.
                _wait(lambda: _followed(project) and not followers[0].waiting, publisher_log)

        orders.run(build_beside, {place: [approve]})
        problems += [f"approved at {place}: {what}" for what in orders.wrong(settled=True)]
    assert not problems, _told(problems)


def test_removed_articles_are_gone_and_renamed_ones_keep_their_replies(orders: Orders) -> None:
    stage = orders.stage
    publish = orders.beside(stage.project.round)
    for place in [(name, 0) for name in STAGES]:
        orders.run(stage.project.build, {place: [lambda: stage.approve(1), publish]})
        stage.project.round()
        output = stage.project.output
        assert not (output / "gone").exists(), place
        assert not (output / "moved").exists(), place
        page = (output / "elsewhere" / "index.html").read_text()
        for reply in (stage.public[2], stage.waiting[1]):
            assert page.count(f'id="comment-{reply}"') == 1, place
        assert f"/comments/moved/reply/{stage.public[2]}" in page, place
        assert "gone" not in stage.project.house.registered(), place
        assert stage.project.house.registered()["moved"][0].endswith("/elsewhere/"), place


def _crash() -> None:
    raise Crash


def _told(problems: list[str]) -> str:
    return "\n".join([f"{len(problems)} problems, the first of them:", *problems[:20]])


def _locked(project: Project) -> bool:
    from filelock import FileLock, Timeout

    try:
        with FileLock(project.root / "var" / "site.lock", timeout=0, mode=0o644):
            return False
    except Timeout:
        return True


def _followed(project: Project) -> bool:
    with Snapshot(project.store) as snapshot:
        position = snapshot.position()
        return position is not None and position.cursor >= project.house.latest()


def _wait(true: Callable[[], bool], log: list[str]) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS
    while not true():
        assert time.monotonic() < deadline, "\n".join(["It did not come to rest:", *log[-15:]])
        time.sleep(0.005)
