"""Authoring: checks of texts and links, drafts, scheduled articles, redirects of moved articles.

`PLUGINS = [..., "plugins.discussion", "plugins.authoring", ...]` enables it. It comes after
the discussions, because links may point to their files. Importing this package is cheap.
"""

from __future__ import annotations


def register() -> None:
    """Connect the plugin to Pelican's signals."""
    from pelican import signals

    from . import hooks

    signals.get_generators.connect(hooks.begin)
    signals.article_generator_init.connect(hooks.check_texts)
    signals.page_generator_init.connect(hooks.check_texts)
    signals.content_object_init.connect(hooks.file_away)
    signals.article_generator_pretaxonomy.connect(hooks.untangle_labels)
    signals.all_generators_finalized.connect(hooks.lay_redirects)
    signals.finalized.connect(hooks.look_over)
