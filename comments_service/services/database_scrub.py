"""Scrubs what erasures leave in the files of the database: index parts and the write-ahead log."""

import time
from typing import Final

from comments_service.store import scrub as store
from comments_service.store.database import Database

EVERY_SECONDS: Final = 2.0
# Far more steps than an index of millions of replies takes; the next round goes on.
_MOST_STEPS = 20_000
# A reader of the database keeps its log from being emptied, usually for milliseconds.
_TRIES = 50
_PAUSE_SECONDS = 0.1


def scrub(db: Database) -> bool:
    """Scrub after every erasure so far; whether nothing is left to scrub.

    Writes nothing when nothing was erased. May raise `Unavailable`.
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
