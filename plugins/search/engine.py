"""Runs Pagefind: from a folder of documents to a folder of index files.

Its program is run by itself: the Python interface waits a tenth of a second for each record, which
is an hour and a half for fifty thousand replies.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from .errors import SearchError

# The entry file lists the files that are in use; it is replaced last.
ENTRY = "pagefind-entry.json"
# Pagefind's own user interfaces, which our search page does not use.
_UNUSED = (
    "pagefind-component-ui.css",
    "pagefind-component-ui.js",
    "pagefind-highlight.js",
    "pagefind-modular-ui.css",
    "pagefind-modular-ui.js",
    "pagefind-ui.css",
    "pagefind-ui.js",
)


def find() -> Path:
    """Return the path of Pagefind's program; SearchError if there is none for this machine."""
    try:
        from pagefind.service import get_executable

        found = get_executable()
    except ImportError:
        path = shutil.which("pagefind")
        found = Path(path) if path else None
    if found is None or not found.is_file():
        raise SearchError(
            "Pagefind's program is not here, so there is no search index; run: pip install "
            "'pagefind[bin]', or where it is not made for this machine set PAGEFIND_BINARY_PATH "
            "to one that you built, or DISCUSSION_SEARCH = False"
        )
    return found


def make(documents: Path, bundle: Path, language: str) -> None:
    """Index the documents into the folder `bundle`; raises SearchError."""
    # One language for all, so that every page is found: the search page has only one.
    words = ["--site", str(documents), "--output-path", str(bundle), "--silent"]
    words += ["--force-language", language.partition("-")[0].lower()]
    try:
        done = subprocess.run(
            [str(find()), *words], cwd=documents, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise SearchError(
            f"Pagefind's program cannot be run ({error.strerror}); install pagefind[bin] again"
        ) from error
    if done.returncode or not (bundle / ENTRY).is_file():
        said = " ".join(f"{done.stdout} {done.stderr}".split())[-300:]
        raise SearchError(f"Pagefind made no index ({said or f'it ended with {done.returncode}'}).")
    for name in _UNUSED:
        (bundle / name).unlink(missing_ok=True)
