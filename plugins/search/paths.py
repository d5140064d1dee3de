"""The paths of the search index: it is beside the builds, and each build links to it.

So a build need not make it, and readers keep it when the next build is shown.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

# The index's public path, below the search page.
LINK = "search/files"
FOLDER = "search"


def bundle_of(var: Path, output: Path) -> Path:
    """Return the folder of the index of this output; everything in it is public."""
    return var / FOLDER / output.name


def state_of(var: Path, output: Path) -> Path:
    """Return the file with the index's state."""
    return var / FOLDER / f"{output.name}.json"


def link(root: Path, bundle: Path) -> None:
    """Link the index into the build at `root`, even if it is still to be made."""
    place = root / LINK
    target = os.path.relpath(bundle, place.parent)
    if place.is_symlink() and os.readlink(place) == target:  # noqa: PTH115 - as it is written
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    bundle.mkdir(parents=True, exist_ok=True)
    new = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
    new.symlink_to(target, target_is_directory=True)
    new.replace(place)
