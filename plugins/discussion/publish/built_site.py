"""A built site on disk, and the only code that makes its files agree with the snapshot.

The publisher and the builder both use it; the caller holds the site's lock.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ...shared import files as pages
from ...shared.errors import PageError, RenderError
from ...shared.progress import each
from ..client.snapshot import Snapshot
from ..model import manifest as manifests
from ..model import markers, paths
from ..model.manifest import Manifest
from ..model.privacy_check import Ask
from ..render import outputs, regions
from ..render.outputs import Derived
from ..render.render_context import World
from . import precompressed

# With more changed pages than this, checking all of a file's regions is faster.
FEW = 50
# Identifies a build and a state of its manifest.
Stamp = tuple[str, int, int, int]


@dataclass(slots=True)
class Outcome:
    """The result of a round: the files written or removed, and the errors by file.

    By page key: the revision that a page's own file shows, and why a page or what belongs to it
    could not be written.
    """

    written: list[str] = field(default_factory=list)
    failed: dict[str, PageError | RenderError] = field(default_factory=dict)
    shown: dict[str, int] = field(default_factory=dict)
    stalled: dict[str, str] = field(default_factory=dict)
    _blamed: set[str] = field(default_factory=set)

    @property
    def others(self) -> dict[str, str]:
        """Return the errors of files that belong to no single page."""
        return {file: str(error) for file, error in self.failed.items() if file not in self._blamed}

    def blame(self, file: str, key: str) -> None:
        """Count the file's error, if any, as the page's."""
        if file in self.failed:
            self._blamed.add(file)
            self.stalled.setdefault(key, str(self.failed[file]))


@dataclass(frozen=True, slots=True)
class Site:
    """One build: its real directory (never the `output` link) and its manifest.

    `ask` tells which strings are private; without it nothing is compared.
    """

    root: Path
    manifest: Manifest
    stamp: Stamp
    ask: Ask | None = None

    @classmethod
    def open(cls, output: Path, ask: Ask | None = None) -> Site:
        """Return the build that `output` shows now; ManifestError if there is none."""
        # Resolve the link once, so that a new build cannot change it during a round.
        stamp = stamp_of(output)
        root = Path(stamp[0]) if stamp else output
        return cls(root, manifests.load(root), stamp or ("", 0, 0, 0), ask)

    @classmethod
    def of(cls, output: Path, manifest: Manifest, ask: Ask | None = None) -> Site:
        """Return the build in `output` whose manifest was just written there."""
        stamp = stamp_of(output)
        return cls(Path(stamp[0]) if stamp else output, manifest, stamp or ("", 0, 0, 0), ask)

    @property
    def name(self) -> str:
        """Return what distinguishes this build from others, also later ones in this directory."""
        return ":".join(map(str, self.stamp))

    def world(self, snapshot: Snapshot) -> World:
        """Return the context of a round's rendering."""
        return World(snapshot, self.manifest, self.root, self.ask)

    def update(self, snapshot: Snapshot, key: str) -> Outcome:
        """Make a page and its own files show the snapshot: the page first."""
        outcome = Outcome()
        entry = self.manifest.entry(key)
        if entry is not None:
            world = self.world(snapshot)
            self._bring(world, entry.file, key, outcome)
            for one in _named(outputs.of_page(world, entry, self.root), entry.file, outcome):
                self._derive(one, outcome)
                outcome.blame(one.file, key)
            outcome.blame(entry.file, key)
        return outcome

    def shared(self, key: str) -> list[str]:
        """Return the other files that show something of a page, by regions or as outputs."""
        entry = self.manifest.entry(key)
        if entry is None:
            return []
        files = [one for one in self.manifest.files_of(key) if one != entry.file]
        if self.manifest.settings.absolute:
            shard = self.manifest.shard_of(key)
            files += [paths.SITE_FEED] if entry.page.facts.listed else []
            files += [paths.shard_file(shard)] if shard else []
        return files

    def refresh(self, snapshot: Snapshot, file: str, keys: Collection[str]) -> Outcome:
        """Make one shared file show the snapshot for these pages and the site."""
        outcome = Outcome()
        world = self.world(snapshot)
        for one in _named(self._derived_file(world, file), file, outcome):
            self._derive(one, outcome)
            break
        else:
            if file in outcome.failed:
                return outcome
            self._bring(world, file, None, outcome, only=keys if len(keys) <= FEW else None)
        return outcome

    def reconcile(self, snapshot: Snapshot, *, thorough: bool | None = None) -> Outcome:
        """Make every file show the snapshot.

        Compares revisions, or all bytes where revisions are not sufficient: when this build was not
        yet reconciled with the snapshot's generation (`thorough=None` decides so by itself).
        """
        here = snapshot.position()
        mark = (self.name, here.generation if here else "")
        if thorough is None:
            thorough = snapshot.reconciled() != mark
        outcome = Outcome()
        self._sweep()
        world = self.world(snapshot)
        own = self.manifest.files_by_key
        keys = {file: key for key, file in own.items()}
        files = list(dict.fromkeys([*own.values(), *self.manifest.files()]))
        for file in each("Comparing pages", files, len(files)):
            self._bring(world, file, keys.get(file), outcome, thorough=thorough)
        self.derive(world, outcome, thorough=thorough)
        if not outcome.failed:
            snapshot.mark_reconciled(*mark)
        return outcome

    def derive(self, world: World, outcome: Outcome, *, thorough: bool = False) -> None:
        """Write every output that differs."""
        keys = self.manifest.files_by_key
        for key in each("Comparing feeds", keys, len(keys)):
            entry = self.manifest.entry(key)
            if entry is not None:
                made = outputs.of_page(world, entry, self.root)
                for one in _named(made, entry.file, outcome):
                    self._derive(one, outcome, thorough=thorough)
                    outcome.blame(one.file, key)
                outcome.blame(entry.file, key)
        feed = _named(outputs.of_site(world), paths.SITE_FEED, outcome)
        for one in (*feed, *outputs.sitemaps(world)):
            self._derive(one, outcome, thorough=thorough)

    def squeeze(self) -> None:
        """Make the precompressed files of a new build, if the site wants any."""
        kinds = self.manifest.settings.precompress
        if kinds:
            paths = sorted(self.root.rglob("*"))
            for path in each("Compressing", paths, len(paths)):
                hidden = manifests.FOLDER in path.relative_to(self.root).parts
                if path.suffix in precompressed.TEXT and path.is_file() and not hidden:
                    precompressed.mend(path, path.read_bytes(), kinds)

    def _bring(
        self,
        world: World,
        file: str,
        key: str | None,
        outcome: Outcome,
        *,
        thorough: bool = False,
        only: Collection[str] | None = None,
    ) -> None:
        """Replace the outdated regions of a file; `key` if it is a page's own.

        `only` looks at the regions of these keys and of the site.
        """
        path = self.root / file
        try:
            data = pages.read(path)
            where = str(path)
            found = markers.scan(data, where) if only is None else markers.some(data, only, where)
            if key is not None:
                for name in regions.ONCE:
                    markers.only(found, name, key, where)
            changes = []
            for region in found:
                text = regions.changed(region, world, where, thorough=thorough)
                if text is not None:
                    changes.append((region, text))
            new = markers.splice(data, changes) if changes else data
            self._put(file, data, new, outcome)
            if key is not None:
                outcome.shown[key] = markers.stamp(new, "discussion", key) or 0
        except (PageError, RenderError) as error:
            outcome.failed[file] = error
            if key is not None:
                outcome.blame(file, key)

    def _derive(self, one: Derived, outcome: Outcome, *, thorough: bool = False) -> None:
        if one.make is None and self._nothing_at(one.file):
            return
        path = self.root / one.file
        try:
            if one.make is None:
                # A process that removed the file may have been killed before it removed the rest.
                precompressed.remove(path, self.manifest.settings.precompress)
                if pages.remove(path):
                    outcome.written.append(one.file)
                self._remove_folders(path)
                return
            data = path.read_bytes() if path.exists() else None
            current = data is not None and one.revision is not None and not thorough
            if current and markers.stamp(data or b"", one.name, one.key) == one.revision:
                self._put(one.file, data, data or b"", outcome)
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            self._put(one.file, data, one.make().encode(), outcome)
        except OSError as error:
            outcome.failed[one.file] = PageError(f"{path} cannot be used ({error.strerror}).")
        except (PageError, RenderError) as error:
            outcome.failed[one.file] = error

    def _nothing_at(self, file: str) -> bool:
        """Whether file, precompressed files and folder are missing, as for most articles' feeds."""
        folder, name = os.path.split(f"{self.root}/{file}")
        try:
            beside = os.listdir(folder)  # noqa: PTH208 - thousands of times
        except OSError:
            return not os.path.lexists(folder)
        # An empty folder has to be removed too.
        return bool(beside) and not any(one.startswith(name) for one in beside)

    def _put(self, file: str, old: bytes | None, new: bytes, outcome: Outcome) -> None:
        path, kinds = self.root / file, self.manifest.settings.precompress
        if old != new:
            pages.replace(path, new)
            precompressed.write(path, new, kinds)
            outcome.written.append(file)
        elif precompressed.mend(path, new, kinds):
            outcome.written.append(file)

    @staticmethod
    def _remove_folders(path: Path) -> None:
        # Folders of later pages of replies; others are not empty.
        with suppress(OSError):
            path.parent.rmdir()
            path.parent.parent.rmdir()

    def _derived_file(self, world: World, file: str) -> Iterator[Derived]:
        if file == paths.SITE_FEED:
            yield from outputs.of_site(world)
        elif (number := paths.shard_number(file)) is not None:
            yield outputs.shard(world, number)

    def _sweep(self) -> None:
        entries = self.manifest.files_by_key.values()
        files = [*entries, *self.manifest.files(), paths.SITE_FEED]
        folders: Iterable[Path] = {(self.root / file).parent for file in files}
        for folder in (*folders, self.root / "sitemaps"):
            if folder.is_dir():
                pages.sweep(folder)
            for later in (folder / "replies").glob("*") if folder.is_dir() else ():
                # Another article may have a file there.
                if later.is_dir():
                    pages.sweep(later)


def _named(made: Iterator[Derived], file: str, outcome: Outcome) -> Iterator[Derived]:
    """Render an output; an error is that file's only."""
    try:
        yield from made
    except (PageError, RenderError) as error:
        outcome.failed.setdefault(file, error)


def stamp_of(output: Path) -> Stamp | None:
    """Return which build `output` shows, fast enough for several calls a second; None for none."""
    try:
        root = output.resolve(strict=True)
        stat = manifests.path_of(root).stat()
    except OSError:
        return None
    return str(root), stat.st_ino, stat.st_mtime_ns, stat.st_size
