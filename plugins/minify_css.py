"""Minifies style sheets, which browsers load before they show a page.

`PLUGINS = [..., "plugins.minify_css"]`, before the discussions, which precompress the style sheets
that are in the output then.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


def register() -> None:
    """Connect the plugin to Pelican's signals."""
    from pelican import signals

    signals.finalized.connect(shrink)


def shrink(pelican: Any) -> None:
    """At `finalized`: replace the copies of the theme's sheets; the theme keeps its own."""
    # Loaded by the builds that write sheets, not by whoever imports the settings.
    from rcssmin import cssmin

    from .shared.files import replace

    settings = pelican.settings
    folder = Path(settings["OUTPUT_PATH"], settings["THEME_STATIC_DIR"])
    for path in sorted(folder.rglob("*.css")):
        text = path.read_text("utf-8")
        small = str(cssmin(text))
        # A later build finds what this one left.
        if small != text:
            replace(path, small.encode())
