"""Bulk actions: on a selection or on all that match, half done or undone, none forgotten."""

import re
import time
from typing import Any

import pytest
from sqlalchemy import select

from comments_service.domain.actor import Actor
from comments_service.domain.errors import Conflict
from comments_service.services import bulk_actions, moderation
from comments_service.store import bulk_jobs
from comments_service.store.tables import comment, event, page
from tests.running import Service, token_of, version_of
from tests.service.pages import Editor, Page, signed_in

EDITH = Actor("Edith")


def states(service: Service) -> dict[str, str]:
    with service.db.read() as connection:
        rows = connection.execute(select(comment.c.public_id, comment.c.status))
        return {row.public_id: row.status for row in rows}


def select_all(service: Service, ids: list[str]) -> dict[str, str]:
    return {f"select-{one}": f"pending:{token_of(service.db, one)}" for one in ids}


def seen(ids: list[str]) -> dict[str, bulk_actions.Seen]:
    return dict.fromkeys(ids, bulk_actions.Seen("pending", 0))


def do(editor: Editor, action: str, ids: list[str], **more: str) -> Any:
    fields = {"token": editor.token, "action": action, "scope": "selected"} | more
    return editor.post("/moderate/bulk", **fields, **select_all(editor.service, ids))


def test_a_selection_is_done_and_undone_at_once(service: Service) -> None:
    editor = signed_in(service)
    ids = [service.submit(comment=f"Number {number}.") for number in range(5)]
    done = do(editor, "approve", ids[:3])
    flash = editor.get(done.headers["Location"]).text
    assert "Approved: 3 replies." in flash
    assert [states(service)[one] for one in ids] == ["approved"] * 3 + ["pending"] * 2
    batch = re.search(r"/moderate/bulk/(\d+)/undo", flash)
    assert batch is not None
    editor.post(f"/moderate/bulk/{batch[1]}/undo", token=editor.token)
    assert set(states(service).values()) == {"pending"}
    # And the undo of the undo.
    history = editor.get("/moderate/history").text
    again = re.findall(r'action="/moderate/bulk/(\d+)/undo"', history)
    editor.post(f"/moderate/bulk/{again[0]}/undo", token=editor.token)
    assert list(states(service).values()).count("approved") == 3


def test_a_selection_of_nothing_is_said(service: Service) -> None:
    editor = signed_in(service)
    answer = do(editor, "approve", [])
    assert answer.status_code == 422
    assert "Nothing is selected" in answer.text
    assert do(editor, "approve", ["0" * 26]).status_code == 409
    assert do(editor, "nonsense", [service.submit()]).status_code == 404


def test_all_that_match_says_the_number_before(service: Service) -> None:
    editor = signed_in(service)
    for number in range(70):
        service.submit(comment=f"Buy {'casino' if number % 2 else 'coffee'} {number}.")
    asked = editor.post(
        "/moderate/bulk", token=editor.token, action="spam", scope="all",
        list="status=pending&q=casino",
    )  # fmt: skip
    assert "Mark as spam: 35 replies?" in asked.text
    assert "pending replies with “casino”" in asked.text
    assert set(states(service).values()) == {"pending"}
    late = service.submit(comment="One more casino.")
    draft = Page(asked.text).fields["draft"]
    fields = {"token": editor.token, "list": "status=pending&q=casino"}
    done = editor.post("/moderate/bulk/all", **fields, draft=draft)
    assert "Marked as spam: 35 replies." in editor.get(done.headers["Location"]).text
    # What arrived later was not a part of it.
    assert states(service)[late] == "pending"


@pytest.mark.parametrize(("draft", "status"), [({}, 400), ({"draft": "0" * 26}, 409)])
def test_all_that_match_needs_a_count_of_this_database(
    service: Service, draft: dict[str, str], status: int
) -> None:
    editor = signed_in(service)
    public_id = service.submit()
    fields = {"token": editor.token, "action": "approve", "list": "status=pending"}
    assert editor.post("/moderate/bulk/all", **fields, **draft).status_code == status
    assert states(service)[public_id] == "pending"


def test_a_single_reply_is_not_told_in_the_plural(service: Service) -> None:
    editor = signed_in(service)
    public_id = service.submit()
    do(editor, "spam", [public_id])
    assert "1 reply</a>" in editor.get("/moderate/history").text


def test_what_could_not_be_done_is_told_for_each(service: Service) -> None:
    editor = signed_in(service)
    good = [service.submit(comment=f"Good {number}.") for number in range(3)]
    own = service.submit(comment="Write to ann.okoye@example.org!")
    done = do(editor, "approve", [*good, own])
    flash = editor.get(done.headers["Location"]).text
    assert "Approved: 3 replies." in flash
    assert "1 could not be" in flash
    batch = re.search(r"/moderate/bulk/(\d+)\"", flash)
    assert batch is not None
    told = editor.get(f"/moderate/bulk/{batch[1]}").text
    assert "email address" in told
    assert states(service)[own] == "pending"


def test_a_batch_that_was_killed_in_the_middle_says_so_and_goes_on(service: Service) -> None:
    editor = signed_in(service)
    ids = [service.submit(comment=f"Number {number}.") for number in range(9)]
    batch_id = bulk_actions.choose(service.db, "trash", seen(ids), by=EDITH, now=service.clock())
    assert bulk_actions.go_on(service.db, batch_id, by=EDITH, now=service.clock(), part=4)
    # Nothing runs any more: as after a crash.
    told = editor.get(f"/moderate/bulk/{batch_id}").text
    assert "4 done, 5 left" in told
    moderation.decide(
        service.db,
        ids[8],
        "approve",
        by=EDITH,
        expected="pending",
        version=version_of(service.db, ids[8]),
        now=service.clock(),
    )
    editor.post(f"/moderate/bulk/{batch_id}/continue", token=editor.token)
    found = states(service)
    assert [found[one] for one in ids] == ["trash"] * 8 + ["approved"]
    assert "Edith approved this" in editor.get(f"/moderate/bulk/{batch_id}").text


def test_a_long_batch_runs_beside_and_shows_how_far_it_is(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_actions, "PART", 5)
    original = bulk_actions.go_on
    monkeypatch.setattr(bulk_actions, "go_on", lambda *a, **k: original(*a, **k, part=5))
    editor = signed_in(service)
    ids = [service.submit(comment=f"Number {number}.") for number in range(23)]
    done = do(editor, "approve", ids)
    address = done.headers["Location"]
    assert re.fullmatch(r"/moderate/bulk/\d+", address)
    deadline = time.monotonic() + 60
    while "Finished" not in editor.get(address).text:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert "Finished: 23 done." in editor.get(address).text
    assert set(states(service).values()) == {"approved"}


def test_what_changed_since_is_left_alone_by_an_undo(service: Service) -> None:
    ids = [service.submit(comment=f"Number {number}.") for number in range(4)]
    batch_id = bulk_actions.choose(service.db, "spam", seen(ids), by=EDITH, now=service.clock())
    bulk_actions.go_on(service.db, batch_id, by=EDITH, now=service.clock())
    moderation.decide(
        service.db,
        ids[0],
        "approve",
        by=Actor("Olaf"),
        expected="spam",
        version=version_of(service.db, ids[0]),
        now=service.clock(),
    )
    undo = bulk_actions.choose_undo(service.db, batch_id, by=EDITH, now=service.clock())
    bulk_actions.go_on(service.db, undo, by=EDITH, now=service.clock())
    found = states(service)
    assert [found[one] for one in ids] == ["approved", "pending", "pending", "pending"]
    with service.db.read() as connection:
        outcomes = bulk_jobs.outcomes(connection, undo, after=0, limit=10, all_of_them=False)
    assert [one.comment for _, one in outcomes] == [ids[0]]
    assert "Olaf approved this" in str(outcomes[0][1].result)
    with pytest.raises(Conflict, match="undone already"):
        bulk_actions.choose_undo(service.db, batch_id, by=EDITH, now=service.clock())


def test_one_transaction_gives_each_page_one_revision_to_publish(service: Service) -> None:
    service.register("networking", "meetings")
    ids = [
        service.submit(key, comment=f"Number {number} {key}.")
        for number in range(10)
        for key in ("networking", "meetings")
    ]
    rung: list[int] = []
    service.db.subscribe(lambda: rung.append(1))
    batch_id = bulk_actions.choose(service.db, "approve", seen(ids), by=EDITH, now=service.clock())
    bulk_actions.go_on(service.db, batch_id, by=EDITH, now=service.clock())
    assert len(rung) == 1
    with service.db.read() as connection:
        revisions = connection.execute(select(page.c.revision)).scalars().all()
        entries = connection.execute(select(event.c.seq).where(event.c.batch_id == batch_id)).all()
    assert len(entries) == 20
    assert sorted(one > 0 for one in revisions) == [False, True, True]
    assert len(service.api("GET", "/changes?since=0").json()["discussions"]) == 2
