"""The theme's words in the site's language, from the gettext catalogs that lie with the theme.

`PLUGINS = ["plugins.language", ...]` gives Pelican's templates `_()`, `{% trans %}` and their
relatives. The language is Pelican's DEFAULT_LANG; English is what stands in the templates.
"""


def register() -> None:
    """Connect the plugin to Pelican's signals."""
    from pelican import signals

    from . import hooks

    signals.generator_init.connect(hooks.give_words)
