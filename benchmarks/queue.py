"""The moderation queue over a million replies: `make bench-queue` (QUICK=1: a hundred thousand).

Every figure is taken by an editor's browser over HTTP, of the whole page that it gets. The pages
take turns, so that the machine's mood is the same for all of them. A second, small site with its
publisher measures a bulk approval of 1,000 replies over 100 articles, and how often it writes each.
"""

import random
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from benchmarks import report
from benchmarks.burst import watch
from benchmarks.site import WORDS, BenchmarkSite
from comments_service.domain.ids import new_id
from comments_service.domain.tokenizer import searchable

REPLIES, QUICK_REPLIES = 1_000_000, 100_000
PAGES = 1_000
ROUNDS, QUICK_ROUNDS = 60, 25
BULK, ARTICLES = 1_000, 100
PART = 20_000
SIZE = 50
_LONG = (
    "東京で会いましょう。",
    "我喜欢安静的角落。",
    "ฉันชอบกาแฟเย็น",
    "أحب القهوة",
    "Ich frühstücke spät.",
)


def main() -> None:
    """Measure and print."""
    count, rounds = (QUICK_REPLIES, QUICK_ROUNDS) if report.quick() else (REPLIES, ROUNDS)
    with tempfile.TemporaryDirectory(prefix="rejoinder-bench-") as folder:
        machine = report.machine(Path(folder))
        report.note(f"storing {count:,} replies ...")
        large = BenchmarkSite(Path(folder, "large"), 0, 0, 0)
        large.root.mkdir()
        large.run("migrate")
        started = time.perf_counter()
        cursors = store(large.root / "comments.sqlite3", count)
        report.note(f"stored in {time.perf_counter() - started:.0f} s")
        try:
            large.serve()
            times = _look(large, cursors, rounds, deep=min(PAGES, count // 10 // SIZE))
        finally:
            large.stop()
        report.note(f"a bulk approval of {BULK:,} replies over {ARTICLES} articles ...")
        small = BenchmarkSite(Path(folder, "small"), ARTICLES, 0, BULK + 1)
        small.root.mkdir()
        try:
            small.prepare()
            small.follow()
            bulk = _bulk(small)
        finally:
            small.stop()
    _tell(times, {**bulk, "replies": count, "pending": count // 10, "machine": machine})


def store(database: Path, count: int) -> list[tuple[str, int]]:
    """Write `count` replies as the service would, a tenth of them pending, oldest first.

    Returns (submitted_at, row id) of the last pending one of each page of the queue.
    """
    chance = random.Random(count)
    start = datetime.now(UTC) - timedelta(days=2000)
    cursors: list[tuple[str, int]] = []
    pending = 0
    tallies: dict[tuple[int, str], int] = {}
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.executemany(
            "INSERT INTO page (id, site_id, key, url, title, question, open, registered, revision)"
            " VALUES (?, 1, ?, ?, ?, '', 1, 1, 0)",
            [(one, f"a-{one}", f"/a-{one}/", f"Article {one}") for one in range(1, PAGES + 1)],
        )
        for begin in range(0, count, PART):
            comments: list[tuple[Any, ...]] = []
            contacts: list[tuple[Any, ...]] = []
            words: list[tuple[Any, ...]] = []
            held: list[tuple[Any, ...]] = []
            for number in range(begin + 1, min(begin + PART, count) + 1):
                at = start + timedelta(seconds=number * 100)
                stamp = f"{at:%Y-%m-%d %H:%M:%S.%f}"
                status = (
                    "pending" if number % 10 == 3 else ("spam" if number % 50 == 7 else "approved")
                )
                page = chance.randrange(PAGES) + 1
                text = _text(chance, number)
                name = f"Reader {number % 5000}"
                comments.append(
                    (
                        number,
                        new_id(at),
                        page,
                        status,
                        name,
                        text,
                        f"<p>{text}</p>\n",
                        stamp,
                        number,
                    )
                )
                address = f"reader{number % 200_000}@example.org"
                contacts.append((number, address, address, str(number)))
                words.append((number, searchable(text), searchable(name)))
                if number % 20 == 3:
                    held.append(("links", number))
                tallies[page, status] = tallies.get((page, status), 0) + 1
                if status == "pending":
                    pending += 1
                    if pending % SIZE == 0:
                        cursors.append((stamp, number))
            with connection:
                connection.executemany(
                    "INSERT INTO comment (id, public_id, site_id, page_id, status, author_name,"
                    " text, html, markup_version, reasons, origin, submitted_at, position)"
                    " VALUES (?, ?, 1, ?, ?, ?, ?, ?, 1, '[\"all\"]', 'form', ?, ?)",
                    comments,
                )
                connection.executemany(
                    "INSERT INTO contact (comment_id, email, folded, fingerprint)"
                    " VALUES (?, ?, ?, ?)",
                    contacts,
                )
                connection.executemany(
                    "INSERT INTO comment_search (rowid, text, name) VALUES (?, ?, ?)", words
                )
                connection.executemany("INSERT INTO hold_reason VALUES (?, ?)", held)
        with connection:
            connection.executemany(
                "INSERT INTO tally (site_id, page_id, status, count) VALUES (1, ?, ?, ?)",
                [(page, status, number) for (page, status), number in tallies.items()],
            )
            connection.execute(
                "INSERT INTO site_tally (site_id, status, count)"
                " SELECT 1, status, sum(count) FROM tally GROUP BY status"
            )
        # No ANALYZE: an installation has no statistics either.
    return cursors


def _text(chance: random.Random, number: int) -> str:
    words = chance.choices(WORDS, k=30)
    if number % 997 == 0:
        words.append("zeppelin")
    if number % 101 == 0:
        words.append(_LONG[number % len(_LONG)])
    return " ".join(words)


def _look(
    site: BenchmarkSite, cursors: list[tuple[str, int]], rounds: int, deep: int
) -> dict[str, list[float]]:
    at, row_id = cursors[deep - 2]
    stamp = datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()
    addresses: dict[str, list[str]] = {
        "page 1": ["status=pending"],
        f"page {deep:,}": [f"status=pending&after={stamp:.6f}-{row_id}"],
        "search": [
            urlencode({"status": state, "q": words})
            for state, words in (
                ("any", "zeppelin"), ("pending", "zeppelin"), ("pending", "coffee"),
                ("any", "coffee letter"), ("spam", "東京"), ("any", "安静"),
                ("approved", "reader 42"),
            )
        ],
        "filters": [
            "status=pending&reason=links", "status=any&page=a-7", "status=approved&name=4242",
            "status=approved&order=newest", "status=pending&since=2024-01-01",
        ],
        "counts": ["status=trash"],
    }  # fmt: skip
    times: dict[str, list[float]] = {name: [] for name in addresses}
    for turn in range(rounds + 1):
        for name, queries in addresses.items():
            for query in queries:
                begin = time.perf_counter()
                site.get(f"/moderate/?{query}")
                # The first round fills the caches of the machine.
                if turn:
                    times[name].append((time.perf_counter() - begin) * 1000)
    return times


def _bulk(site: BenchmarkSite) -> dict[str, float]:
    keys = {key for _, key in site.pending}
    writes: dict[str, list[float]] = {key: [] for key in keys}
    done = threading.Event()
    watcher = threading.Thread(target=watch, args=(site, writes, done))
    watcher.start()
    begin = time.perf_counter()
    site.approve_all(BULK)
    seconds = time.perf_counter() - begin
    time.sleep(4)
    done.set()
    watcher.join()
    return {
        "bulk_s": round(seconds, 2),
        "bulk_replies": BULK,
        "bulk_pages": len(keys),
        "bulk_most_writes": max(map(len, writes.values())),
    }


def _tell(times: dict[str, list[float]], more: dict[str, Any]) -> None:
    p95: Callable[[str], float] = lambda name: report.percentile(times[name], 95)  # noqa: E731
    deep = next(name for name in times if name.startswith("page ") and name != "page 1")
    figures = {
        "page_p95_ms": round(p95("page 1"), 1),
        "deep_page_p95_ms": round(p95(deep), 1),
        "search_p95_ms": round(p95("search"), 1),
        "filter_p95_ms": round(p95("filters"), 1),
        "counts_p95_ms": round(p95("counts"), 1),
        "deep_vs_first": round(p95(deep) / p95("page 1"), 2),
        **more,
    }
    rows = [
        (name, f"{report.percentile(taken, 50):.1f}", f"{p95(name):.1f}")
        for name, taken in times.items()
    ]
    rows.append((f"approve {more['bulk_replies']:,} at once", f"{more['bulk_s'] * 1000:.0f}", ""))
    head = (f"{more['replies']:,} replies, {more['pending']:,} pending", "p50 ms", "p95 ms")
    report.finish(report.table(head, rows), figures)


if __name__ == "__main__":
    main()
