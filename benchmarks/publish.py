"""From an approval to the new page on disk: on a small and on a large site, against a full build.

`make bench-publish`; QUICK=1 measures fewer approvals. Both sites run at once and take turns, so
that the machine's mood is the same for both.
"""

import tempfile
from pathlib import Path

from benchmarks import report
from benchmarks.site import BenchmarkSite

SMALL, LARGE = 100, 2_000
REPLIES = 10


def main() -> None:
    """Measure and print."""
    rounds = 60 if report.quick() else 300
    with tempfile.TemporaryDirectory(prefix="rejoinder-bench-") as folder:
        machine = report.machine(Path(folder))
        sites = []
        try:
            for articles in (SMALL, LARGE):
                root = Path(folder, str(articles))
                root.mkdir()
                site = BenchmarkSite(root, articles, REPLIES, pending=rounds + 10)
                sites.append(site)
                report.note(f"making a site of {articles} articles ...")
                site.prepare()
                site.follow()
            times: dict[int, list[tuple[float, float]]] = {SMALL: [], LARGE: []}
            for turn in range(rounds):
                if turn % 20 == 0:
                    report.note(f"approval {turn} of {rounds}")
                for site in sites:
                    times[site.articles].append(site.approve_and_wait())
        finally:
            for site in sites:
                site.stop()
    _tell(sites, times, machine)


def _tell(
    sites: list[BenchmarkSite],
    times: dict[int, list[tuple[float, float]]],
    machine: dict[str, object],
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
    build_ms = sites[-1].build_seconds * 1000
    figures = {
        "p50_ms": round(p50[LARGE], 2),
        "p99_ms": round(p99[LARGE], 2),
        "growth": round(p50[LARGE] / p50[SMALL], 3),
        "vs_full_build": round(p50[LARGE] / build_ms, 6),
        "small_p50_ms": round(p50[SMALL], 2),
        "small_p99_ms": round(p99[SMALL], 2),
        "full_build_ms": round(build_ms, 1),
        "approvals": len(times[LARGE]),
        "machine": machine,
    }
    head = ("site", "p50 ms", "p99 ms", "p50 ms from the request", "full build ms")
    report.finish(report.table(head, rows), figures)


if __name__ == "__main__":
    main()
