"""Adds width and height, srcset and lazy loading to images in articles and pages.

`PLUGINS = [..., "plugins.pictures", "plugins.discussion", ...]`: it comes before plugins
that read the finished texts. Authors write an ordinary image; see docs/writing.md.
"""

from __future__ import annotations


def register() -> None:
    """Connect the plugin to Pelican's signals."""
    from pelican import signals

    from . import hooks

    signals.all_generators_finalized.connect(hooks.hang)
