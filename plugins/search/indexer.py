"""Makes the index of a build and of the snapshot, if what is to be found has changed.

A reply that was taken back goes first, its text at once; then the new index takes the place of the
old. Nothing is written into the pages, and nobody waits for it.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..discussion.client.snapshot import Snapshot
from ..discussion.model.privacy_check import Ask
from ..discussion.publish.built_site import Site
from ..shared import files as pages
from ..shared.errors import DiscussionError
from . import bundle as bundles
from . import engine, index_lock, paths
from .records import REPLY, Record, records
from .state import Held, State

log = logging.getLogger("rejoinder.search")

# How long files that no index names any more stay for readers in the midst of a search.
GRACE_SECONDS = 60.0
_WORK = "work-"


@dataclass(frozen=True, slots=True)
class Index:
    """What a round did: how many records there are, whether the index was made, the seconds."""

    records: int
    made: bool
    seconds: float


def update(
    output: Path,
    var: Path,
    snapshot: Snapshot,
    ask: Ask | None = None,
    *,
    make: bool = True,
    clock: Callable[[], float] = time.time,
) -> Index | None:
    """Make the index show what the build in `output` and the snapshot show.

    None where the site has no search. With `make` False only what is public no longer goes, which
    is quick; the next round does the rest. Raises DiscussionError; then readers keep the index they
    had, but for the replies that were taken back.
    """
    started = time.monotonic()
    site = Site.open(output, ask)
    if not site.manifest.settings.search:
        return None
    folder = var / paths.FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    # One at a time; whoever waited here looks at what is there by then.
    with index_lock.lock_of(var):
        site = Site.open(output, ask)
        shown, kept = paths.bundle_of(var, output), paths.state_of(var, output)
        paths.link(site.root, shown)
        for leftover in folder.glob(f"{_WORK}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        state = State.load(kept)
        try:
            found = {one.url: one for one in records(site.world(snapshot), site.root, _refused)}
        except DiscussionError:
            # Nobody can say what is private just now; what was taken back need not wait for that.
            world = Site.open(output, None).world(snapshot)
            there = {one.url: one.digest for one in records(world, site.root, _refused)}
            _take_back(shown, state, there)
            raise
        digests = {url: one.digest for url, one in found.items()}
        language, version = site.manifest.settings.language, _version()
        stale = not (
            state.shows(digests)
            and (state.language, state.engine) == (language, version)
            and (bool(found) == (shown / engine.ENTRY).is_file())
            # A reply may have been taken back, and then approved again.
            and all((shown / held.file).is_file() for held in state.records.values())
        )
        withdrawn = stale and _take_back(shown, state, digests)
        made = stale and make
        if made:
            _make(folder, shown, kept, state, found, language, clock)
        _sweep(shown, kept, clock(), withdrawn=withdrawn)
    return Index(len(found), made, time.monotonic() - started)


def write(folder: Path, found: dict[str, Record], language: str) -> Path:
    """Make an index of these records in the folder; returns where it is."""
    documents, made = folder / "documents", folder / "index"
    documents.mkdir()
    for one in found.values():
        (documents / one.name).write_text(one.document, encoding="utf-8")
    engine.make(documents, made, language)
    return made


def _make(
    folder: Path,
    shown: Path,
    kept: Path,
    state: State,
    found: dict[str, Record],
    language: str,
    clock: Callable[[], float],
) -> None:
    if not found:
        # The engine makes no empty index; without an entry the search page says that there is none.
        pages.remove(shown / engine.ENTRY)
        bundles.hide(shown, bundles.files_of(shown))
        State(language, _version()).save(kept)
        return
    with tempfile.TemporaryDirectory(prefix=_WORK, dir=folder) as work:
        made = write(Path(work), found, language)
        files = bundles.addresses(made)
        # No round takes a state without an engine for complete: who is killed from here on, before
        # the new state is kept, has the next one make the index anew.
        State(language, "", state.records, state.stale).save(kept)
        stale = bundles.show(made, shown)
        now = clock()
        new = State(
            language,
            _version(),
            {url: Held(one.digest, one.kind, files[url]) for url, one in found.items()},
            {name: state.stale.get(name, now) for name in stale},
        )
        new.save(kept)


def _take_back(shown: Path, state: State, digests: dict[str, str]) -> bool:
    """Remove the texts of replies that are public no longer, or were edited; whether any were."""
    gone = {
        held.file
        for url, held in state.records.items()
        if held.kind == REPLY and digests.get(url) != held.digest
    }
    bundles.hide(shown, gone)
    return bool(gone)


def _sweep(shown: Path, kept: Path, now: float, *, withdrawn: bool) -> None:
    """Remove what only older indexes name: after the grace period, or now if `withdrawn`.

    Files of an older index hold the words of the replies that it had.
    """
    state = State.load(kept)
    grace = 0.0 if withdrawn else GRACE_SECONDS
    old = {name for name, since in state.stale.items() if now - since >= grace}
    if old:
        bundles.hide(shown, old)
        state.stale = {name: at for name, at in state.stale.items() if name not in old}
        state.save(kept)


def _version() -> str:
    """Which program makes the index: another one may make another index of the same records."""
    found = engine.find()
    stat = found.stat()
    return f"{found.name}:{stat.st_size}"


def _refused(why: str) -> None:
    log.error("event=search-left-out detail=%r", why)
