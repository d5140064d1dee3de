"""Replies per second with 16 clients, against Isso, in one run: `make bench-submit`.

Both services run as their documentation says, over fresh SQLite files on the same disk, in turns
(Rejoinder, Isso, Rejoinder, …); the figures are medians over the rounds. After each round the
replies that were acknowledged are looked up, one by one, in the database. One more round ends with
`kill -9` of Rejoinder in the middle of the load.
"""

import json
import os
import random
import secrets
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from statistics import median
from subprocess import Popen, run
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from benchmarks import load, peers, report, servers
from comments_service.store.database import Database

CLIENTS = 16
PAGES = [f"bench-{number}" for number in range(8)]
WORDS = 40
# More than any server here answers, so that the prepared requests outlast the time.
CEILING_PER_S = 2500
ISSO_WORKERS = 4

_VOCABULARY = (
    "a about after again arrive ask at badge because bring circle coffee colleague corner day "
    "door early evening event everyone find first floor friend give guest hallway hello help "
    "host idea in introduce join keep later leave listen lunch meet morning name never new "
    "note of on one open people person plan question quiet remember room say someone speaker "
    "start stay story talk team thank the then time to tomorrow two usually walk when with "
    "word "
)


class Reply(NamedTuple):
    """What one client says; no two are the same."""

    page: str
    text: str
    name: str
    email: str


class Round(NamedTuple):
    """The figures of one server in one round."""

    per_s: float
    p50_ms: float
    p99_ms: float
    acknowledged: int
    lost: int
    doubled: int
    connections: int
    load_cpu: float


class Server(NamedTuple):
    """What the benchmark needs to know of a server. `start(folder, port)` runs a fresh one."""

    name: str
    start: Callable[[Path, int], AbstractContextManager["Popen[bytes]"]]
    requests: Sequence[bytes]
    expected: frozenset[int]
    stored: Callable[[Path], list[str]]


def main() -> None:
    quick = report.quick()
    rounds, seconds, warm_up = (3, 2.5, 0.5) if quick else (7, 10.0, 2.0)
    isso_programs = peers.isso()
    # A busy machine starts and stops servers slowly: then a round less is better than a long run.
    latest = time.monotonic() + (30 if quick else 300)
    for told in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(told, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="submit-", dir=peers.KEPT) as name:
        work = Path(name)
        written = list(replies(int(CEILING_PER_S * (seconds + warm_up))))
        rejoinder, isso = _rejoinder(work, written), _isso(work, isso_programs, written)
        seen: dict[str, list[Round]] = {rejoinder.name: [], isso.name: []}
        for number in range(rounds):
            if number and time.monotonic() > latest:
                report.note(f"Out of time after {number} rounds.")
                break
            for server in (rejoinder, isso):
                report.note(f"Round {number + 1} of {rounds}: {server.name}, {seconds:g} s ...")
                seen[server.name].append(measure(server, work, written, seconds, warm_up))
        report.note("Last round: Rejoinder, killed in the middle ...")
        lost_by_kill = kill(rejoinder, work, written)
        machine = report.machine(work)
    _report(seen[rejoinder.name], seen[isso.name], lost_by_kill, machine)


def replies(count: int) -> Iterator[Reply]:
    """Yield that many different replies, the same ones in every run."""
    chance, vocabulary = random.Random(16), _VOCABULARY.split()
    for number in range(count):
        words = chance.choices(vocabulary, k=WORDS - 1)
        words[3] = f"*{words[3]}*"
        half = WORDS // 2
        text = f"{' '.join(words[:half])}.\n\n{' '.join(words[half:])} {number}."
        page = PAGES[number % len(PAGES)]
        yield Reply(page, text, f"Reader {number}", f"reader-{number}@example.org")


def measure(
    server: Server, work: Path, written: Sequence[Reply], seconds: float, warm_up: float
) -> Round:
    """Run one round over a fresh database."""
    with _fresh(work) as folder:
        port = servers.free_port()
        with server.start(folder, port):
            # The first ones alone: they make what the others only look up.
            first = _post(server, port, 0, len(PAGES), clients=1)
            warm = _post(server, port, len(PAGES), len(written), seconds=warm_up)
            begin = len(PAGES) + len(warm.acknowledged)
            result = _post(server, port, begin, len(written), seconds=seconds)
        stored = server.stored(folder)
    acknowledged = [*first.acknowledged, *warm.acknowledged, *result.acknowledged]
    return Round(
        per_s=result.per_s,
        p50_ms=report.percentile(result.latencies, 50) * 1000,
        p99_ms=report.percentile(result.latencies, 99) * 1000,
        acknowledged=len(result.acknowledged),
        lost=_lost(acknowledged, written, stored),
        doubled=len(stored) - len(set(stored)),
        connections=result.connections,
        load_cpu=result.cpu / result.seconds,
    )


def kill(server: Server, work: Path, written: Sequence[Reply]) -> int:
    """Kill the server in the middle of the load; return how many acknowledged replies are gone."""
    with _fresh(work) as folder:
        port = servers.free_port()
        with server.start(folder, port) as process:
            timer = threading.Timer(1.0, servers.stop, (process, signal.SIGKILL))
            timer.start()
            try:
                result = _post(server, port, 0, len(written), seconds=10, may_die=True)
            finally:
                timer.cancel()
                timer.join()
        return _lost(result.acknowledged, written, server.stored(folder))


def _post(
    server: Server,
    port: int,
    first: int,
    end: int,
    *,
    clients: int = CLIENTS,
    seconds: float = 10,
    may_die: bool = False,
) -> load.Outcome:
    return load.run(
        port,
        server.requests[:end],
        server.expected,
        clients=clients,
        seconds=seconds,
        first=first,
        may_die=may_die,
    )


def _lost(acknowledged: Sequence[int], written: Sequence[Reply], stored: Sequence[str]) -> int:
    return len({written[number].email for number in acknowledged}.difference(stored))


@contextmanager
def _fresh(work: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir=work))
    yield folder
    shutil.rmtree(folder)


def _environ(**more: str) -> dict[str, str]:
    """Return the environment without what would change how the servers run."""
    ours = ("REJOINDER_", "ISSO_", "GUNICORN_", "WEB_CONCURRENCY")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | more


def _rejoinder(work: Path, written: Sequence[Reply]) -> Server:
    token = secrets.token_urlsafe(32)
    empty = work / "empty.sqlite3"

    def environ(database: Path, **more: str) -> dict[str, str]:
        return _environ(
            REJOINDER_VAR=str(database.parent),
            REJOINDER_SECRET=secrets.token_urlsafe(32),
            REJOINDER_API_TOKEN=token,
            REJOINDER_DATABASE=f"sqlite:///{database}",
            # All comes from one address here. High limits, so that counting is measured too.
            REJOINDER_POSTS_PER_MINUTE="100000",
            REJOINDER_POSTS_PER_HOUR="1000000",
            REJOINDER_SITE_POSTS_PER_MINUTE="1000000",
            **more,
        )

    verb = [sys.executable, "-m", "rejoinder"]
    run([*verb, "migrate"], env=environ(empty), check=True, capture_output=True)
    _check_durable(f"sqlite:///{empty}")

    @contextmanager
    def start(folder: Path, port: int) -> Iterator["Popen[bytes]"]:
        database = folder / "comments.sqlite3"
        shutil.copy(empty, database)
        command = [*verb, "service", "--quiet", "--port", str(port)]
        settings = environ(database, REJOINDER_SITE_URL=f"http://127.0.0.1:{port}")
        with servers.running(command, port, log=folder / "log", environ=settings) as process:
            _register(port, token)
            yield process

    return Server(
        "Rejoinder",
        start,
        [_form(reply) for reply in written],
        frozenset({303}),
        lambda folder: _column(
            folder / "comments.sqlite3",
            "SELECT email FROM contact JOIN comment ON comment.id = comment_id"
            " JOIN event ON event.comment = public_id AND event.action = 'submit'"
            " WHERE status = 'pending'",
        ),
    )


def _check_durable(url: str) -> None:
    """Look, through the service's own connections, whether each commit waits for the disk."""
    db = Database(url)
    for transaction in (db.read, db.write):
        with transaction() as connection:
            journal = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
            level = connection.exec_driver_sql("PRAGMA synchronous").scalar()
        if (journal, level) != ("wal", 2):
            raise SystemExit(
                f"Not durable: journal_mode={journal}, synchronous={level} (FULL is 2)"
            )
    db.close()


def _register(port: int, token: str) -> None:
    pages = [
        {"key": key, "url": f"/{key}/", "title": f"About {key}", "question": "And you?"}
        for key in PAGES
    ]
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/comments/api/pages",
        json.dumps({"pages": [page | {"open": True} for page in pages]}).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        method="PUT",
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()


def _form(reply: Reply) -> bytes:
    fields = {"comment": reply.text, "author": reply.name, "email": reply.email}
    body = urlencode(fields | {"url": "", "parent": ""}).encode()
    return load.post(f"/comments/{reply.page}", "application/x-www-form-urlencoded", body)


def _isso(work: Path, programs: Path, written: Sequence[Reply]) -> Server:
    def environ(database: Path, port: int) -> dict[str, str]:
        settings = database.with_suffix(".cfg")
        settings.write_text(
            f"[general]\ndbpath = {database}\nhost = http://127.0.0.1:{port}/\n"
            "[moderation]\nenabled = true\n[guard]\nenabled = false\n"
        )
        return _environ(ISSO_SETTINGS=str(settings))

    empty = work / "isso-empty.db"
    make = [str(programs / "python"), "-c", "import isso.run"]
    run(make, env=environ(empty, servers.free_port()), check=True, capture_output=True)

    @contextmanager
    def start(folder: Path, port: int) -> Iterator["Popen[bytes]"]:
        database = folder / "comments.db"
        shutil.copy(empty, database)
        # As Isso's page on deployment has it, with gevent's workers, but without --preload: Isso
        # starts a thread when it is loaded, and a worker forked while that thread holds Isso's
        # lock answers nobody, ever. It only saves memory.
        gunicorn = str(programs / "gunicorn")
        command = [gunicorn, "-b", f"127.0.0.1:{port}", "-w", str(ISSO_WORKERS)]
        command += ["-k", "gevent", "--no-control-socket", "isso.run"]
        settings = environ(database, port)
        with servers.running(command, port, log=folder / "log", environ=settings) as process:
            yield process

    return Server(
        "Isso",
        start,
        [_json(reply) for reply in written],
        frozenset({201, 202}),
        lambda folder: _column(
            folder / "comments.db", "SELECT email FROM comments WHERE mode IN (1, 2)"
        ),
    )


def _json(reply: Reply) -> bytes:
    fields = {"text": reply.text, "author": reply.name, "email": reply.email}
    body = json.dumps(fields | {"website": "", "parent": None, "title": f"About {reply.page}"})
    uri = quote(f"/{reply.page}/", safe="")
    return load.post(f"/new?uri={uri}", "application/json", body.encode())


def _column(database: Path, query: str) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return [row[0] for row in connection.execute(query)]


def _report(
    ours: Sequence[Round], theirs: Sequence[Round], lost_by_kill: int, machine: dict[str, Any]
) -> None:
    isso = _medians(theirs)
    figures: dict[str, Any] = {
        **_medians(ours),
        "vs_isso": round(_median(ours, "per_s") / _median(theirs, "per_s"), 2),
        "p99_vs_isso": round(_median(ours, "p99_ms") / _median(theirs, "p99_ms"), 3),
        "isso": isso,
        "rounds": len(ours),
        "clients": CLIENTS,
        "lost_by_kill": lost_by_kill,
        "machine": machine,
    }
    figures["lost"] += lost_by_kill
    rows = [
        [name, one["per_s"], one["p50_ms"], one["p99_ms"], one["lost"], *_effort(rounds)]
        for name, one, rounds in (("Rejoinder", figures, ours), ("Isso", isso, theirs))
    ]
    head = ("", "replies/s", "p50 ms", "p99 ms", "lost", "replies", "connections", "load's CPU %")
    text = (
        f"{report.table(head, rows)}\n\n"
        f"{figures['vs_isso']:.1f} times Isso's replies per second; "
        f"p99 {figures['p99_vs_isso']:.2f} of Isso's.\n"
        f"{CLIENTS} clients, medians of {len(ours)} rounds each; {machine['cpus']} processors, "
        f"{machine['memory_gb']} GB, fsync {machine['fsync_ms']:.2f} ms.\n"
        f"Rejoinder killed (-9) in the middle of a round: {lost_by_kill} acknowledged replies lost."
    )
    report.finish(text, figures)


def _median(rounds: Sequence[Round], name: str) -> float:
    return float(median(getattr(one, name) for one in rounds))


def _medians(rounds: Sequence[Round]) -> dict[str, Any]:
    return {
        "per_s": round(_median(rounds, "per_s"), 1),
        "p50_ms": round(_median(rounds, "p50_ms"), 2),
        "p99_ms": round(_median(rounds, "p99_ms"), 2),
        "lost": sum(one.lost for one in rounds),
        "doubled": sum(one.doubled for one in rounds),
    }


def _effort(rounds: Sequence[Round]) -> list[object]:
    return [
        sum(one.acknowledged for one in rounds),
        max(one.connections for one in rounds),
        _median(rounds, "load_cpu") * 100,
    ]


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("Stopped.")
