"""Is it live? What an editor is told of a reply's way, and of a publisher that does not publish."""

from datetime import timedelta

import pytest

from comments_service.domain.models import PublisherState, Stalled
from comments_service.domain.publish_state import alarm, live_state
from tests.running import NOON

FINE = PublisherState(NOON, 0, None, [], None)


@pytest.mark.parametrize(
    ("written", "live", "stalled", "expected"),
    [
        (6, 6, None, "queued"),
        (6, 6, "The disk is full.", "stalled"),
        (7, 6, None, "published"),
        (9, 0, None, "published"),
        (7, 6, "A cache keeps the old page.", "published"),
        (7, 7, None, "live"),
        (9, 8, None, "live"),
        (9, 9, "The next change cannot be written.", "live"),
        # What readers once got is gone when an older page stands there again.
        (6, 7, None, "queued"),
    ],
)
def test_a_reply_goes_from_queued_to_published_to_live(
    written: int, live: int, stalled: str | None, expected: str
) -> None:
    assert live_state(7, written, live, stalled, "approved") == expected


@pytest.mark.parametrize("status", ["pending", "spam", "trash"])
def test_what_is_not_public_is_nowhere(status: str) -> None:
    assert live_state(7, 9, 9, None, status) is None


def test_nothing_is_said_while_all_is_well() -> None:
    assert alarm(FINE, NOON + timedelta(seconds=119)) is None
    waiting = FINE._replace(behind=3, since=NOON)
    assert alarm(waiting, NOON + timedelta(seconds=60)) is None


def test_a_publisher_that_does_not_ask_is_missed() -> None:
    told = alarm(FINE, NOON + timedelta(minutes=3))
    assert told == (
        "No publisher has asked for 3 minutes: approved replies are not on the site. "
        "Start it: rejoinder publish"
    )
    assert "for 5 hours:" in str(alarm(FINE, NOON + timedelta(hours=5)))
    assert "for 4 days:" in str(alarm(FINE, NOON + timedelta(days=4)))
    assert "No publisher has asked:" in str(alarm(FINE._replace(seen_at=None), NOON))


def test_pages_that_cannot_be_written_are_named_with_the_cause() -> None:
    stalled = [Stalled(f"Page {n}", "The disk is full.", written=False) for n in range(1, 6)]
    assert alarm(FINE._replace(stalled=stalled[:1]), NOON) == (
        "The publisher cannot write 1 page: “Page 1”: The disk is full."
    )
    told = str(alarm(FINE._replace(stalled=stalled), NOON))
    assert told.startswith("The publisher cannot write 5 pages: “Page 1”: The disk is full. “Page")
    assert told.endswith("“Page 3”: The disk is full. And 2 more.")


def test_changes_that_wait_for_long_are_told() -> None:
    now = NOON + timedelta(seconds=90)
    one = FINE._replace(seen_at=now, behind=1, since=NOON)
    assert alarm(one, now) == "1 page waits for the publisher for a minute."
    now += timedelta(minutes=5)
    many = FINE._replace(seen_at=now, behind=2, since=NOON)
    assert alarm(many, now) == "2 pages wait for the publisher for 6 minutes."


def test_a_publisher_says_what_else_ails_it() -> None:
    assert alarm(FINE._replace(trouble="There is no build of the site."), NOON) == (
        "The publisher is in trouble: There is no build of the site."
    )


def test_pages_that_readers_do_not_get_are_told_last() -> None:
    unseen = Stalled("Networking", "https://x.example/ answers 502.", written=True)
    state = FINE._replace(stalled=[unseen])
    assert alarm(state, NOON) == (
        "1 page written, but not seen by readers: “Networking”: https://x.example/ answers 502."
    )
    worse = Stalled("Meetings", "The disk is full.", written=False)
    assert "“Meetings”" in str(alarm(state._replace(stalled=[unseen, worse]), NOON))
    assert "“Networking”" not in str(alarm(state._replace(stalled=[unseen, worse]), NOON))
