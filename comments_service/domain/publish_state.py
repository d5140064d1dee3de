"""Publishing status of approved replies (queued, published, live), and the publisher alert."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from comments_service.domain.models import PublisherState, Stalled, Status

# Without a heartbeat for this long, the publisher counts as not running; it sends two a minute.
ABSENT = timedelta(minutes=2)
# A page that waits longer for the publisher causes an alert.
PATIENCE = timedelta(minutes=1)
# At most this many pages are named in one sentence.
NAMED = 3

Live = Literal["queued", "published", "live", "stalled"]


def live_state(
    reply_revision: int,
    written_revision: int,
    live_revision: int,
    stalled: str | None,
    status: str,
) -> Live | None:
    """Return the publishing status of a reply; None for a reply that is not approved.

    `reply_revision` is the reply's last public change. The other revisions and `stalled`, the
    problem if there is one, are the publisher's last report about the page. A page that is written
    but not seen by readers yet is "published", even with a problem.
    """
    if status != Status.APPROVED:
        return None
    if min(written_revision, live_revision) >= reply_revision:
        return "live"
    if written_revision >= reply_revision:
        return "published"
    return "stalled" if stalled else "queued"


def alarm(state: PublisherState, now: datetime) -> str | None:
    """Return one sentence about why changes do not reach readers, or None if they do."""
    if state.seen_at is None or now - state.seen_at > ABSENT:
        away = "" if state.seen_at is None else f" for {_length(now - state.seen_at)}"
        return (
            f"No publisher has asked{away}: approved replies are not on the site. "
            "Start it: rejoinder publish"
        )
    unwritten = [page for page in state.stalled if not page.written]
    if unwritten:
        return f"The publisher cannot write {_pages(len(unwritten))}: {_named(unwritten)}"
    if state.trouble:
        return f"The publisher is in trouble: {state.trouble}"
    if state.since is not None and now - state.since > PATIENCE:
        waits = "waits" if state.behind == 1 else "wait"
        return (
            f"{_pages(state.behind).capitalize()} {waits} for the publisher for "
            f"{_length(now - state.since)}."
        )
    if state.stalled:
        return (
            f"{_pages(len(state.stalled)).capitalize()} written, but not seen by readers: "
            f"{_named(state.stalled)}"
        )
    return None


def _named(stalled: Sequence[Stalled]) -> str:
    named = " ".join(f"“{page.title}”: {page.why}" for page in stalled[:NAMED])
    more = len(stalled) - NAMED
    return named if more <= 0 else f"{named} And {more} more."


def _pages(count: int) -> str:
    return "1 page" if count == 1 else f"{count} pages"


def _length(time: timedelta) -> str:
    minutes = int(time.total_seconds() // 60)
    if minutes < 120:
        return "a minute" if minutes <= 1 else f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // 1440} days"
