"""Quick builds: Pelican on several cores, with a cache of converted articles and rendered pages.

`PLUGINS = ["plugins.quick"]` switches it on; `QUICK_CACHE` is the folder of the cache. Every file
is byte for byte what Pelican alone would write. See `supported` for the versions that it needs.
"""

from __future__ import annotations

import logging
from typing import Any

from . import supported

logger = logging.getLogger(__name__)


def connections() -> list[tuple[Any, Any]]:
    """Return Pelican's signals, each with the function that is connected to it."""
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
    """Connect the plugin to Pelican's signals, if it supports the installed versions."""
    # First of all: importing the hooks needs Pelican's internals.
    if reason := supported.problem():
        logger.warning("%s", reason)
        return
    from . import hooks

    hooks.patch()
    for signal, receiver in connections():
        signal.connect(receiver)
