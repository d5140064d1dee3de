"""Scrubbing of erased texts from the full-text index and the write-ahead log."""

import time
from typing import Final

from comments_service.store import scrub as store
from comments_service.store.database import Database

EVERY_SECONDS: Final = 2.0
# Far more steps than an index of millions of replies needs; the next call would continue.
_MOST_STEPS = 20_000
# Attempts to truncate the log, which a reader of the database prevents, usually for milliseconds.
_TRIES = 50
_PAUSE_SECONDS = 0.1


def scrub(db: Database) -> bool:
    """Scrub all pending erasures; return whether nothing is left to scrub.

    Writes nothing if there are none. Raises `Unavailable`.
    """
    with db.read() as connection:
        number = store.owed(connection)
    if not number:
        return True
    begin = True
    for _ in range(_MOST_STEPS):
        with db.write() as connection:
            more = store.merge(connection, begin=begin)
        if not more:
            break
        begin = False
    for _ in range(_TRIES):
        if db.empty_log():
            break
        time.sleep(_PAUSE_SECONDS)
    else:
        return False
    with db.write() as connection:
        store.settle(connection, number)
    return True
