"""What this process knows of the publisher: when it last asked, and what ails it."""

from datetime import datetime


class PublisherHeartbeat:
    """Kept in memory only: a publisher asks again within half a minute, and says it again."""

    def __init__(self, since: datetime) -> None:
        # A service that has just started cannot know that nobody asks.
        self.seen_at = since
        self.trouble: str | None = None

    def asked(self, now: datetime) -> None:
        """Note that the publisher asked, or waits for an answer."""
        self.seen_at = max(self.seen_at, now)
