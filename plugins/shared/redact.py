"""Makes paths in messages relative to the site's folders, so that they show no absolute path.

The log has full paths, for operators; what editors read has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

# A path begins and ends where no word, URL or longer path continues.
_BEGINS, _ENDS = r"(?<![\w./-])", r"(?![\w.-])"


def relative(text: str, folders: Iterable[Path]) -> str:
    """Make every path below one of the folders relative to it; the innermost folder is used."""
    for folder in sorted(_both(folders), key=lambda one: len(one.parts), reverse=True):
        whole = re.escape(str(folder))
        text = re.sub(f"{_BEGINS}{whole}/(?=[^/\\s])", "", text)
        # A backslash in the replacement has to be escaped.
        name = folder.name.replace("\\", r"\\")
        text = re.sub(f"{_BEGINS}{whole}/?{_ENDS}", name, text)
    return text


def unexpected(error: Exception, folders: Iterable[Path]) -> str:
    """Describe an unexpected error without absolute paths."""
    if not isinstance(error, OSError) or not error.strerror:
        return f"{type(error).__name__}; its log says more."
    if not isinstance(error.filename, str):
        return f"{error.strerror}; its log says more."
    name = relative(error.filename, folders)
    return f"{error.strerror}: {Path(name).name if Path(name).is_absolute() else name}"


def _both(folders: Iterable[Path]) -> set[Path]:
    """Return the folders as given and resolved; never the root directory."""
    named = {folder.absolute() for folder in folders}
    return {one for one in named | {one.resolve() for one in named} if one.name}
