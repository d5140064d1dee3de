"""Translations of the theme, from the gettext catalogs in its folder `translations`.

`PLUGINS = ["plugins.language", ...]` gives Pelican's templates `_()`, `{% trans %}` and so
on. The language is Pelican's DEFAULT_LANG; the templates are in English.
"""


def register() -> None:
    """Connect the plugin to Pelican's signals."""
    from pelican import signals

    from . import hooks

    signals.generator_init.connect(hooks.give_words)
