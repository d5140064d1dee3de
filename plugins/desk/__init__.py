"""The author's desk: drafts, articles of a future day, links that lead somewhere, moved articles.

`PLUGINS = [..., "plugins.discussion", "plugins.desk", ...]` switches it on; it must stand after the
discussions, whose files links may lead to. Importing this package costs nothing.
"""

from __future__ import annotations


def register() -> None:
    """Connect the plugin to Pelican's signals."""
    from pelican import signals

    from plugins.desk import hooks

    signals.get_generators.connect(hooks.begin)
    signals.content_object_init.connect(hooks.file_away)
    signals.all_generators_finalized.connect(hooks.lay_redirects)
    signals.finalized.connect(hooks.look_over)
