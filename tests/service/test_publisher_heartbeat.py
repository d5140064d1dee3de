"""What the publisher reports: kept, growing, whole after a restore, and never believed too much."""

from typing import Any

import pytest
from sqlalchemy import select

from comments_service.domain import actor
from comments_service.domain.models import PublisherState, Stalled
from comments_service.domain.publish_state import alarm
from comments_service.services import moderation
from comments_service.services.pages import the_site
from comments_service.store import publishing
from comments_service.store.tables import page
from tests.running import NOON, Service, version_of

EDITOR = actor.COMMAND_LINE


def epoch(service: Service) -> str:
    with service.db.read() as connection:
        return the_site(connection).epoch


def report(service: Service, *pages: tuple[Any, ...], **more: Any) -> dict[str, Any]:
    stalled = [{"key": key, "why": why} for key, why in more.pop("stalled", {}).items()]
    body = {
        "epoch": epoch(service),
        "pages": [dict(zip(("key", "written", "live"), one, strict=False)) for one in pages],
        "stalled": stalled,
    }
    answer = service.api("PUT", "/published", json=body | more)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def known(service: Service, key: str = "networking") -> tuple[int, int, str | None]:
    with service.db.read() as connection:
        row = connection.execute(select(page).where(page.c.key == key)).one()
    return row.written_revision, row.live_revision, row.stalled


def revision(service: Service, key: str = "networking") -> int:
    number: int = service.api("GET", f"/discussions/{key}").json()["revision"]
    return number


def state(service: Service) -> PublisherState:
    assert service.app is not None
    presence = service.app.state.context.heartbeat
    with service.db.read() as connection:
        site = the_site(connection)
        return publishing.publisher_state(
            connection, site.id, seen_at=presence.seen_at, trouble=presence.trouble
        )


def approve_some(service: Service, count: int = 3, key: str = "networking") -> int:
    for number in range(count):
        service.approve(service.submit(key, comment=f"Number {number} of {key}."))
    return revision(service, key)


def test_a_report_is_kept_and_a_repeat_is_no_news(service: Service) -> None:
    last = approve_some(service)
    assert report(service, ("networking", last))["news"] == 1
    assert known(service) == (last, 0, None)
    assert report(service, ("networking", last))["news"] == 0
    assert report(service, ("networking", last, last))["news"] == 1
    assert known(service) == (last, last, None)


def test_revisions_only_grow(service: Service) -> None:
    last = approve_some(service)
    report(service, ("networking", last, last))
    assert report(service, ("networking", last - 1, last - 1))["news"] == 0
    assert known(service) == (last, last, None)


def test_a_complete_report_replaces_what_was_known(service: Service) -> None:
    last = approve_some(service)
    other = approve_some(service, 1, "meetings")
    report(service, ("networking", last, last), stalled={"meetings": "The disk is full."})
    told = report(service, ("networking", last - 1), ("meetings", other), complete=True)
    assert known(service) == (last - 1, last - 1, None)
    assert known(service, "meetings") == (other, 0, None)
    # Readers have not been seen to get these.
    assert told["unseen"] == ["meetings"]


def test_revisions_of_the_future_or_of_another_database_say_nothing(service: Service) -> None:
    last = approve_some(service)
    assert report(service, ("networking", last + 1, last + 1))["news"] == 0
    assert report(service, ("networking", last + 1), complete=True)["news"] == 0
    assert report(service, ("nowhere", 1), ("a\0b", 1), stalled={"nobody": "x"})["news"] == 0
    body = {"epoch": "another", "pages": [{"key": "networking", "written": last}]}
    answer = service.api("PUT", "/published", json=body)
    assert answer.status_code == 409
    assert "another database" in answer.json()["detail"]
    assert known(service) == (0, 0, None)


def test_a_stalled_page_is_no_longer_stalled_once_it_is_written(service: Service) -> None:
    last = approve_some(service)
    why = "Reply 01x of 'networking': its text contains the email given with reply 01y."
    report(service, stalled={"networking": why})
    assert known(service) == (0, 0, why)
    # What was reported besides tells nothing of it.
    report(service, ("meetings", 0))
    assert known(service)[2] == why
    report(service, ("networking", last - 1), stalled={"networking": why})
    assert known(service) == (last - 1, 0, why)
    report(service, ("networking", last))
    assert known(service) == (last, 0, None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"epoch": None},
        {"epoch": 7},
        {"pages": None},
        {"pages": [{"key": "networking"}]},
        {"pages": [{"key": "networking", "written": -1}]},
        {"pages": [{"key": "networking", "written": 2**63}]},
        {"pages": [{"key": "networking", "written": "7"}]},
        {"pages": [{"key": "networking", "written": True}]},
        {"pages": [{"key": "networking", "written": 7, "more": 1}]},
        {"stalled": [{"key": "networking"}]},
        {"stalled": [{"key": "networking", "why": ""}]},
        {"stalled": [{"key": "networking", "why": "x" * 1001}]},
        {"complete": "yes"},
        {"trouble": 7},
        {"version": 1},
    ],
    ids=ascii,
)
def test_another_shape_is_refused(service: Service, wrong: dict[str, Any]) -> None:
    approve_some(service, 1)
    body = {"epoch": epoch(service), "pages": [{"key": "networking", "written": 1}]}
    assert service.api("PUT", "/published", json=body | wrong).status_code == 422
    assert known(service) == (0, 0, None)


def test_ten_thousand_pages_are_reported_at_once(service: Service) -> None:
    keys = [f"article-{n}" for n in range(10_000)]
    service.register(*keys)
    told = report(service, *((key, 0) for key in keys), complete=True)
    assert told == {"news": 0, "unseen": []}


def test_pages_that_show_too_little_are_counted_since_their_change(service: Service) -> None:
    assert state(service)[1:] == (0, None, [], None)
    last = approve_some(service)
    service.clock.forward(seconds=90)
    assert state(service)[1:3] == (1, NOON)
    approve_some(service, 1, "meetings")
    assert state(service)[1:3] == (2, NOON)
    report(service, ("networking", last))
    assert state(service)[1:3] == (1, service.clock())
    # A page that is withdrawn is nobody's business any more.
    service.register("networking")
    assert state(service)[1:3] == (0, None)


def test_closing_a_discussion_waits_for_the_publisher_too(service: Service) -> None:
    moderation.set_open(service.db, "networking", opened=False, by=EDITOR, now=service.clock())
    assert state(service).behind == 1


def test_only_the_publisher_is_a_sign_of_life(service: Service) -> None:
    assert service.app is not None
    assert state(service).seen_at == NOON
    service.clock.forward(minutes=3)
    service.api("GET", "/changes?since=0")
    assert state(service).seen_at == NOON
    assert str(alarm(state(service), service.clock())).startswith("No publisher has asked for 3")
    service.api("GET", "/changes?since=0&wait=0.1")
    assert state(service).seen_at == service.clock()
    assert alarm(state(service), service.clock()) is None
    service.clock.forward(minutes=3)
    report(service, trouble="There is no build of the site.")
    assert state(service).seen_at == service.clock()
    assert alarm(state(service), service.clock()) == (
        "The publisher is in trouble: There is no build of the site."
    )
    report(service)
    assert alarm(state(service), service.clock()) is None


def test_the_alarm_tells_which_pages_and_why(service: Service) -> None:
    last = approve_some(service)
    other = approve_some(service, 1, "meetings")
    report(service, ("networking", last), stalled={"networking": "502.", "meetings": "Full disk."})
    assert state(service).stalled == [
        Stalled("About meetings", "Full disk.", written=False),
        Stalled("About networking", "502.", written=True),
    ]
    assert alarm(state(service), service.clock()) == (
        "The publisher cannot write 1 page: “About meetings”: Full disk."
    )
    report(service, ("meetings", other), ("networking", last, last))
    assert alarm(state(service), service.clock()) is None


def test_pins_and_locks_and_decisions_are_on_the_wire(service: Service) -> None:
    above = service.submit(comment="Above.")
    service.approve(above)
    below = service.submit(comment="Below.", parent=above)
    service.approve(below)
    for what in ("pinned", "locked"):
        moderation.mark(service.db, above, what, on=True, by=EDITOR, now=service.clock())
    moderation.set_open(service.db, "networking", opened=False, by=EDITOR, now=service.clock())
    told = service.api("GET", "/changes").json()["discussions"][0]
    assert told["open"] is False
    assert [(one["pinned"], one["locked"]) for one in told["comments"]] == [
        (True, True),
        (False, False),
    ]
    moderation.decide(
        service.db,
        above,
        "trash",
        by=EDITOR,
        expected="approved",
        version=version_of(service.db, above),
        now=service.clock(),
    )
    moderation.set_open(service.db, "networking", opened=None, by=EDITOR, now=service.clock())
    told = service.api("GET", "/discussions/networking").json()
    assert told["open"] is None
    removed = told["comments"][0]
    assert (removed["removed"], removed["pinned"], removed["locked"]) == (True, False, True)


def test_a_registration_says_when_the_article_appeared(service: Service) -> None:
    def appeared() -> Any:
        with service.db.read() as connection:
            query = select(page.c.published_at).where(page.c.key == "networking")
            return connection.execute(query).scalar()

    service.register("networking", published="2026-11-23T13:00:00+01:00")
    assert appeared() == NOON
    one = {"key": "networking", "url": "/networking/", "title": "About"}
    for wrong in (7, "soon", "2026-11-23T12:00:00", True):
        answer = service.api("PUT", "/pages", json={"pages": [one | {"published": wrong}]})
        assert answer.status_code == 422
    assert appeared() == NOON
    service.register("networking")
    assert appeared() is None
