"""Whole builds: stock Pelican, Rejoinder with its discussions, a warm rebuild, and Hugo.

`make bench-build`; QUICK=1 builds a small site, on which the time to start weighs more. All take
turns in each round, so that the machine's mood is the same for all; ratios are medians over rounds.
"""

import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks import articles, hugo, peers, report, snapshot

ROOT = Path(__file__).parents[1]
REPLIES = 10
# The project's own settings, with lists in tens.
STOCK = '\nDEFAULT_PAGINATION = 10\nPLUGINS = ["plugins.language"]\n'
OURS = """
DEFAULT_PAGINATION = 10
PLUGINS = ["plugins.language", "plugins.discussion", "plugins.quick"]
QUICK_LINK = True
# The search index follows a build in a process of its own, and would disturb whose turn is next.
DISCUSSION_SEARCH = False
"""
SETTINGS = {
    "stock.py": STOCK,
    # As Pelican alone, but quick: every file must be the same.
    "alone.py": f'{STOCK}PLUGINS = ["plugins.language", "plugins.quick"]\nQUICK_CACHE = None\n',
    "single.py": f"{OURS}QUICK_PROCESSES = 1\nQUICK_CACHE = None\n",
    "full.py": f'{OURS}QUICK_CACHE = str(ROOT / "var" / "cache")\n',
}


class Project:
    """A Pelican project of generated articles with a snapshot of their discussions."""

    def __init__(self, root: Path, made: list[articles.Generated]) -> None:
        self.root = root
        self._edits = 0
        # No token: a build then uses the snapshot that is there, and says so.
        self._environ = {
            name: value for name, value in os.environ.items() if not name.startswith("REJOINDER_")
        }
        # The project stands elsewhere; its plugins are these.
        self._environ["PYTHONPATH"] = str(ROOT)
        shutil.copytree(ROOT / "theme", root / "theme")
        (root / "content" / "images").mkdir(parents=True)
        for name, more in SETTINGS.items():
            (root / name).write_text((ROOT / "pelicanconf.py").read_text("utf-8") + more, "utf-8")
        for one in made:
            (root / "content" / f"{one.slug}.md").write_text(_markdown(one), "utf-8")
        snapshot.fill(root / "var" / "discussions.sqlite3", [one.slug for one in made], REPLIES)

    def pelican(self, settings: str) -> float:
        """Seconds of Pelican into an empty directory."""
        shutil.rmtree(self.root / "plain", ignore_errors=True)
        return self._run("-m", "pelican", "-q", "-s", settings, "-o", "plain")

    def rejoinder(self, settings: str, output: str, *, cold: bool) -> float:
        """Seconds of `rejoinder build`; `cold` without what earlier builds left."""
        if cold:
            shutil.rmtree(self.root / "var" / "cache", ignore_errors=True)
        return self._run("-m", "rejoinder", "build", "--settings", settings, "--output", output)

    def edit(self) -> None:
        """Change the text and the title of one article, as an editor would."""
        self._edits += 1
        article = self.root / "content" / f"article-{self._edits}.md"
        text = article.read_text("utf-8").replace("\n", " again\n", 1)
        article.write_text(f"{text}\nAnd one more sentence.\n", "utf-8")

    def _run(self, *words: str) -> float:
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, *words],
            cwd=self.root,
            env=self._environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{words}: {done.stderr[-2000:]}")
        return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    count, rounds = (300, 2) if report.quick() else (5_000, 3)
    program = peers.hugo()
    with tempfile.TemporaryDirectory(prefix="rejoinder-bench-") as folder:
        machine = report.machine(Path(folder))
        made = articles.generate(count)
        report.note(f"writing {count:,} articles with {count * REPLIES:,} replies ...")
        root = Path(folder, "pelican")
        root.mkdir()
        project = Project(root, made)
        hugo.write_site(Path(folder, "hugo"), made)

        def with_hugo() -> float:
            shutil.rmtree(Path(folder, "hugo", "public"), ignore_errors=True)
            start = time.perf_counter()
            command = [str(program), "--quiet", "--cacheDir", str(Path(folder, "hugo-cache"))]
            subprocess.run(command, cwd=Path(folder, "hugo"), check=True)
            return time.perf_counter() - start

        def warm() -> float:
            project.edit()
            return project.rejoinder("full.py", "output", cold=False)

        contenders: dict[str, Callable[[], float]] = {
            "stock Pelican, no discussions": lambda: project.pelican("stock.py"),
            "Rejoinder, one process": lambda: project.rejoinder("single.py", "single", cold=True),
            "Rejoinder, all cores": lambda: project.rejoinder("full.py", "output", cold=True),
            "Rejoinder, one article edited": warm,
            "Hugo, no discussions": with_hugo,
        }
        seconds: dict[str, list[float]] = {name: [] for name in contenders}
        work: dict[str, list[float]] = {name: [] for name in contenders}
        for turn in range(rounds):
            for name, build in contenders.items():
                before = _processor_seconds()
                seconds[name].append(build())
                work[name].append(_processor_seconds() - before)
                report.note(f"round {turn + 1} of {rounds}: {name}: {seconds[name][-1]:.1f} s")
        report.note("comparing ...")
        same = _alike(project)
        pages = sum(1 for _ in (root / "plain").rglob("*.html"))
    _tell(seconds, work, count, pages, same, machine)


def _alike(project: Project) -> bool:
    """Whether the quick plugin alone writes what Pelican writes, and a warm build what a cold."""
    root = project.root
    project.pelican("stock.py")
    stock = root / "plain"
    stock.rename(root / "stock")
    project.pelican("alone.py")
    project.rejoinder("single.py", "single", cold=True)
    return _same(root / "stock", root / "plain") and _same(root / "output", root / "single")


def _same(left: Path, right: Path) -> bool:
    trees = [
        # The manifest is a database, whose bytes depend on the order of writing.
        {path.relative_to(one) for path in one.rglob("*") if ".discussion" not in path.parts}
        for one in (left.resolve(), right.resolve())
    ]
    return trees[0] == trees[1] and all(
        filecmp.cmp(left / name, right / name, shallow=False)
        for name in trees[0]
        if (left / name).is_file()
    )


def _markdown(one: articles.Generated) -> str:
    return (
        f"Title: {one.title}\nSlug: {one.slug}\nDate: {one.date:%Y-%m-%d %H:%M}\n"
        f"Category: {one.category}\nAuthor: {one.author}\nTags: {', '.join(one.tags)}\n"
        f"Question: {one.question}\nSummary: {one.summary}\n\n{one.body}\n"
    )


def _processor_seconds() -> float:
    """What all ended child processes took of the processors: others on the machine count less."""
    times = os.times()
    return times.children_user + times.children_system


def _tell(
    seconds: dict[str, list[float]],
    work: dict[str, list[float]],
    count: int,
    pages: int,
    same: bool,
    machine: dict[str, object],
) -> None:
    stock, single, full, warm, other = seconds.values()
    stock_work, single_work, _, warm_work, _ = work.values()

    def ratio(these: list[float], those: list[float]) -> float:
        return round(median(a / b for a, b in zip(these, those, strict=True)), 3)

    figures = {
        "full_vs_pelican_1": ratio(single, stock),
        "full_vs_pelican": ratio(full, stock),
        "warm_vs_pelican": ratio(warm, stock),
        "full_vs_hugo": ratio(full, other),
        "full_cpu_vs_pelican_1": ratio(single_work, stock_work),
        "warm_cpu_vs_pelican": ratio(warm_work, stock_work),
        "pelican_s": round(median(stock), 2),
        "full_1_s": round(median(single), 2),
        "full_s": round(median(full), 2),
        "warm_s": round(median(warm), 2),
        "hugo_s": round(median(other), 2),
        "articles": count,
        "replies": count * REPLIES,
        "pages": pages,
        "identical": same,
        "machine": machine,
    }
    rows = [
        (name, f"{median(times):.2f}", f"{median(work[name]):.2f}", f"{ratio(times, stock):.3f}")
        for name, times in seconds.items()
    ]
    head = (f"{count:,} articles, {pages:,} pages", "seconds", "of processors", "of stock Pelican")
    report.finish(report.table(head, rows), figures)
    if not same:
        raise SystemExit("The quick build's files differ from Pelican's.")


if __name__ == "__main__":
    main()
