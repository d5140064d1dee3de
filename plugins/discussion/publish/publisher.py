"""Follows the service's changes and makes each file match its discussions.

An article's own page is written at once; what shows it elsewhere (lists, feeds, sitemap) follows
within a second or two, a burst of changes at a time.

It keeps nothing in memory that it could not find out again: regions carry their revision, the
snapshot its cursor. So it may be killed at any instant, and a repeat changes nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from weakref import WeakMethod

from filelock import FileLock

from ...shared import redact
from ...shared.error_log import described
from ...shared.errors import (
    DataLossError,
    DiscussionError,
    ManifestError,
    PageError,
    ServiceError,
)
from ..client.http import Client
from ..client.snapshot import Position, Snapshot, follows
from ..client.withdrawal import Cleanup
from ..model.discussions import Batch
from ..model.paths import shard_number
from .built_site import Outcome, Site, stamp_of
from .debounce import Due
from .live_check import Addresses, Lookout
from .reports import Reporter

log = logging.getLogger("rejoinder.publisher")

WAIT_SECONDS = 25
TICK_SECONDS = 0.2
RETRY_SECONDS = 2.0
MAX_BACKOFF_SECONDS = 10.0
# A service that lost its replies waits for the operator, and each attempt may fetch a lot.
LOST_SECONDS = 30.0
STOP_SECONDS = 0.3
# At most two writes of an article's page in any second, and one of a shared file.
PAGE_WRITES = 2
SHARED_WRITES = 1
WINDOW_SECONDS = 1.02
# A pause, so that the next approval's page need not wait for the previous one's lists.
SHARED_PATIENCE = 0.3
# The sitemap is not urgent, and its files are large.
SITEMAP_PATIENCE = 5.0


class Publisher:
    """Keeps the pages of `output` (a directory, or the link to one) equal to the discussions.

    `lock` is the file that every writer of pages holds; the default stands beside the snapshot.
    With `site_url`, the origin that readers type, it looks whether they get what it wrote.
    `accept_empty` lets the first answer of the service replace the snapshot even if it holds far
    fewer replies or is of a different database; every later one is checked again.
    """

    def __init__(
        self,
        output: Path,
        snapshot: Snapshot,
        client: Client,
        *,
        lock: Path | None = None,
        wait_seconds: int = WAIT_SECONDS,
        site_url: str | None = None,
        accept_empty: bool = False,
    ) -> None:
        self.output = output.absolute()
        self._snapshot = snapshot
        self._client = client
        self._lock = FileLock(lock or snapshot.path.parent / "site.lock", mode=0o644)
        self._wait = wait_seconds
        self._site: Site | None = None
        self._registered = False
        self._registering = threading.Lock()
        self._here: Position | None = None
        # Keys of pages, and paths of shared files.
        self._pages = Due(PAGE_WRITES, WINDOW_SECONDS)
        self._shared = Due(SHARED_WRITES, WINDOW_SECONDS, SHARED_PATIENCE)
        # The keys whose changes a shared file waits for.
        self._keys: dict[str, set[str]] = {}
        self._busy = False
        self._reconcile = False
        # Set from before a change is stored until the main loop has its keys.
        self._in_flight = False
        self._trouble: str | None = None
        self._accept_empty = accept_empty
        self._lost = False
        self._quiet_until = 0.0
        self._backoff = 0.0
        self._addresses = Addresses(site_url)
        # Folders to remove from reported paths: the shown build, its siblings, the project.
        self._folders = (self.output, snapshot.path.parent, self.output.parent)
        named = partial(redact.relative, folders=self._folders)
        self._reporter, self._lookout = _reporting(client, self._addresses, named)
        # Weak references: a publisher that ends must be freed at once, and its lock with it.
        settled = WeakMethod(self._settled)
        self._cleanup = Cleanup(
            self.output, snapshot, lambda: (asked := settled()) is not None and asked()
        )

    def once(self) -> int:
        """Register, fetch and reconcile once; return the number of files written.

        Raises DiscussionError when there is no build, no service, a service that lost its replies,
        or a page that cannot be repaired.
        """
        before = self._site = Site.open(self.output, self._client.private)
        try:
            # Before anything is registered: it may be the wrong database.
            self._sync()
        except DataLossError as error:
            self._reporter.refused(error.epoch, str(error))
            self._report()
            raise
        self._client.register(self._site.manifest.pages)
        with self._lock:
            self._site = Site.open(self.output, self._client.private)
            outcome = self._site.reconcile(self._snapshot)
        if self._site.stamp != before.stamp:
            # A build came meanwhile; its list of pages may have arrived before the older one.
            self._client.register(self._site.manifest.pages)
        self._tell(outcome)
        here = self._snapshot.position()
        epoch = here.epoch if here else ""
        self._reporter.complete(epoch, _whole(outcome), outcome.stalled, outcome.others)
        self._report()
        if outcome.failed:
            raise PageError("\n".join(str(error) for error in outcome.failed.values()))
        self._cleanup.once()
        return len(outcome.written)

    def _report(self) -> None:
        try:
            self._reporter.send()
        except ServiceError as error:
            # The pages are right; only the service has no report.
            self._say("event=report-failed", error)

    def follow(self, stop: threading.Event) -> None:
        """Publish every change as it comes, until `stop` is set; no error ends it."""
        ask: _Ask | None = None
        helpers = [
            _beside(run, stop) for run in (self._reporter.run, self._lookout.run, self._cleanup.run)
        ]
        log.info("event=follow output=%s service=%s", self.output, self._client.service_url)
        while not stop.is_set():
            try:
                self._notice_build()
                self._write_pages()
                if ask is None and time.monotonic() >= self._quiet_until:
                    ask = _Ask(self._ask_service)
                self._write_shared(ask)
                if ask is None:
                    stop.wait(self._pause())
                elif ask.done.wait(self._pause()):
                    done, ask = ask, None
                    self._take(done)
                self._reporter.trouble("round", None)
            except DiscussionError as error:
                # An error of the lock's folder or the snapshot's disk: report it, wait, reconcile
                # all pages.
                self._reconcile = True
                self._say("event=error", error)
                self._reporter.trouble("round", str(error))
                stop.wait(RETRY_SECONDS)
            except Exception as error:
                self._reconcile = True
                log.error("event=error kind=unexpected %s", described(error))  # noqa: TRY400
                self._reporter.trouble("round", redact.unexpected(error, self._folders))
                stop.wait(RETRY_SECONDS)
        for helper in helpers:
            # A thread may be in a request, which is cut short when the process ends.
            helper.join(STOP_SECONDS)
        log.info("event=stopped")

    @property
    def waiting(self) -> int:
        """Return the number of pages and shared files still to be written, or being written."""
        return len(self._pages) + len(self._shared) + self._busy

    def _settled(self) -> bool:
        """Whether every file agrees with the snapshot, as far as is known."""
        known = self._site is not None and not self._reconcile
        return known and not (self.waiting or self._in_flight)

    # The helper thread: it requests and stores, and never touches a page.

    def _ask_service(self) -> set[str] | None:
        """Return the keys that changed; None means that any may have."""
        here, stored = self._here, self._snapshot.position()
        behind = here is None or stored is None or stored.generation != here.generation
        self._in_flight = behind
        if here is None or behind:
            # A build may have noticed before this process that the service was replaced.
            self._catch_up()
            return None
        if not self._registered and self._site is not None:
            self._register()
        batch = self._client.changes(here.cursor, here.epoch, wait=self._wait)
        if batch is None:
            return set()
        self._in_flight = True
        if not follows(batch, here):
            self._catch_up()
            return None
        keys = self._snapshot.apply(batch)
        if keys is None:
            self._catch_up()
            return None
        self._here = Position(here.epoch, batch.next, here.generation)
        self._trace(batch)
        return keys

    def _catch_up(self) -> None:
        self._here = None
        self._sync()
        self._here = self._snapshot.position()

    def _sync(self) -> None:
        self._snapshot.sync(self._client, accept_empty=self._accept_empty)
        # The consent was to what the service held then, not to later losses.
        self._accept_empty = False

    def _register(self) -> None:
        # One at a time: the list of the older build must not arrive after that of the newer.
        with self._registering:
            site = self._site
            if site is None or self._registered:
                return
            answer = self._client.register(site.manifest.pages)
            # A newer build may have come while the service answered.
            self._registered = self._site is site
        log.info("event=registered pages=%d withdrawn=%d", answer.registered, answer.withdrawn)

    # The main loop.

    def _notice_build(self) -> None:
        """Take up a new build at once: its pages may be older than what was published before."""
        stamp = stamp_of(self.output)
        if self._site is not None and stamp == self._site.stamp and not self._reconcile:
            return
        if stamp is None:
            if self._trouble != "build":
                self._trouble = "build"
                self._reporter.trouble("build", "There is no build of the site: rejoinder build")
                log.warning("event=no-build output=%s mend='rejoinder build'", self.output)
            self._site = self._addresses.manifest = None
            return
        if self._trouble == "build":
            self._trouble = None
            self._reporter.trouble("build", None)
        if self._site is None or stamp != self._site.stamp:
            self._open()
        if self._site is not None:
            self._publish_all()

    def _open(self) -> None:
        try:
            with self._lock:
                self._site = Site.open(self.output, self._client.private)
        except ManifestError:
            self._site = None
            raise
        self._addresses.manifest = self._site.manifest
        log.info("event=build root=%s pages=%d", self._site.root, len(self._site.manifest))
        self._registered = False
        self._reconcile = True
        self._pages.clear()
        self._shared.clear()
        self._keys.clear()

    def _publish_all(self) -> None:
        self._busy = True
        try:
            self._reconcile_all()
        finally:
            self._busy = False
        self._register_now()

    def _reconcile_all(self) -> None:
        # Without a snapshot there is nothing to compare with; the first answer brings one.
        self._reconcile = False
        here = self._snapshot.position()
        if here is not None:
            outcome = self._write(lambda site: site.reconcile(self._snapshot))
            if outcome is not None and self._site is not None:
                keys = {file: key for key, file in self._site.manifest.files_by_key.items()}
                for key in outcome.stalled:
                    self._pages.add(key, RETRY_SECONDS)
                for file in outcome.others:
                    self._shared.add(file, RETRY_SECONDS)
                    self._keys[file] = set(keys.values())
                self._tell(outcome, keys)
                self._reporter.complete(
                    here.epoch, _whole(outcome), outcome.stalled, outcome.others
                )

    def _register_now(self) -> None:
        """Register a new build at once: its pages must take replies before the long poll ends."""
        if self._here is None or self._registered:
            return
        try:
            self._register()
        except ServiceError as error:
            self._away(error)

    def _pause(self) -> float:
        return self._shared.wait(self._pages.wait(TICK_SECONDS))

    def _write_pages(self) -> None:
        while (key := self._pages.take()) is not None:
            self._publish(key)

    def _write_shared(self, ask: _Ask | None) -> None:
        """Write one file after the other, while the service has no news."""
        while not (ask and ask.done.is_set()):
            file = self._shared.take()
            if file is None:
                return
            self._refresh(file)
            self._write_pages()

    def _publish(self, key: str) -> None:
        self._busy = True
        try:
            self._publish_page(key)
        finally:
            self._busy = False

    def _publish_page(self, key: str) -> None:
        outcome = self._write(lambda site: site.update(self._snapshot, key))
        if outcome is None or self._site is None:
            return
        for file in self._site.shared(key):
            self._shared.add(file, SITEMAP_PATIENCE if shard_number(file) else 0.0)
            self._keys.setdefault(file, set()).add(key)
        entry = self._site.manifest.entry(key)
        if entry is None:
            return
        if key in outcome.stalled:
            self._reporter.stalled(key, outcome.stalled[key])
        elif key in outcome.shown:
            self._reporter.written(key, outcome.shown[key])
        if outcome.failed:
            self._pages.add(key, RETRY_SECONDS)
            for error in outcome.failed.values():
                self._say(f"event=page-failed key={key}", error)
        if entry.file in outcome.written:
            log.info("event=published key=%s", key)

    def _refresh(self, file: str) -> None:
        self._busy = True
        try:
            keys = self._keys.pop(file, set())
            outcome = self._write(lambda site: site.refresh(self._snapshot, file, keys))
            if outcome is not None:
                if outcome.failed:
                    self._shared.add(file, RETRY_SECONDS)
                    self._keys.setdefault(file, set()).update(keys)
                self._tell(outcome)
                self._reporter.trouble(file, str(outcome.failed.get(file, "")) or None)
        finally:
            self._busy = False

    def _write(self, work: Callable[[Site], Outcome]) -> Outcome | None:
        """Do `work`; None without a build, or if a newer one must be reconciled first."""
        if self._site is None:
            return None
        with self._lock:
            if stamp_of(self.output) != self._site.stamp:
                self._reconcile = True
                return None
            return work(self._site)

    def _take(self, ask: _Ask) -> None:
        if ask.error is not None:
            if not isinstance(ask.error, DiscussionError):
                log.error("event=error kind=unexpected %s", described(ask.error))
            self._away(ask.error)
            return
        if self._lost:
            self._lost = False
            self._reporter.accepted()
            log.info("event=data-back service=%s", self._client.service_url)
        if self._backoff:
            log.info("event=service-back service=%s", self._client.service_url)
            self._reporter.again()
        self._backoff = self._quiet_until = 0.0
        if self._here is not None:
            self._reporter.begin(self._here.epoch)
        if ask.keys is None:
            self._reconcile = True
        else:
            for key in sorted(ask.keys):
                self._pages.add(key)
        self._in_flight = False

    def _away(self, error: BaseException) -> None:
        if isinstance(error, DataLossError):
            self._refuse(error)
            return
        if not self._backoff:
            self._say("event=service-away", error)
        self._backoff = min(MAX_BACKOFF_SECONDS, max(0.5, self._backoff * 2))
        self._quiet_until = time.monotonic() + self._backoff

    def _refuse(self, error: DataLossError) -> None:
        """Leave snapshot and pages as they are, and report that until the operator has decided."""
        if not self._lost:
            self._say("event=data-loss", error)
        self._lost = True
        self._reporter.refused(error.epoch, str(error))
        self._quiet_until = time.monotonic() + LOST_SECONDS

    def _tell(self, outcome: Outcome, keys: Mapping[str, str] = MappingProxyType({})) -> None:
        """Log what was done; `keys` are the pages of the files."""
        for file in outcome.written:
            if file in keys:
                log.info("event=published key=%s", keys[file])
            else:
                log.debug("event=written file=%s", file)
        for file, error in outcome.failed.items():
            whose = f"key={keys[file]}" if file in keys else f"file={file}"
            self._say(f"event=page-failed {whose}", error)

    @staticmethod
    def _say(event: str, error: BaseException) -> None:
        """Log one line, without traceback: these errors explain the fix."""
        log.error("%s kind=%s detail=%r", event, type(error).__name__, str(error))

    def _trace(self, batch: Batch) -> None:
        log.debug("event=changes count=%d next=%d", len(batch.discussions), batch.next)


def _reporting(
    client: Client, addresses: Addresses, named: Callable[[str], str]
) -> tuple[Reporter, Lookout]:
    """The reporter and the live check; neither knows the publisher."""

    def expect(key: str, revision: int) -> None:
        url = addresses.of(key)
        if url is not None:
            lookout.expect(key, url, revision)

    reporter = Reporter(client, expect, lambda: lookout.forget(), named)
    lookout = Lookout(reporter.seen, reporter.unseen)
    return reporter, lookout


def _whole(outcome: Outcome) -> dict[str, int]:
    """Return the revisions of the pages that were written completely."""
    return {key: shown for key, shown in outcome.shown.items() if key not in outcome.stalled}


def _beside(run: Callable[[threading.Event], None], stop: threading.Event) -> threading.Thread:
    thread = threading.Thread(target=run, args=(stop,), daemon=True)
    thread.start()
    return thread


class _Ask:
    """A request to the service in a thread, so that a delayed response blocks nothing."""

    def __init__(self, call: Callable[[], set[str] | None]) -> None:
        self.done = threading.Event()
        self.keys: set[str] | None = None
        self.error: BaseException | None = None
        self._call = call
        # A daemon thread: a process that ends does not wait for the service's response.
        threading.Thread(target=self._run, name="discussion-ask", daemon=True).start()

    def _run(self) -> None:
        try:
            self.keys = self._call()
        except BaseException as error:  # the main loop tells it
            self.error = error
        finally:
            self.done.set()
