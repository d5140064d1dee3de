"""Names files in what is told to others: relative to the site's folders, not from the disk's root.

The log keeps whole paths, for whoever looks after the machine. What editors read has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

# A path begins where no other address, word or path goes on.
_BEGINS, _ENDS = r"(?<![\w./-])", r"(?![\w.-])"


def relative(text: str, folders: Iterable[Path]) -> str:
    """The text with every path below one of the folders told from there; the innermost counts."""
    for folder in sorted(_both(folders), key=lambda one: len(one.parts), reverse=True):
        whole = re.escape(str(folder))
        text = re.sub(f"{_BEGINS}{whole}/(?=[^/\\s])", "", text)
        # In what is put in, a backslash is a sign of its own.
        name = folder.name.replace("\\", r"\\")
        text = re.sub(f"{_BEGINS}{whole}/?{_ENDS}", name, text)
    return text


def unexpected(error: Exception, folders: Iterable[Path]) -> str:
    """An error that nobody planned for, in words that show nothing of the machine."""
    if not isinstance(error, OSError) or not error.strerror:
        return f"{type(error).__name__}; its log says more."
    if not isinstance(error.filename, str):
        return f"{error.strerror}; its log says more."
    name = relative(error.filename, folders)
    return f"{error.strerror}: {Path(name).name if Path(name).is_absolute() else name}"


def _both(folders: Iterable[Path]) -> set[Path]:
    """The folders as they were named and as they are; never the disk's root."""
    named = {folder.absolute() for folder in folders}
    return {one for one in named | {one.resolve() for one in named} if one.name}
