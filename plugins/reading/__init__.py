"""Reading time, table of contents, neighbours and related articles.

`PLUGINS = [..., "plugins.reading", ...]` gives every article `reading_minutes`, `word_count`,
`contents`, `newer`, `older` and `related` (docs/theme.md). Listed under MARKDOWN too, as
`plugins.reading.extension`, the counting is done once per text and kept with it.
"""

from __future__ import annotations


def register() -> None:
    """Connect the plugin to Pelican's signals."""
    from pelican import signals

    from . import hooks

    signals.all_generators_finalized.connect(hooks.lead_on)
