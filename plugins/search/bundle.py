"""The files of the published index, and how a new index replaces the old one.

Files are named by what is in them, and one file, the entry, says which of them count. So new files
are put beside the old, then the entry is replaced: a reader sees one index or the other. Files of
the old one stay a while for those who are in the midst of a search.
"""

from __future__ import annotations

import filecmp
import gzip
import json
import os
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

from ..shared import files as pages
from .engine import ENTRY
from .records import FACTS

_SIGN = b"pagefind_dcd"


def files_of(bundle: Path) -> set[str]:
    """Return every file of an index, as paths below it."""
    found = set()
    for folder, _, names in os.walk(bundle):
        below = os.path.relpath(folder, bundle)
        found |= {name if below == "." else f"{below}/{name}" for name in names}
    return found


def addresses(bundle: Path) -> dict[str, str]:
    """Return the file with each record's text, by the record's address."""
    found = {}
    for path in (bundle / "fragment").glob("*.pf_fragment"):
        data = json.loads(gzip.decompress(path.read_bytes()).removeprefix(_SIGN))
        [facts] = [one["id"] for one in data["anchors"] if one["id"].startswith(FACTS)]
        found[json.loads(unquote(facts.removeprefix(FACTS)))["url"]] = f"fragment/{path.name}"
    return found


def show(made: Path, bundle: Path) -> set[str]:
    """Move the index in `made` into the public folder; return the files that are no longer used."""
    new = files_of(made)
    before = files_of(bundle)
    for name in sorted(new - {ENTRY}):
        place = bundle / name
        if name in before and filecmp.cmp(made / name, place, shallow=False):
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        (made / name).chmod(pages.MODE)
        (made / name).replace(place)
    # The entry must not reach the disk before the files that it names.
    os.sync()
    entry = (made / ENTRY).read_bytes()
    if ENTRY not in before or (bundle / ENTRY).read_bytes() != entry:
        pages.replace(bundle / ENTRY, entry)
    return before - new


def hide(bundle: Path, files: set[str]) -> None:
    """Remove files of the index; missing ones are no error."""
    for name in files:
        with suppress(FileNotFoundError):
            (bundle / name).unlink()
