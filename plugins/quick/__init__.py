"""Quick builds: what Pelican would write, sooner.

`PLUGINS = ["plugins.quick"]` switches it on. Markdown and pages are made by several processes and
kept for the next build (QUICK_CACHE); every file is what Pelican alone would have written.
"""

from __future__ import annotations

from typing import Any


def connections() -> list[tuple[Any, Any]]:
    """Pelican's signals and what listens to them."""
    from pelican import signals

    from . import hooks

    return [
        (signals.get_generators, hooks.begin),
        (signals.article_generator_init, hooks.quicken_reading),
        (signals.page_generator_init, hooks.quicken_reading),
        (signals.all_generators_finalized, hooks.quicken_writing),
        (signals.get_writer, hooks.writer_class),
        (signals.finalized, hooks.end),
    ]


def register() -> None:
    """Connect the plugin to Pelican's signals."""
    from . import hooks

    hooks.patch()
    for signal, receiver in connections():
        signal.connect(receiver)
