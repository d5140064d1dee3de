"""Public ids: opaque, sortable by time, impossible to count or guess."""

from datetime import datetime

from ulid import ULID


def new_id(now: datetime) -> str:
    """Return a fresh id of 26 characters `[0-9a-z]`: 48 bits of time, 80 random bits (a ULID)."""
    return str(ULID.from_timestamp(now.timestamp())).lower()
