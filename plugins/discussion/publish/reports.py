"""Reports to the service what pages show, and why others could not be written.

A thread sends only changes, so that no page waits for it. Nothing is stored: a publisher that
starts compares all pages first, and reports them all.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ...shared.error_log import described
from ...shared.errors import ServiceError
from ..client.http import Client, PageReport, Report

log = logging.getLogger("rejoinder.publisher")

# Seconds: at most one report in this time, and how long the first change waits for others.
WINDOW_SECONDS = 1.0
PATIENCE_SECONDS = 0.25
TICK_SECONDS = 0.1
MAX_BACKOFF_SECONDS = 10.0
# Kinds of problems that do not belong to a file.
LASTING = frozenset({"build", "round"})
# The service's limit for a cause, in characters.
MAX_WHY = 1000


@dataclass(slots=True)
class _State:
    """A report: revisions and causes by page key, other problems by kind."""

    epoch: str = ""
    written: dict[str, int] = field(default_factory=dict)
    live: dict[str, int] = field(default_factory=dict)
    stalled: dict[str, str] = field(default_factory=dict)
    unseen: dict[str, str] = field(default_factory=dict)
    trouble: dict[str, str] = field(default_factory=dict)

    def of(self, keys: set[str] | None) -> Report:
        """Return the report about these pages; None: about all, which replaces earlier reports."""
        wanted = self.written.keys() | self.stalled.keys() if keys is None else keys
        pages = [
            PageReport(key, self.written[key], self.live.get(key))
            for key in sorted(wanted)
            if key in self.written
        ]
        causes = {**self.unseen, **self.stalled}
        return Report(
            self.epoch,
            keys is None,
            pages,
            {key: causes[key][:MAX_WHY] for key in sorted(wanted) if key in causes},
            next(iter(self.trouble.values()), "")[:MAX_WHY] or None,
        )


class Reporter:
    """Keeps the service informed about the pages; safe for several threads.

    `expect` is told of every page and revision that readers should get soon; `forget` that all
    this begins anew. `named` makes of each cause what the service may know of the machine's files.
    """

    def __init__(
        self,
        client: Client,
        expect: Callable[[str, int], None] = lambda _key, _revision: None,
        forget: Callable[[], None] = lambda: None,
        named: Callable[[str], str] = lambda why: why,
    ) -> None:
        self._client, self._expect, self._forget = client, expect, forget
        self._named = named
        self._guard = threading.Lock()
        self._state = _State()
        # Pages to report; None: all of them. Nothing is sent before there was a complete report.
        self._news: set[str] | None = set()
        self._due = False
        self._failing = False
        # The database that is not followed, and why.
        self._refused: tuple[str, str] | None = None

    # Called by the publisher: fast, and never blocking a page.

    def begin(self, epoch: str) -> None:
        """Record that the service answers, whether there are pages or not."""
        with self._guard:
            self._state.epoch = self._state.epoch or epoch

    def complete(
        self,
        epoch: str,
        written: Mapping[str, int],
        stalled: Mapping[str, str],
        others: Mapping[str, str],
    ) -> None:
        """Record a comparison of all pages: revisions, problems, and those of other files."""
        causes = {key: self._named(why) for key, why in stalled.items()}
        troubles = {file: self._named(why) for file, why in others.items()}
        with self._guard:
            trouble = {what: why for what, why in self._state.trouble.items() if what in LASTING}
            self._state = _State(epoch, dict(written), stalled=causes, trouble=trouble | troubles)
            self._news, self._due = None, True
        self._forget()

    def refused(self, epoch: str, why: str) -> None:
        """Record that the service's database is not followed: report only that, with its epoch.

        Revisions of the pages say nothing about it. It ends with `accepted`.
        """
        with self._guard:
            self._refused, self._due = (epoch, self._named(why)), True

    def accepted(self) -> None:
        """Record that the database is followed again; `complete` is the state of the pages."""
        with self._guard:
            self._refused = None

    def written(self, key: str, revision: int) -> None:
        """Record the revision that a page shows; clears its problem."""
        with self._guard:
            self._state.written[key] = revision
            self._state.stalled.pop(key, None)
            self._note(key)
        self._expect(key, revision)

    def stalled(self, key: str, why: str) -> None:
        """Record that a page cannot be written."""
        why = self._named(why)
        with self._guard:
            if self._state.stalled.get(key) != why:
                self._state.stalled[key] = why
                self._note(key)

    def seen(self, key: str, revision: int) -> None:
        """Record the revision of a page that readers get."""
        with self._guard:
            self._state.live[key] = revision
            self._state.unseen.pop(key, None)
            self._note(key)

    def unseen(self, key: str, why: str) -> None:
        """Record that readers do not get what was written."""
        with self._guard:
            if self._state.unseen.get(key) != why:
                self._state.unseen[key] = why
                self._note(key)

    def trouble(self, what: str, why: str | None) -> None:
        """Record another problem; None clears it."""
        why = None if why is None else self._named(why)
        with self._guard:
            if self._state.trouble.get(what) == why:
                return
            if why is None:
                del self._state.trouble[what]
            else:
                self._state.trouble[what] = why
            self._due = True

    def again(self) -> None:
        """Send all again: a service that was away may have lost what it had in memory only."""
        with self._guard:
            self._due = True

    def shown(self, key: str) -> int | None:
        """Return the revision that a page shows."""
        with self._guard:
            return self._state.written.get(key)

    def _note(self, key: str) -> None:
        if self._news is not None:
            self._news.add(key)
        self._due = True

    # The reporting thread.

    def run(self, stop: threading.Event) -> None:
        """Send reports until `stop` is set; no error ends it."""
        pause = WINDOW_SECONDS
        while not stop.wait(TICK_SECONDS):
            if not self._due or stop.wait(PATIENCE_SECONDS):
                continue
            try:
                self.send()
                pause = WINDOW_SECONDS
            except ServiceError as error:
                pause = min(MAX_BACKOFF_SECONDS, pause * 2)
                if not self._failing:
                    log.warning("event=report-failed detail=%r", str(error))
                self._failing = True
            except Exception as error:
                pause = MAX_BACKOFF_SECONDS
                log.error("event=report-failed kind=unexpected %s", described(error))  # noqa: TRY400
            stop.wait(pause)

    def send(self) -> None:
        """Send what is new; raises ServiceError, and keeps it for the next attempt."""
        if (refused := self._refused) is not None:
            self._send_refusal(*refused)
            return
        with self._guard:
            # Before all pages were compared, the database of the revisions is unknown.
            if not self._due or not self._state.epoch:
                return
            sent, state = self._news, self._state
            report = state.of(sent)
            self._news, self._due = set(), False
        try:
            unseen = self._client.report(report)
        except BaseException:
            with self._guard:
                if self._state is state:
                    self._news = None if sent is None or self._news is None else sent | self._news
                self._due = True
            raise
        self._failing = False
        for key in unseen:
            if (revision := self.shown(key)) is not None:
                self._expect(key, revision)

    def _send_refusal(self, epoch: str, why: str) -> None:
        self._due = False
        try:
            self._client.report(Report(epoch, False, [], {}, why[:MAX_WHY]))
        except BaseException:
            self._due = True
            raise
        self._failing = False
