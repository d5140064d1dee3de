"""The process of warm_process.py: load, wait for one line, build, exit."""

from __future__ import annotations

import json
import sys


def main() -> None:
    """Read the options of `rejoinder build` as a line of JSON; the end of input means: exit."""
    # Imported ahead, so that the build need not.
    import pelican

    from ..authoring import hooks  # noqa: F401
    from ..discussion.build import hooks as _discussion  # noqa: F401
    from ..quick import hooks as _quick  # noqa: F401
    from . import build as _build  # noqa: F401
    from .commands import build

    del pelican
    word = sys.stdin.readline()
    if word:
        build.main(json.loads(word), prog_name="rejoinder build")


if __name__ == "__main__":
    main()
