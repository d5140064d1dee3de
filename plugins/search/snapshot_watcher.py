"""The loop of the search's threads: checks the snapshot repeatedly and survives errors."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from ..discussion.client.snapshot import Snapshot
from ..shared.error_log import described
from ..shared.errors import DiscussionError

log = logging.getLogger("rejoinder.search")

LOOK_SECONDS = 0.5


def look_until(
    stop: threading.Event,
    snapshot: Path,
    look: Callable[[Snapshot, threading.Event], None],
    failed: Callable[[str], None],
) -> None:
    """Call `look` a few times a second until `stop` is set; `failed` gets each error's text."""
    with Snapshot(snapshot) as opened:
        while not stop.wait(LOOK_SECONDS):
            try:
                look(opened, stop)
            except (DiscussionError, OSError) as error:
                failed(str(error))
            except Exception as error:
                log.error("event=search-unexpected %s", described(error))  # noqa: TRY400
                failed(type(error).__name__)
