"""A built site on disk, and the one way to make its pages agree with the snapshot.

The publisher and the builder both work through this; whoever calls holds the site's lock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from plugins.discussion import manifest as manifests
from plugins.discussion import page as pages
from plugins.discussion.errors import PageError, RenderError
from plugins.discussion.manifest import Entry, Manifest
from plugins.discussion.render import render
from plugins.discussion.snapshot import Snapshot

# Which build this is, and which state of its manifest.
Stamp = tuple[str, int, int, int]


@dataclass(slots=True)
class Outcome:
    """What a round over pages did: the keys written, and the errors by key."""

    written: list[str] = field(default_factory=list)
    failed: dict[str, PageError | RenderError] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Site:
    """One build: its real directory (never the `output` link) and its manifest."""

    root: Path
    manifest: Manifest
    stamp: Stamp

    @classmethod
    def open(cls, output: Path) -> Site:
        """The build that `output` shows now; ManifestError when there is none."""
        # The real directory, so that a swap of the link cannot move the ground during a round.
        stamp = stamp_of(output)
        root = Path(stamp[0]) if stamp else output
        return cls(root, manifests.load(root), stamp or ("", 0, 0, 0))

    @property
    def name(self) -> str:
        """What tells this build from any other, also from a later one in the same directory."""
        return ":".join(map(str, self.stamp))

    def update(self, snapshot: Snapshot, keys: Iterable[str]) -> Outcome:
        """Make the pages of these keys show what the snapshot holds; others are left alone."""
        outcome = Outcome()
        for key in keys:
            entry = self.manifest.entries.get(key)
            if entry is not None:
                self._update(snapshot, entry, outcome)
        return outcome

    def reconcile(self, snapshot: Snapshot, *, thorough: bool | None = None) -> Outcome:
        """Make every page show what the snapshot holds.

        Compares revisions, or all bytes where revisions say nothing: when this build was not yet
        reconciled with the snapshot's generation (`thorough=None` decides so by itself).
        """
        here = snapshot.position()
        mark = (self.name, here.generation if here else "")
        if thorough is None:
            thorough = snapshot.reconciled() != mark
        outcome = Outcome()
        revisions = snapshot.revisions()
        for folder in {(self.root / one.file).parent for one in self.manifest.entries.values()}:
            if folder.is_dir():
                pages.sweep(folder)
        for key, entry in self.manifest.entries.items():
            try:
                if not thorough and self._revision(entry) == revisions.get(key, 0):
                    continue
            except PageError as error:
                outcome.failed[key] = error
                continue
            self._update(snapshot, entry, outcome)
        if not outcome.failed:
            snapshot.mark_reconciled(*mark)
        return outcome

    def _revision(self, entry: Entry) -> int:
        path = self.root / entry.file
        return pages.find(pages.read(path), entry.page.key, str(path)).revision

    def _update(self, snapshot: Snapshot, entry: Entry, outcome: Outcome) -> None:
        key = entry.page.key
        try:
            fragment = render(
                snapshot.get(key),
                entry.page,
                self.manifest.settings,
                manifests.templates_of(self.root),
            )
            if pages.swap(self.root / entry.file, key, fragment):
                outcome.written.append(key)
        except (PageError, RenderError) as error:
            outcome.failed[key] = error


def stamp_of(output: Path) -> Stamp | None:
    """Which build `output` shows, cheap enough to ask several times a second; None for none."""
    try:
        root = output.resolve(strict=True)
        stat = manifests.path_of(root).stat()
    except OSError:
        return None
    return str(root), stat.st_ino, stat.st_mtime_ns, stat.st_size
