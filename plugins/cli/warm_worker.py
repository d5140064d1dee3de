"""What the process of standby.py does: load, wait for one line, build, end."""

from __future__ import annotations

import json
import sys


def main() -> None:
    """Read the options of `rejoinder build` as a line of JSON; the end of input means: go."""
    # Loaded so that the build need not.
    import pelican

    import plugins.authoring.hooks
    import plugins.cli.build
    import plugins.discussion.build.hooks
    import plugins.quick.hooks  # noqa: F401
    from plugins.cli.commands import build

    del pelican
    word = sys.stdin.readline()
    if word:
        build.main(json.loads(word), prog_name="rejoinder build")


if __name__ == "__main__":
    main()
