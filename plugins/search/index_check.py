"""Compares the published index with one that is made afresh."""

from __future__ import annotations

import filecmp
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..discussion.client.snapshot import Snapshot
from ..discussion.model.privacy_check import Ask
from ..discussion.publish.built_site import Site
from . import bundle, engine, indexer, paths
from .records import records


def differences(
    shown: Path, fresh: Path, snapshot: Snapshot, ask: Ask | None, folder: Path
) -> Iterator[tuple[str, str]]:
    """Return the differences between the index of the build `shown` and that of `fresh`.

    Pairs of `missing` or `differs` and the file; `folder` is for what is made on the way. Files of
    an index before it may still be there.
    """
    site = Site.open(fresh, ask)
    if not site.manifest.settings.search:
        return
    here = shown / paths.LINK
    with tempfile.TemporaryDirectory(dir=folder, prefix="verify-search-") as work:
        found = {one.url: one for one in records(site.world(snapshot), fresh, _ignore)}
        if not found:
            if (here / engine.ENTRY).is_file():
                yield "extra", f"{paths.LINK}/{engine.ENTRY}"
            return
        made = indexer.write(Path(work), found, site.manifest.settings.language)
        for name in sorted(bundle.files_of(made)):
            if not (here / name).is_file():
                yield "missing", f"{paths.LINK}/{name}"
            elif not filecmp.cmp(made / name, here / name, shallow=False):
                yield "differs", f"{paths.LINK}/{name}"


def _ignore(_why: str) -> None:
    """Text that the privacy check refuses is in neither; comparing pages reports it."""
