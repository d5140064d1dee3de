"""Images in articles and pages get their measures, several widths, and patience.

`PLUGINS = [..., "plugins.pictures", "plugins.discussion", ...]`: it stands before whatever reads
the finished texts. Authors write an ordinary image; see docs/writing.md.
"""

from __future__ import annotations


def register() -> None:
    """Connect the plugin to Pelican's signals."""
    from pelican import signals

    from . import hooks

    signals.all_generators_finalized.connect(hooks.hang)
