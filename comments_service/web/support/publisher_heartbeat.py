"""Last heartbeat and error of the publisher, in memory."""

from datetime import datetime


class PublisherHeartbeat:
    """When the publisher last made a request, and the trouble that it reported.

    In memory only: the publisher repeats both within half a minute.
    """

    def __init__(self, since: datetime) -> None:
        # Just after the start, a missing heartbeat means nothing yet.
        self.seen_at = since
        self.trouble: str | None = None

    def asked(self, now: datetime) -> None:
        """Record a request of the publisher."""
        self.seen_at = max(self.seen_at, now)
