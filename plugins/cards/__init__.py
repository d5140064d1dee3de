"""Card images of articles for link previews: 1200 × 630, drawn by the build.

`PLUGINS = [..., "plugins.cards", "plugins.discussion", ...]`; it stands before the discussions,
which tell search engines of the picture. Cards exist only where SITEURL is absolute.
"""

from __future__ import annotations


def register() -> None:
    """Connect the plugin to Pelican's signals."""
    from pelican import signals

    from . import hooks

    signals.all_generators_finalized.connect(hooks.deal)
