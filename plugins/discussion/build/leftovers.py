"""Removes files of earlier builds from an output directory that is written repeatedly.

Plain Pelican keeps old files in its output (DELETE_OUTPUT_DIRECTORY is off by default). The page of
an article that was deleted or made a draft would stay there with its discussion.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable
from pathlib import Path

from ...shared import files
from ..model.markers import Region
from ..publish import precompressed

# Regions of a page and its own files; lists of articles have other ones.
_OF_ONE_PAGE = frozenset({"discussion", "head", "feed", "replies"})


class Leftovers:
    """The files in the output that this build did not write.

    `written` are absolute paths; `kinds` are those of precompressed twins.
    """

    def __init__(self, output: Path, written: Collection[str], kinds: Iterable[str] = ()) -> None:
        self._output, self._kinds = output, tuple(kinds)
        self._written = {str(Path(one).absolute()) for one in written}

    def has(self, name: str) -> bool:
        """Whether this file is a leftover."""
        return str((self._output / name).absolute()) not in self._written

    def settle(self, name: str, regions: Iterable[Region]) -> None:
        """Remove a page whose article is gone, and report it; leave any other file alone."""
        if not any(one.name in _OF_ONE_PAGE for one in regions):
            return
        path = self._output / name
        files.remove(path)
        precompressed.remove(path, self._kinds)
        print(
            f"WARNING: {path} is removed: its article is no longer published.",
            file=sys.stderr,
            flush=True,
        )
