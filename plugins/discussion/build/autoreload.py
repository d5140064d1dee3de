"""Keeps `pelican --autoreload` from building in a loop when a build fails.

Pelican logs the exception and builds again at once, without waiting for a change.
"""

from __future__ import annotations

import sys
from typing import Any


def guard(pelican: Any) -> None:
    """At `initialized`, make autoreload report a failed build and wait for the next change."""
    if not _in_autoreload():
        return
    build = pelican.run

    def run() -> None:
        try:
            build()
        except Exception as error:
            what = str(error) or type(error).__name__
            print(f"ERROR: {what}", file=sys.stderr)
            print("The build failed. Save a file to try again.", file=sys.stderr, flush=True)

    pelican.run = run


def _in_autoreload() -> bool:
    # Neither the settings nor the object tell whether Pelican runs with autoreload.
    from pelican import autoreload

    code = autoreload.__code__
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        if frame.f_code is code:
            return True
    return False
