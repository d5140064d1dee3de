"""A process that reads the pages of a site in a loop and records incomplete or inconsistent ones.

`python -m tests.crash.reader OUTPUT REPORT KEY...` reads until stdin is closed, then writes REPORT.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import threading
from pathlib import Path
from typing import Any

INDEX, FEED = "index.html", "feeds/all.atom.xml"
MARKER = re.compile(r"<!--region discussion ([a-z0-9-]+) ([0-9]+)-->")
COUNT = re.compile(r"<h2>([0-9]+) replies to .* \(revision ([0-9]+)\)</h2>")
VERSION = re.compile(r"Version ([0-9]+) of the words")
ELEMENT = re.compile(r'<li id="comment-[0-9a-z]+" data-depth="[0-9]+" data-id="([0-9a-z]+)">\s*<b>')


class Reader:
    """Reads pages and collects problems and the distinct states of each page."""

    def __init__(self, output: Path, keys: list[str]) -> None:
        self.output, self.keys = output, keys
        self.read = 0
        self.problems: list[str] = []
        # By key and revision: number of replies, their ids, the HTML between the markers.
        self.states: dict[tuple[str, int], tuple[int, list[str], str]] = {}
        self._newest: dict[str, tuple[int, int]] = {}

    def look(self) -> None:
        """Read every page once."""
        for key in self.keys:
            self._page(key)
            self._twin(f"{key}/index.html.gz")
        for name in (INDEX, FEED):
            self._whole(name, self._text(name))

    def _page(self, key: str) -> None:
        name = f"{key}/index.html"
        text = self._text(name)
        if text is None or not self._whole(name, text):
            return
        self.read += 1
        start, end = (text.find(f"<!--{one}region discussion {key}") for one in ("", "/"))
        counted, version, marker = COUNT.search(text), VERSION.search(text), MARKER.search(text)
        if start < 0 or end < start or not counted or not version or not marker:
            self.problems.append(f"{name} is no page: {text[:200]!r}")
            return
        revision = int(marker[2])
        if int(counted[2]) != revision:
            self.problems.append(f"{name} has the marker of {revision} around {counted[0]}")
        state = (int(counted[1]), ELEMENT.findall(text), text[start:end])
        if self.states.setdefault((key, revision), state) != state:
            self.problems.append(f"{name} looked different before at revision {revision}")
        newest = self._newest.get(key, (0, 0))
        now = (revision, int(version[1]))
        if now[0] < newest[0] or now[1] < newest[1]:
            self.problems.append(f"{name} went back from {newest} to {now}")
        self._newest[key] = (max(now[0], newest[0]), max(now[1], newest[1]))

    def _whole(self, name: str, text: str | None) -> bool:
        """Record a problem unless the text is complete: paired regions, and its last tag."""
        if text is None:
            return False
        whole = text.count("<!--region ") == text.count("<!--/region ")
        if name != INDEX:
            whole = whole and text.rstrip().endswith(("</html>", "</feed>"))
        if name not in {INDEX, FEED}:
            whole = whole and all(
                text.count(f"<!--{slash}region {one} ") == 1
                for slash in ("", "/")
                for one in ("discussion", "head")
            )
        if not whole:
            self.problems.append(f"{name} is not whole: ...{text[-200:]!r}")
        return whole

    def _twin(self, name: str) -> None:
        try:
            text = gzip.decompress((self.output / name).read_bytes()).decode()
        except (OSError, EOFError, ValueError) as error:
            self.problems.append(f"{name}: {error!r}")
            return
        self._whole(name.removesuffix(".gz"), text)

    def _text(self, name: str) -> str | None:
        try:
            return (self.output / name).read_text("utf-8")
        except (OSError, ValueError) as error:
            self.problems.append(f"{name}: {error!r}")
            return None

    def report(self) -> dict[str, Any]:
        """Return the results as JSON-serialisable data."""
        states = [
            {"key": key, "revision": revision, "count": count, "ids": ids}
            for (key, revision), (count, ids, _) in self.states.items()
        ]
        return {"read": self.read, "problems": self.problems[:50], "states": states}


def main(output: str, report: str, *keys: str) -> None:
    """Read until stdin is closed, then write the report."""
    reader = Reader(Path(output), list(keys))
    ended = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    print("reading", flush=True)
    # With a pause, to leave CPU time to the other processes.
    while not ended.wait(0.002):
        reader.look()
    Path(report).write_text(json.dumps(reader.report()))


if __name__ == "__main__":
    main(*sys.argv[1:])
