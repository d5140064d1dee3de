"""A thread of the publisher that sends articles' texts to the service, for its own search.

It runs after each new build; nothing waits for it or fails with it. The service gets the digest of
each text and answers which texts it lacks, so no state has to be stored here.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..discussion.client.http import MAX_TEXT, Client, Text
from ..discussion.client.snapshot import Snapshot
from ..discussion.model import manifest as manifests
from ..discussion.model.manifest import Entry, Manifest
from ..discussion.publish.built_site import stamp_of
from . import article_words
from .records import MARK, without_regions
from .snapshot_watcher import look_until

log = logging.getLogger("rejoinder.search")

RETRY_SECONDS = 2.0
MAX_RETRY_SECONDS = 60.0
# A service without this route may be replaced by a newer one.
OLDER_SECONDS = 600.0
# The size of a batch: the service's other writers wait while it is stored.
BATCH = 20
BATCH_CHARACTERS = 200_000
# The pages are read in the publisher's process, which has more urgent work.
PAGES_AT_ONCE = 10
PAUSE_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class _Read:
    """The state of a page's file when it was read, and the digest of its text."""

    state: tuple[object, ...]
    digest: str


class Sender:
    """Keeps the service's texts equal to those of the build that `output` shows."""

    def __init__(self, output: Path, snapshot: Path, client: Client) -> None:
        self._output = output.absolute()
        self._snapshot = snapshot
        self._client = client
        self._read: dict[str, _Read] = {}
        self._sent: object = None
        self._quiet_until = 0.0
        self._pause = RETRY_SECONDS
        self._said = ""

    def follow(self, stop: threading.Event) -> None:
        """Run until `stop` is set; no error ends it."""
        look_until(stop, self._snapshot, self._look, self._later)

    def once(self) -> None:
        """Send what the service lacks; raises DiscussionError or OSError."""
        self._send(threading.Event())

    def _look(self, snapshot: Snapshot, stop: threading.Event) -> None:
        if time.monotonic() < self._quiet_until:
            return
        stamp, here = stamp_of(self._output), snapshot.position()
        # Another database may have other texts; a new cursor does not affect them.
        shown = None if here is None or stamp is None else (stamp, here.epoch, here.generation)
        if shown is None or shown == self._sent:
            return
        unknown = self._send(stop)
        if unknown is None:
            self._quiet_until = time.monotonic() + OLDER_SECONDS
        elif unknown:
            # The publisher has not registered the build's pages yet.
            self._later("")
        elif not stop.is_set():
            self._sent, self._pause, self._said = shown, RETRY_SECONDS, ""

    def _later(self, why: str) -> None:
        if why and why != self._said:
            log.warning("event=texts-failed detail=%r", why)
        self._said = why or self._said
        self._quiet_until = time.monotonic() + self._pause
        self._pause = min(MAX_RETRY_SECONDS, self._pause * 2)

    def _send(self, stop: threading.Event) -> list[str] | None:
        """Return the keys that the service does not know yet; None if it takes no texts."""
        root = self._output.resolve()
        manifest = manifests.load(root)
        try:
            entries = _entries(manifest)
            digests = self._digests(root, manifest, entries, stop)
            if stop.is_set():
                return []
            wanted = self._client.texts_wanted(digests)
            if wanted is None:
                return None
            asked = [entries[key] for key in wanted.keys if key in entries]
            unknown = set(wanted.unknown)
            for batch in _batches(self._texts(root, manifest, asked)):
                if stop.is_set():
                    return []
                unknown.update(self._client.send_texts(batch))
        finally:
            manifest.close()
        if asked:
            log.info("event=texts-sent articles=%d", len(asked))
        return sorted(unknown)

    def _digests(
        self, root: Path, manifest: Manifest, entries: Mapping[str, Entry], stop: threading.Event
    ) -> dict[str, str]:
        self._read = {key: one for key, one in self._read.items() if key in entries}
        found = {}
        for number, (key, entry) in enumerate(entries.items()):
            if not _searched(manifest, entry):
                found[key] = ""
                continue
            if number % PAGES_AT_ONCE == 0 and stop.wait(PAUSE_SECONDS):
                break
            found[key] = self._digest(root, entry)
        return found

    def _digest(self, root: Path, entry: Entry) -> str:
        page, stat = entry.page, (root / entry.file).stat()
        # A build that reuses a page links the same file.
        state = (stat.st_ino, stat.st_mtime_ns, stat.st_size, page.title, page.question)
        known = self._read.get(page.key)
        if known is None or known.state != state:
            known = self._read[page.key] = _Read(state, _text(root, entry).digest)
        return known.digest

    @staticmethod
    def _texts(root: Path, manifest: Manifest, entries: Sequence[Entry]) -> Iterator[Text]:
        for entry in entries:
            if _searched(manifest, entry):
                yield _text(root, entry)
            else:
                yield Text(entry.page.key, "", "")


def _entries(manifest: Manifest) -> dict[str, Entry]:
    found = {page.key: manifest.entry(page.key) for page in manifest.pages}
    return {key: entry for key, entry in found.items() if entry is not None}


def _searched(manifest: Manifest, entry: Entry) -> bool:
    """Whether the page is searchable: not if it is hidden or the site has no search."""
    return manifest.settings.search and entry.page.facts.listed


def _text(root: Path, entry: Entry) -> Text:
    bare = without_regions(root / entry.file)
    html = article_words.marked(bare.decode()) if MARK.encode() in bare else ""
    text = article_words.text_of(html)[:MAX_TEXT]
    return Text(entry.page.key, article_words.digest_of(entry.page, text) if text else "", text)


def _batches(texts: Iterator[Text]) -> Iterator[list[Text]]:
    batch: list[Text] = []
    for one in texts:
        if len(batch) == BATCH or sum(len(held.text) for held in batch) >= BATCH_CHARACTERS:
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch
