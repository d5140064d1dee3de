"""Moderated discussions inside Pelican's static pages.

`PLUGINS = ["plugins.discussion"]` switches it on. Importing this package costs nothing: Pelican,
Jinja2 and requests are imported by the rooms that use them, when they are used.
"""


def register() -> None:
    """Connect the plugin to Pelican's signals."""
    from pelican import signals

    from ..language.hooks import give_words
    from .build import autoreload, hooks

    signals.initialized.connect(autoreload.guard)
    # The theme speaks with it; connecting it twice is connecting it once.
    signals.generator_init.connect(give_words)
    # Once per run, unlike `initialized`, which autoreload would let go stale.
    signals.get_generators.connect(hooks.fetch_discussions)
    signals.article_generator_context.connect(hooks.keep_title_whole)
    signals.page_generator_context.connect(hooks.keep_title_whole)
    signals.all_generators_finalized.connect(hooks.attach_discussions)
    signals.article_writer_finalized.connect(hooks.remember_writer)
    signals.feed_generated.connect(hooks.complete_feed)
    signals.finalized.connect(hooks.finish)
