"""The author's desk: checks of texts and links, drafts, articles of a future day, moved articles.

`PLUGINS = [..., "plugins.discussion", "plugins.desk", ...]` switches it on; it must stand after the
discussions, whose files links may lead to. Importing this package costs nothing.
"""

from __future__ import annotations


def register() -> None:
    """Connect the plugin to Pelican's signals."""
    from pelican import signals

    from plugins.desk import hooks

    signals.get_generators.connect(hooks.begin)
    signals.article_generator_init.connect(hooks.check_texts)
    signals.page_generator_init.connect(hooks.check_texts)
    signals.content_object_init.connect(hooks.file_away)
    signals.article_generator_pretaxonomy.connect(hooks.untangle_labels)
    signals.all_generators_finalized.connect(hooks.lay_redirects)
    signals.finalized.connect(hooks.look_over)
