"""The verbs: every change is one transaction with its entry in the log, and can be undone."""

import ast
import itertools
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

import comments_service
from comments_service.domain import comment_form
from comments_service.domain.actor import Actor
from comments_service.domain.errors import Conflict, NotFound
from comments_service.domain.labels import ACTIONS
from comments_service.domain.models import Status
from comments_service.services import moderation, submission
from comments_service.services.pages import the_site
from comments_service.store import comments, events, pages
from comments_service.store.tables import comment, event, site
from tests.running import Service, reply, version_of
from tests.service.pages import dump, stored

EDITH, OLAF = Actor("Edith"), Actor("Olaf")


def decide(service: Service, public_id: str, action: str, was: str, by: Actor = EDITH) -> int:
    entry = moderation.decide(
        service.db,
        public_id,
        action,
        by=by,
        expected=was,
        version=version_of(service.db, public_id),
        now=service.clock(),
    )
    return entry.seq


def undo(service: Service, number: int, by: Actor = EDITH) -> int:
    return moderation.undo(service.db, number, by=by, now=service.clock()).seq


def discussion(service: Service, key: str = "networking") -> dict[str, Any]:
    answer: dict[str, Any] = service.api("GET", f"/discussions/{key}").json()
    return answer


def revision(service: Service) -> int:
    return int(discussion(service)["revision"])


def number_of_the_site(service: Service) -> int:
    with service.db.read() as connection:
        return int(connection.execute(select(site.c.seq)).scalar_one())


def brought_to(service: Service, state: str) -> str:
    public_id = service.submit()
    verbs = {"approved": "approve", "spam": "spam", "trash": "trash"}
    if state in verbs:
        decide(service, public_id, verbs[state], "pending")
    return public_id


@pytest.mark.parametrize(("state", "action"), list(itertools.product(Status, ACTIONS)))
def test_every_action_on_every_state(service: Service, state: Status, action: str) -> None:
    public_id = brought_to(service, state)
    to = ACTIONS[action]
    before, shown = revision(service), len(discussion(service)["comments"])
    if to == state:
        tables = dump(service.db)
        with pytest.raises(Conflict):
            decide(service, public_id, action, state)
        assert dump(service.db) == tables
        return
    number = decide(service, public_id, action, state)
    assert stored(service.db, public_id).status == to
    entry = service_event(service, number)
    assert (entry.actor, entry.action, entry.at) == ("Edith", action, service.clock())
    assert (entry.before, entry.after) == ({"status": state}, {"status": to})
    # The revision moves with the public face of the discussion, and never otherwise.
    public = Status.APPROVED in (state, to)
    assert revision(service) == (number if public else before)
    assert len(discussion(service)["comments"]) == (to == Status.APPROVED if public else shown)


def service_event(service: Service, number: int) -> events.Event:
    with service.db.read() as connection:
        found = events.find(connection, the_site(connection).id, number)
    assert found is not None
    return found


@pytest.mark.parametrize("action", ["approve", "spam", "trash"])
def test_an_undo_gives_back_the_state_and_can_itself_be_undone(
    service: Service, action: str
) -> None:
    public_id = service.submit()
    done = decide(service, public_id, action, "pending")
    undone = undo(service, done, OLAF)
    assert stored(service.db, public_id).status == Status.PENDING
    assert service_event(service, undone).undoes == done
    assert service_event(service, undone).actor == "Olaf"
    undo(service, undone)
    assert stored(service.db, public_id).status == ACTIONS[action]


def test_an_undo_is_refused_when_something_else_was_done_since(service: Service) -> None:
    public_id = service.submit()
    approved = decide(service, public_id, "approve", "pending")
    service.clock.forward(minutes=5)
    decide(service, public_id, "spam", "approved", OLAF)
    before = dump(service.db)
    with pytest.raises(Conflict) as refused:
        undo(service, approved)
    assert refused.value.detail == (
        "Olaf marked this as spam at 12:05 UTC. Your change was not applied."
    )
    assert dump(service.db) == before


def test_the_same_undo_twice_works_once(service: Service) -> None:
    approved = decide(service, service.submit(), "approve", "pending")
    undo(service, approved)
    with pytest.raises(Conflict, match="Edith undid an action on this"):
        undo(service, approved)


def test_of_two_editors_the_second_learns_what_the_first_did(service: Service) -> None:
    public_id = service.submit()
    decide(service, public_id, "trash", "pending", OLAF)
    with pytest.raises(Conflict, match="Olaf moved this to trash at 12:00 UTC"):
        decide(service, public_id, "approve", "pending")
    assert stored(service.db, public_id).status == Status.TRASH


def test_what_is_not_there_cannot_be_decided_or_undone(service: Service) -> None:
    public_id = service.submit()
    with pytest.raises(NotFound):
        decide(service, "0" * 26, "approve", "pending")
    with pytest.raises(NotFound):
        decide(service, public_id, "publish", "pending")
    # A submission is not an editor's to undo.
    for number in (0, 1, number_of_the_site(service), 10**9):
        with pytest.raises(NotFound):
            undo(service, number)


def test_the_numbers_of_the_log_are_those_of_the_sequence(service: Service) -> None:
    public_id = service.submit()
    last = number_of_the_site(service)
    done = decide(service, public_id, "approve", "pending")
    undone = undo(service, done)
    assert [last + 1, last + 2] == [done, undone]
    assert number_of_the_site(service) == undone


@pytest.mark.parametrize("failing", ["events.add", "pages.set_revision", "comments.write"])
def test_a_failure_anywhere_leaves_neither_change_nor_entry(
    service: Service, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    public_id = service.submit()
    before = dump(service.db)

    class Broken(Exception):
        pass

    def fail(*_args: Any, **_options: Any) -> None:
        raise Broken

    monkeypatch.setattr(f"comments_service.store.{failing}", fail)
    with pytest.raises(Broken):
        decide(service, public_id, "approve", "pending")
    assert dump(service.db) == before


def test_a_submission_that_fails_late_leaves_nothing(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dump(service.db)

    def fail(*_args: Any, **_options: Any) -> None:
        raise NotFound("broken")

    monkeypatch.setattr("comments_service.store.events.add_all", fail)
    with pytest.raises(NotFound):
        submission.submit(
            service.db,
            b"secret",
            "networking",
            comment_form.check(reply()),
            now=service.clock(),
            resend_window=timedelta(hours=1),
        )
    assert dump(service.db) == before


def test_nobody_is_told_of_a_change_before_it_is_stored(service: Service) -> None:
    public_id = service.submit()
    told: list[str] = []
    service.db.subscribe(lambda: told.append(stored(service.db, public_id).status))
    decide(service, public_id, "spam", "pending")
    assert told == []
    decide(service, public_id, "approve", "spam")
    assert told == ["approved"]


def test_a_removed_reply_with_public_ones_below_it_leaves_a_placeholder(service: Service) -> None:
    above = service.submit(comment="Above.", author="Secretive", url="s.example")
    decide(service, above, "approve", "pending")
    middle = service.submit(comment="Middle.", author="Mid", parent=above)
    decide(service, middle, "approve", "pending")
    below = service.submit(comment="Below.", parent=middle)
    decide(service, below, "approve", "pending")
    decide(service, above, "trash", "approved")
    decide(service, middle, "spam", "approved")
    told = discussion(service)["comments"]
    assert [(one["id"], one["parent"], one["removed"]) for one in told] == [
        (above, None, True),
        (middle, above, True),
        (below, middle, False),
    ]
    for one in told[:2]:
        assert (one["author"], one["html"], one["edited"], one["editor"]) == (None, "", None, False)
    decide(service, below, "trash", "approved")
    assert discussion(service)["comments"] == []


def test_a_placeholder_cannot_be_answered(service: Service) -> None:
    above = service.submit(comment="Above.")
    decide(service, above, "approve", "pending")
    below = service.submit(comment="Below.", parent=above)
    decide(service, below, "approve", "pending")
    decide(service, above, "trash", "approved")
    assert service.post(comment="Too late.", parent=above).status_code == 422


def test_a_discussion_is_in_the_order_of_submission(service: Service) -> None:
    ids = [service.submit(comment=f"Number {n}.") for n in range(6)]
    for public_id in reversed(ids):
        decide(service, public_id, "approve", "pending")
    assert [one["id"] for one in discussion(service)["comments"]] == ids


@pytest.mark.parametrize("status", ["pending", "spam", "trash", "Approved", "approved ", "", "x"])
def test_only_approved_is_public(service: Service, status: str) -> None:
    public_id = service.submit()
    decide(service, public_id, "approve", "pending")
    with service.db.write() as connection:
        connection.execute(update(comment).values(status=status))
    assert discussion(service)["comments"] == []
    with service.db.read() as connection:
        page = pages.find(connection, 1, "networking")
        assert page is not None
        assert comments.find_public(connection, page.id, public_id) is None


def test_one_rule_decides_what_is_public() -> None:
    folder = Path(comments_service.__file__).parent
    comparing = [
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Compare)
        and ast.unparse(node).replace(" ", "") == "comment.c.status==Status.APPROVED"
    ]
    assert comparing == ["store/visibility.py"]


def test_no_entry_of_the_log_holds_text_or_address(service: Service) -> None:
    service.submit(comment="A very private remark.", email="canary@example.org")
    with service.db.read() as connection:
        told = repr(connection.execute(select(event)).all())
    assert "canary" not in told
    assert "remark" not in told


def test_the_log_outlives_what_it_tells_of(service: Service) -> None:
    public_id = service.submit()
    done = decide(service, public_id, "approve", "pending")
    with service.db.write() as connection:
        connection.execute(delete(comment))
    assert service_event(service, done).comment == public_id
    with pytest.raises(NotFound):
        undo(service, done)
