"""Measures CPU time of this thread, which the load of the machine hardly affects."""

import time
from collections.abc import Callable


def seconds(work: Callable[[], object], runs: int = 3) -> float:
    """Return the least CPU time of several runs, in seconds."""
    taken = []
    for _ in range(runs):
        start = time.thread_time()
        work()
        taken.append(time.thread_time() - start)
    return min(taken)


def growth(work: Callable[[int], object], size: int) -> float:
    """Return how many times more CPU time work on twice the size takes: 2 if it is linear."""
    work(size)  # Warm-up: the first run fills caches.
    return seconds(lambda: work(2 * size)) / seconds(lambda: work(size))
