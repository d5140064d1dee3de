"""Real processes are killed at any instant, again and again; readers and editors notice nothing."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import select

from comments_service.services import auth
from comments_service.store.database import Database
from comments_service.store.tables import event
from tests.crash.service_state import TOKEN, House, of_status
from tests.crash.sites import Article, Project
from tests.crash.warm import Warm
from tests.running import SECRET
from tests.service.pages import PASSWORD, Page

pytestmark = pytest.mark.xdist_group("crash-kill")

KILLS = int(os.environ.get("CRASH_KILLS", "160"))
# How long each one lives at most, in seconds: about what it needs for its work.
LIVES = {"publish": 0.15, "build": 0.5, "service": 0.35}
PUBLIC = 30
CONVERGE_SECONDS = 120
ALWAYS = ["long", "quiet", "third"]


class Remote(House):
    """The same service, but in processes of its own; here is only a look into its database."""

    def start(self) -> None:
        self.db = Database(self._settings.database)

    def stop(self) -> None:
        self.db.close()


class Editors:
    """Readers who reply and editors who decide, by HTTP, whatever happens to the service."""

    def __init__(self, remote: Remote, seed: int) -> None:
        self.remote = remote
        self.submitted: set[str] = set()
        self.decided: list[tuple[str, str]] = []
        self.refused: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._http = requests.Session()
        self._token = ""
        self._count = 0
        self._stop = threading.Event()
        # Held while they work, and by who wants them to rest.
        self.working = threading.Lock()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self.error: BaseException | None = None

    def start(self) -> None:
        self._sign_in()
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive()
        if self.error is not None:
            raise self.error

    def _work(self) -> None:
        try:
            while not self._stop.wait(self._random.uniform(0, 0.06)):
                try:
                    with self.working:
                        (self._submit if self._random.random() < 0.45 else self._decide)()
                except requests.RequestException:
                    # Killed in the middle: what was asked for may have happened or not.
                    self.refused["away"] += 1
        except BaseException as error:
            self.error = error

    def _sign_in(self) -> None:
        form = Page(self._http.get(f"{self.remote.url}/moderate/sign-in", timeout=10).text)
        answer = self._http.post(
            f"{self.remote.url}/moderate/sign-in",
            data={
                "token": form.fields["token"],
                "email": "editor@example.org",
                "password": PASSWORD,
            },
            timeout=10,
        )
        assert answer.status_code == 200, answer.text
        # Every form of the queue carries it; the page has none before there is a reply.
        self._token = Page(answer.text).all("input", name="token")[0].attributes["value"]

    def _submit(self) -> None:
        self._count += 1
        replies = self.remote.replies()
        key = self._random.choice(ALWAYS)
        public = [one.id for one in of_status(replies, "approved") if one.key == key]
        parent = self._random.choice(["", "", *public[-3:]])
        answer = requests.post(
            f"{self.remote.url}/comments/{key}",
            data={
                "comment": f"Words{self._count}x0x are mine.",
                "author": f"Name{self._count}x",
                "email": f"reader{self._count}x@private.example",
                "parent": parent,
            },
            allow_redirects=False,
            timeout=10,
        )
        if answer.status_code == 303:
            self.submitted.add(answer.headers["Location"].split("/")[3])
        else:
            self.refused[str(answer.status_code)] += 1

    def _decide(self) -> None:
        replies = self.remote.replies()
        public, waiting = of_status(replies, "approved"), of_status(replies, "pending", "trash")
        back = len(public) > PUBLIC or (public and self._random.random() < 0.3)
        found = public if back else waiting
        if not found:
            return
        chosen = self._random.choice(found)
        action = self._random.choice(["trash", "spam"]) if back else "approve"
        address = f"{self.remote.url}/moderate/replies/{chosen.id}"
        shown = Page(self._http.get(address, timeout=10).text)
        read = {one.attributes["value"] for one in shown.all("input", name="version")}
        if not read:
            # The service was killed just now.
            return
        version = read.pop()
        answer = self._http.post(
            address,
            data={
                "token": self._token,
                "action": action,
                "was": chosen.status,
                "version": version,
            },
            allow_redirects=False,
            timeout=10,
        )
        if answer.status_code == 303:
            self.decided.append((chosen.id, action))
        else:
            self.refused[str(answer.status_code)] += 1


class Chaos:
    """Everything at once, and somebody who kills."""

    def __init__(self, project: Project, remote: Remote, warm: Warm, seed: int) -> None:
        self.project, self.remote, self.warm = project, remote, warm
        self.random = random.Random(seed)
        self.kills: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self._running: dict[str, int] = {}

    def start(self, verb: str) -> None:
        """Start a verb, unless it is running."""
        process = self._running.get(verb)
        if process is not None:
            code = self.warm.code(process)
            if code is None:
                return
            self.ended[f"{verb} {code}"] += 1
        arguments = {
            "service": ("--quiet", "--port", str(self.remote.port)),
            "publish": ("--output", "output"),
            "build": ("--output", "output"),
        }[verb]
        self._running[verb] = self.warm.start(verb, *arguments)

    def kill(self, verb: str) -> None:
        """Kill it; a kill of what has ended already does not count."""
        process = self._running.pop(verb, None)
        if process is not None:
            if self.warm.kill(process):
                self.kills[verb] += 1
            else:
                self.ended[f"{verb} {self.warm.code(process)}"] += 1

    def finish_build(self) -> None:
        """One build comes to its end, with what was written meanwhile."""
        self.kill("build")
        self.start("service")
        self.serve()
        process = self.warm.start("build", "--output", "output")
        deadline = time.monotonic() + 60
        while (code := self.warm.code(process)) is None:
            assert time.monotonic() < deadline, "the build does not end"
            time.sleep(0.005)
        assert code == 0, self.warm.log.read_text()[-3000:]

    def serve(self) -> None:
        """The service answers."""
        deadline = time.monotonic() + 60
        while True:
            self.start("service")
            try:
                answer = requests.get(f"{self.remote.url}/moderate/sign-in", timeout=5)
                return answer.raise_for_status()
            except requests.RequestException:
                assert time.monotonic() < deadline, self.warm.log.read_text()[-3000:]
                time.sleep(0.01)

    def victims(self, verbs: list[str], kills: int) -> None:
        """Kill these, in any order, that many times; everything else goes on."""
        target = self.kills.total() + kills
        turn = 0
        while self.kills.total() < target:
            turn += 1
            verb = self.random.choice(verbs)
            for other in ("service", "publish"):
                self.start(other)
            self.start(verb)
            time.sleep(self.random.uniform(0, LIVES[verb]))
            self.kill(verb)
            if turn % 12 == 0:
                key = self.random.choice(ALWAYS)
                version = self.project.articles[key].version + 1
                self.project.revise(key, version=version)
                self.finish_build()
        self.serve()
        self.start("publish")


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Remote]:
    """The database of a service that does not run yet, and the environment of its site."""
    remote = Remote(tmp_path / "service")
    for name, value in {
        "SERVICE_URL": remote.url,
        "SITE_URL": remote.url,
        "API_TOKEN": TOKEN,
        "VAR": "var",
        "SECRET": SECRET,
        "DATABASE": f"sqlite:///{remote.file}",
    }.items():
        monkeypatch.setenv(f"REJOINDER_{name}", value)
    auth.add_editor(
        remote.db,
        email="editor@example.org",
        name="Edith",
        password=PASSWORD,
        now=remote.clock(),
    )
    yield remote
    remote.stop()


def test_kill_at_any_instant_leaves_whole_pages_and_everything_finds_its_way_back(
    remote: Remote, tmp_path: Path
) -> None:
    project = Project(tmp_path / "site", remote)
    project.write(*(Article(key, key) for key in ALWAYS))
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    warm = Warm(project.root, {})
    try:
        chaos = Chaos(project, remote, warm, seed)
        chaos.serve()
        chaos.finish_build()
        _submit_first(remote)
        editors = Editors(remote, seed)
        editors.start()
        with _Reading(project) as report:
            part = KILLS // 4
            for verbs, kills in (
                (["publish"], part),
                (["build"], part),
                (["service"], part),
                (["publish", "build", "service"], KILLS - 3 * part),
            ):
                chaos.victims(verbs, kills)
                with editors.working:
                    # Nobody helps: what was killed was started again, as any supervisor would.
                    _converge(project, warm)
            editors.stop()
            chaos.finish_build()
            _converge(project, warm)
        print(
            f"{chaos.kills.total()} kills: {dict(chaos.kills)}; "
            f"ended by themselves: {dict(chaos.ended)}; pages read: {report['read']}; "
            f"replies: {len(editors.submitted)}, decisions: {len(editors.decided)}, "
            f"refused: {dict(editors.refused)}"
        )
    finally:
        warm.close()
    assert chaos.kills.total() >= KILLS
    assert not report["problems"], "\n".join(report["problems"])
    assert report["read"] > 100
    assert not _states_that_never_were(remote, report["states"])
    assert len(report["states"]) > len(ALWAYS), "no page was seen to change"
    _nothing_acknowledged_is_lost(remote, editors)
    assert len(list((project.root / "var" / "builds").iterdir())) <= 2, "killed builds left files"
    for file in (remote.file, project.store):
        with closing(sqlite3.connect(file)) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)], file


def _submit_first(remote: Remote) -> None:
    """One reply, so that the queue has a form."""
    answer = requests.post(
        f"{remote.url}/comments/long",
        data={"comment": "Words0x0x", "author": "Name0x", "email": "reader0x@private.example"},
        allow_redirects=False,
        timeout=10,
    )
    assert answer.status_code == 303, answer.text


class _Reading:
    """A reader's process, until the block ends; then his report."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._file = project.root / "report.json"
        self._report: dict[str, Any] = {}

    def __enter__(self) -> dict[str, Any]:
        words = [str(self._project.output), str(self._file), *ALWAYS]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.reader", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(["", *sys.path])},
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()
        return self._report

    def __exit__(self, *_error: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        code = self._process.wait(60)
        self._process.stdout.close()
        if code == 0:
            self._report.update(json.loads(self._file.read_text()))


def _converge(project: Project, warm: Warm) -> None:
    """Wait until the output is what a full build from nothing makes of the service's database."""
    full = project.from_empty()
    deadline = time.monotonic() + CONVERGE_SECONDS
    while problems := [*project.differences(full), *project.problems()]:
        assert time.monotonic() < deadline, "\n".join(
            ["It does not converge:", *problems[:20], warm.log.read_text()[-3000:]]
        )
        time.sleep(0.2)


def _states_that_never_were(remote: Remote, states: list[dict[str, Any]]) -> list[str]:
    """What the reader saw of a page at a revision that was not public at that revision."""
    query = select(event.c.seq, event.c.comment, event.c.page, event.c.after).order_by(event.c.seq)
    with remote.db.read() as connection:
        events = list(connection.execute(query))
    wrong = []
    for state in states:
        public: set[str] = set()
        for one in events:
            if one.page == state["key"] and one.seq <= state["revision"]:
                change = public.add if one.after["status"] == "approved" else public.discard
                change(one.comment)
        if len(public) != state["count"] or not public.issuperset(state["ids"]):
            wrong.append(f"{state}: public were {sorted(public)}")
    return wrong


def _nothing_acknowledged_is_lost(remote: Remote, editors: Editors) -> None:
    stored = {one.id for one in remote.replies()}
    assert editors.submitted <= stored
    query = select(event.c.comment, event.c.action)
    with remote.db.read() as connection:
        told = Counter((row.comment, row.action) for row in connection.execute(query))
    missing = Counter(editors.decided) - told
    assert not missing
