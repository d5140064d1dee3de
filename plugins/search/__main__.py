"""`python -m plugins.search OUTPUT`: one indexing run, in a process of low priority.

The publisher and builds start it: a thread would hold up the pages while it works.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from ..shared.errors import DiscussionError
from .run import TAKE_BACK, index

if __name__ == "__main__":
    with suppress(OSError, AttributeError):
        os.nice(10)
    try:
        index(Path(sys.argv[1]), make=TAKE_BACK not in sys.argv[2:])
    except DiscussionError as error:
        sys.exit(str(error))
