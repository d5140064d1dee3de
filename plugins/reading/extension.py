"""A Markdown extension that counts words and lists headings, stored as a line of metadata.

So whatever keeps converted texts (plugins/quick) keeps the measure too, and a build counts only
what has changed.
"""

from __future__ import annotations

from typing import Any

from markdown import Markdown
from markdown.extensions import Extension
from markdown.postprocessors import Postprocessor

from .measure import measure, pack

# The name in the metadata; an author's line of that name is overwritten.
NAME = "reading_measure"
# After everything else that changes the finished HTML.
LAST = -100


class ReadingExtension(Extension):
    """Adds the measure to `Markdown.Meta`."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 - Markdown's own spelling
        """Register the counting after everything else."""
        md.postprocessors.register(_Counting(md), "reading", LAST)


class _Counting(Postprocessor):
    def run(self, text: str) -> str:
        md: Any = self.md
        if hasattr(md, "Meta"):
            md.Meta[NAME] = [pack(measure(text))]
        return text


def makeExtension(**config: Any) -> ReadingExtension:  # noqa: N802 - Markdown's own spelling
    """Return the extension; Markdown calls this."""
    return ReadingExtension(**config)
