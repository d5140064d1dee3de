"""Where the search index stands: beside the builds, and in each of them by a link.

So a build need not make it, and readers keep it when the next build is shown.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

# Where readers get it, below the search page.
LINK = "search/files"
FOLDER = "search"


def bundle_of(var: Path, output: Path) -> Path:
    """The folder of the index of this output; all that is in it is public."""
    return var / FOLDER / output.name


def state_of(var: Path, output: Path) -> Path:
    """The file that says what is in the index."""
    return var / FOLDER / f"{output.name}.json"


def link(root: Path, bundle: Path) -> None:
    """Show the index in the build at `root`, also where it is still to be made."""
    place = root / LINK
    target = os.path.relpath(bundle, place.parent)
    if place.is_symlink() and os.readlink(place) == target:  # noqa: PTH115 - as it is written
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    bundle.mkdir(parents=True, exist_ok=True)
    new = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
    new.symlink_to(target, target_is_directory=True)
    new.replace(place)
