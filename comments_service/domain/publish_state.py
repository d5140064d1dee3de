"""Is it live? Where an approved reply stands on its way to readers, and what holds it up."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from comments_service.domain.models import PublisherState, Stalled, Status

# A publisher asks at least twice a minute.
ABSENT = timedelta(minutes=2)
PATIENCE = timedelta(minutes=1)
# So many pages are named in one sentence.
NAMED = 3

Live = Literal["queued", "published", "live", "stalled"]


def live_state(
    reply_revision: int,
    written_revision: int,
    live_revision: int,
    stalled: str | None,
    status: str,
) -> Live | None:
    """Say how far an approved reply has come; None for a reply that readers shall not see.

    The first is the reply's own last public change; the others are what the publisher said of its
    page. A page that is written but not seen by readers yet is "published", `stalled` or not.
    """
    if status != Status.APPROVED:
        return None
    if min(written_revision, live_revision) >= reply_revision:
        return "live"
    if written_revision >= reply_revision:
        return "published"
    return "stalled" if stalled else "queued"


def alarm(state: PublisherState, now: datetime) -> str | None:
    """Say in one sentence, with its cause, what keeps changes from readers; None: nothing does."""
    if state.seen_at is None or now - state.seen_at > ABSENT:
        away = "" if state.seen_at is None else f" for {_length(now - state.seen_at)}"
        return (
            f"No publisher has asked{away}: approved replies are not on the site. "
            "Start it: rejoinder publish"
        )
    unwritten = [one for one in state.stalled if not one.written]
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
    told = " ".join(f"“{one.title}”: {one.why}" for one in stalled[:NAMED])
    more = len(stalled) - NAMED
    return told if more <= 0 else f"{told} And {more} more."


def _pages(count: int) -> str:
    return "1 page" if count == 1 else f"{count} pages"


def _length(time: timedelta) -> str:
    minutes = int(time.total_seconds() // 60)
    if minutes < 120:
        return "a minute" if minutes <= 1 else f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // 1440} days"
