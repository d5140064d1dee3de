"""Many approvals at once: how often each page is written while they come."""

import threading
import time

from benchmarks.site import BenchmarkSite

# What the publisher may do, and in what time.
WINDOW_S = 1.0
SETTLE_S = 4.0


def burst(site: BenchmarkSite, approvals: int) -> dict[str, float]:
    """Approve that many replies as quickly as the service takes them; count the page writes.

    Returns `burst_per_s` (approvals a second), `burst_writes` (of all pages) and
    `burst_most_writes` (the most that one page saw within any second).
    """
    keys = {key for _, key in site.pending[-approvals:]}
    writes: dict[str, list[float]] = {key: [] for key in keys}
    done = threading.Event()
    watcher = threading.Thread(target=watch, args=(site, writes, done))
    watcher.start()
    start = time.perf_counter()
    for _ in range(approvals):
        site.approve()
    seconds = time.perf_counter() - start
    time.sleep(SETTLE_S)
    done.set()
    watcher.join()
    return {
        "burst_per_s": round(approvals / seconds, 1),
        "burst_writes": sum(map(len, writes.values())),
        "burst_most_writes": max(_most_within(times) for times in writes.values()),
    }


def watch(site: BenchmarkSite, writes: dict[str, list[float]], done: threading.Event) -> None:
    """Note when each page of `writes` was replaced, until `done`."""
    pages = {key: site.page(key) for key in writes}
    seen = {key: page.stat().st_ino for key, page in pages.items()}
    while not done.wait(0.003):
        for key, page in pages.items():
            inode = page.stat().st_ino
            if inode != seen[key]:
                seen[key] = inode
                writes[key].append(time.perf_counter())


def _most_within(times: list[float]) -> int:
    return max(
        (sum(start <= one < start + WINDOW_S for one in times) for start in times), default=0
    )
