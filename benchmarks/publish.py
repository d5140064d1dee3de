"""From an approval to the new page on disk: on a small and on a large site, against a full build.

`make bench-publish`; QUICK=1 takes 2,000 articles instead of 10,000, and fewer approvals. Both
sites run at once and take turns, so that the machine's mood is the same for both.
"""

import tempfile
from pathlib import Path

from benchmarks import report
from benchmarks.burst import burst
from benchmarks.site import BenchmarkSite

SMALL, LARGE, LARGE_QUICK = 100, 10_000, 2_000
REPLIES = 10
BURST, BURST_QUICK = 1_000, 300


def main() -> None:
    """Measure and print."""
    rounds, large, many = (60, LARGE_QUICK, BURST_QUICK) if report.quick() else (300, LARGE, BURST)
    with tempfile.TemporaryDirectory(prefix="rejoinder-bench-") as folder:
        machine = report.machine(Path(folder))
        sites = []
        try:
            for articles in (SMALL, large):
                root = Path(folder, str(articles))
                root.mkdir()
                site = BenchmarkSite(root, articles, REPLIES, pending=rounds + 10 + many)
                sites.append(site)
                report.note(f"making a site of {articles} articles ...")
                site.prepare()
                site.follow()
            times: dict[int, list[tuple[float, float]]] = {SMALL: [], large: []}
            for turn in range(rounds):
                if turn % 20 == 0:
                    report.note(f"approval {turn} of {rounds}")
                for site in sites:
                    times[site.articles].append(site.approve_and_wait())
            memory = sites[-1].publisher_mb()
            report.note(f"a burst of {many} approvals over {SMALL} articles ...")
            bursts = burst(sites[0], many)
        finally:
            for site in sites:
                site.stop()
    _tell(sites, times, {"publisher_mb": round(memory, 1), **bursts, "machine": machine})


def _tell(
    sites: list[BenchmarkSite],
    times: dict[int, list[tuple[float, float]]],
    more: dict[str, object],
) -> None:
    rows = []
    p50: dict[int, float] = {}
    p99: dict[int, float] = {}
    for site in sites:
        waited = [after * 1000 for _, after in times[site.articles]]
        whole = [asked * 1000 for asked, _ in times[site.articles]]
        p50[site.articles] = report.percentile(waited, 50)
        p99[site.articles] = report.percentile(waited, 99)
        rows.append(
            (
                f"{site.articles:,} articles, {REPLIES} replies each",
                p50[site.articles],
                p99[site.articles],
                report.percentile(whole, 50),
                site.build_seconds * 1000,
            )
        )
    large = sites[-1].articles
    build_ms = sites[-1].build_seconds * 1000
    figures = {
        "p50_ms": round(p50[large], 2),
        "p99_ms": round(p99[large], 2),
        "growth": round(p50[large] / p50[SMALL], 3),
        "vs_full_build": round(p50[large] / build_ms, 6),
        "small_p50_ms": round(p50[SMALL], 2),
        "small_p99_ms": round(p99[SMALL], 2),
        "full_build_ms": round(build_ms, 1),
        "articles": large,
        "approvals": len(times[large]),
        **more,
    }
    head = ("site", "p50 ms", "p99 ms", "p50 ms from the request", "full build ms")
    report.finish(report.table(head, rows), figures)


if __name__ == "__main__":
    main()
