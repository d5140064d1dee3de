"""Makes the index of a build and the snapshot, if any record has changed.

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

# Seconds that files which no index names stay, for searches in progress.
GRACE_SECONDS = 60.0
_WORK = "work-"


@dataclass(frozen=True, slots=True)
class Index:
    """The result of a run: the number of records, whether the index was made, the seconds."""

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
    """Make the index of the build in `output` and the snapshot.

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
    # One at a time; a run that waited here reads the state afterwards.
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
            # Without the service nothing can be checked; withdrawals need no check.
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
            # A reply may have been withdrawn, and then approved again.
            and all((shown / held.file).is_file() for held in state.records.values())
        )
        withdrawn = stale and _take_back(shown, state, digests)
        made = stale and make
        if made:
            _make(folder, shown, kept, state, found, language, clock)
        _sweep(shown, kept, clock(), withdrawn=withdrawn)
    return Index(len(found), made, time.monotonic() - started)


def write(folder: Path, found: dict[str, Record], language: str) -> Path:
    """Make an index of these records in the folder; return its path."""
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
        # The engine makes no empty index; without an entry file the search page says that there is
        # none.
        pages.remove(shown / engine.ENTRY)
        bundles.hide(shown, bundles.files_of(shown))
        State(language, _version()).save(kept)
        return
    with tempfile.TemporaryDirectory(prefix=_WORK, dir=folder) as work:
        made = write(Path(work), found, language)
        files = bundles.addresses(made)
        # A state without an engine counts as incomplete: if this process is killed before it saves
        # the new state, the next run makes the index again.
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
    """Remove the texts of replies that were withdrawn or edited; return whether there were any."""
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
    """Identify the engine: another version may make another index of the same records."""
    found = engine.find()
    stat = found.stat()
    return f"{found.name}:{stat.st_size}"


def _refused(why: str) -> None:
    log.error("event=search-left-out detail=%r", why)
