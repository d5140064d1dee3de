"""Public ids of replies and other records (ULIDs): sortable by time, not guessable."""

from datetime import datetime

from ulid import ULID


def new_id(now: datetime) -> str:
    """Return a new ULID in lower case: 26 characters `[0-9a-z]`, 48 bits of time, 80 random."""
    return str(ULID.from_timestamp(now.timestamp())).lower()
