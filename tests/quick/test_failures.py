"""Trouble is told with the file's name, or costs only time."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from plugins.quick import workers
from plugins.quick.errors import SettingsError, WorkerError
from plugins.quick.settings import QuickSettings
from plugins.quick.value_cache import Store
from tests.quick.projects import ROOT, THEME, Project, article, differences

MANY = {f"many-{number}.md": article(number) for number in range(12)}
NAMES = [f"file-{number}" for number in range(40)]


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_results_come_in_the_order_of_the_names(processes: int) -> None:
    done = workers.each("Testing", lambda index: index * index, NAMES, processes, piece=3)
    assert [one.value for one in done] == [index * index for index in range(len(NAMES))]


def test_large_results_pass(tmp_path: Path) -> None:
    done = workers.each("Testing", lambda index: bytes(300_000), NAMES, 2, piece=1)
    assert all(len(one.value) == 300_000 for one in done)


def test_an_exception_names_the_file_and_the_reason() -> None:
    def work(index: int) -> None:
        if index >= 17:
            raise ValueError("no luck")

    with pytest.raises(WorkerError, match=r"file-17: ValueError: no luck") as caught:
        workers.each("Testing", work, NAMES, 2, piece=40)
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_killed_worker_names_the_file() -> None:
    def work(index: int) -> None:
        if index == 17:
            os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(WorkerError, match=r"file-17: .* signal 9"):
        workers.each("Testing", work, NAMES, 2, piece=4)


def test_no_worker_is_left_behind() -> None:
    with pytest.raises(WorkerError):
        workers.each("Testing", lambda index: 1 / 0, NAMES, 2)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_worker_runs_nobodys_clean_up(tmp_path: Path) -> None:
    """The builder removes its directory when something goes wrong; a worker must not."""
    cleaned = tmp_path / "cleaned"
    parent = os.getpid()

    def work(index: int) -> None:
        raise SystemExit(3)

    try:
        with pytest.raises(WorkerError, match=r"file-\d+: .* code 1"):
            workers.each("Testing", work, NAMES, 2)
    finally:
        if os.getpid() != parent:
            cleaned.touch()
    assert not cleaned.exists()


def test_what_workers_log_is_logged_here_in_order(caplog: pytest.LogCaptureFixture) -> None:
    def work(index: int) -> None:
        logging.getLogger("elsewhere").warning("at %d of %s", index, "many")

    for done in workers.each("Testing", work, NAMES, 2, piece=2):
        workers.replay(done.logged)
    assert caplog.messages == [f"at {index} of many" for index in range(len(NAMES))]


def test_with_another_thread_about_nothing_is_forked() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert not workers.can_fork()
        done = workers.each("Testing", lambda index: os.getpid(), NAMES, 2)
    finally:
        stop.set()
        thread.join()
    assert {one.value for one in done} == {os.getpid()}
    assert workers.can_fork()


def test_a_failing_template_fails_the_build_and_names_the_page(tmp_path: Path) -> None:
    project = Project(tmp_path).articles(MANY)
    broken = THEME["article.html"].replace(
        "{{ article.lang }}", "{{ 1 // (article.date.day - 6) }}"
    )
    project.write("theme/templates/article.html", broken)
    with pytest.raises(WorkerError, match=r"article-5/index.html: ZeroDivisionError"):
        project.quick()


def test_an_article_that_cannot_be_read_is_told_as_by_pelican(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    project = Project(tmp_path).articles(MANY)
    project.write("content/bad.md", article(30, Date="never"))
    project.write("content/double.md", "Title: A\nDate: 2026-01-01\nDate: 2026-01-02\n\nX\n")
    said = []
    for build in (project.stock, project.quick, project.quick):
        caplog.clear()
        # Pelican says a thing once in a process.
        from pelican.log import LimitFilter

        LimitFilter._raised_messages.clear()
        build()
        said.append(sorted(record.getMessage() for record in caplog.records))
    assert any("bad.md" in message for message in said[0])
    assert any("Duplicate definition" in message for message in said[0])
    assert said[0] == said[1] == said[2]


def test_a_missing_link_is_warned_of_at_every_build(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from pelican.log import LimitFilter

    project = Project(tmp_path).articles(MANY)
    project.write("content/bad.md", article(30, Summary="S") + "\n[x]({filename}nowhere.md)\n")
    for build in (project.stock, project.quick, project.quick):
        caplog.clear()
        LimitFilter._raised_messages.clear()
        build()
        assert [one for one in caplog.messages if "nowhere.md" in one], build


@pytest.mark.parametrize("name", ["texts.sqlite3", "pages.sqlite3"])
@pytest.mark.parametrize("damage", [b"not a database", b"", None])
def test_a_damaged_cache_is_made_anew(tmp_path: Path, name: str, damage: bytes | None) -> None:
    project = Project(tmp_path).articles(MANY)
    first = project.quick()
    for ending in ("-wal", "-shm"):
        (tmp_path / "cache" / f"{name}{ending}").unlink(missing_ok=True)
    path = tmp_path / "cache" / name
    data = path.read_bytes()
    if damage is None:
        # Valid at both ends, rubbish between.
        path.write_bytes(data[:4096] + os.urandom(len(data) - 4096))
    else:
        path.write_bytes(damage)
    assert project.quick() == first
    project.quick()
    assert project.tally.rendered < 20


def test_a_damaged_page_is_rendered(tmp_path: Path) -> None:
    project = Project(tmp_path).articles(MANY)
    first = project.quick(link=False)
    kept = [path for path in (tmp_path / "cache" / "pages").rglob("*") if path.is_file()]
    for path in kept:
        path.write_bytes(path.read_bytes()[:-1])
    assert project.quick(link=False) == first
    assert project.tally.reused == 0


def test_a_value_that_was_changed_is_not_believed(tmp_path: Path) -> None:
    store = Store(tmp_path, "texts")
    store.put({b"key": b"value", b"other": b"value"})
    assert store._db is not None
    store._db.execute("UPDATE kept SET value = ? WHERE key = ?", (b"evil", b"key"))
    assert store.get([b"key", b"other"]) == {b"other": b"value"}
    store.close()


def test_every_process_reads_kept_values_by_itself(tmp_path: Path) -> None:
    store = Store(tmp_path, "texts")
    store.put({name.encode(): name.encode() * 2 for name in NAMES})

    def get(index: int) -> dict[bytes, bytes]:
        return store.get([NAMES[index].encode(), b"nothing"])

    assert get(0) == {b"file-0": b"file-0file-0"}
    done = workers.each("Testing", get, NAMES, 2, piece=3)
    assert [one.value for one in done] == [get(index) for index in range(len(NAMES))]
    store.put({b"more": b"value"})
    assert store.get([b"more"]) == {b"more": b"value"}
    store.close()


def test_what_is_of_no_use_for_a_week_is_forgotten(tmp_path: Path) -> None:
    store = Store(tmp_path, "texts")
    store.put({b"old": b"value", b"new": b"value", b"used": b"value"})
    assert store._db is not None
    store._db.execute("UPDATE kept SET seen = seen - 700000 WHERE key != ?", (b"new",))
    store.used(store.get([b"used"]))
    assert store.forget() == [b"old"]
    assert store.get([b"old", b"new", b"used"]).keys() == {b"new", b"used"}
    store.close()


def test_a_cache_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    project = Project(tmp_path).articles(MANY)
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert differences(project.stock(), project.quick()) == []


def test_two_builds_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    project = Project(tmp_path).articles(MANY)
    expected = project.stock()
    script = (
        "import sys\nfrom pathlib import Path\nfrom tests.quick.projects import Project, tree\n"
        "project = Project.__new__(Project)\nproject.root = Path(sys.argv[1])\n"
        "from tests.quick.projects import SETTINGS\nproject.settings = SETTINGS\n"
        "project._builds = int(sys.argv[2])\n"
        "for _ in range(3):\n    project.quick()\n"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), str(number)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        for number in (100, 200)
    ]
    assert [process.wait(60) for process in running] == [0, 0]
    from tests.quick.projects import tree

    for number in (101, 102, 103, 201, 202, 203):
        assert differences(expected, tree(tmp_path / f"quick{number}")) == []
    assert differences(expected, project.quick()) == []


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"QUICK_PROCESSES": 0}, "QUICK_PROCESSES"),
        ({"QUICK_PROCESSES": "2"}, "QUICK_PROCESSES"),
        ({"QUICK_PROCESSES": True}, "QUICK_PROCESSES"),
        ({"QUICK_CACHE": 7}, "QUICK_CACHE"),
        ({"QUICK_CACHE": ""}, "QUICK_CACHE"),
        ({"QUICK_PURE": "one"}, "QUICK_PURE"),
        ({"QUICK_PURE_EXTENSIONS": "one"}, "QUICK_PURE_EXTENSIONS"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, Any], name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        QuickSettings.of(settings)


def test_the_defaults_use_every_core_and_keep_nothing() -> None:
    found = QuickSettings.of({})
    assert found.processes == len(os.sched_getaffinity(0))
    assert found.cache is None
    assert not found.link
