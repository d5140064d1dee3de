"""A bulk action on all that match is done with the replies that were counted, and no others."""

import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import Table, func, select

from benchmarks import queue as many
from comments_service.domain.actor import COMMAND_LINE, Actor
from comments_service.domain.models import Status
from comments_service.services import bulk_drafts, moderation
from comments_service.store.database import Database
from comments_service.store.queue import Filter
from comments_service.store.tables import batch, batch_item, bulk_draft, bulk_draft_item, event
from tests import cpu
from tests.running import NOON, Service, copy_migrated_database, running_service
from tests.service.pages import Editor, signed_in, stored
from tests.service.test_stale_decisions import Reply, changed_by_its_author, form_of, posted

CONFIRM = "/moderate/bulk/all"


def ask(editor: Editor, filters: str, action: str = "approve") -> str:
    """Ask for a bulk action on all that match; return the page that says how many they are."""
    answer = editor.post(
        "/moderate/bulk", token=editor.token, action=action, scope="all", list=filters
    )
    assert answer.status_code == 200, answer.text
    return answer.text


def confirm(editor: Editor, asked: str) -> requests.Response:
    return editor.post(CONFIRM, **form_of(asked, CONFIRM))


def wants_a_change(reply: Reply) -> None:
    answer = requests.post(
        f"{reply.link}/ask", data={"kind": "edit", "words": "Correct a typo."}, timeout=30
    )
    assert answer.status_code == 200, answer.text


def statuses(service: Service, *replies: Reply) -> list[str]:
    return [stored(service.db, one.id).status for one in replies]


def rows(service: Service, table: Table) -> int:
    with service.db.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def drafts(service: Service) -> list[Any]:
    """The batch of each draft, None where it was not confirmed."""
    with service.db.read() as connection:
        return list(connection.execute(select(bulk_draft.c.batch_id)).scalars())


def database_of(file: Path, size: int) -> Database:
    """A database with an editor and `size` pending replies, most of them with the word "coffee"."""
    copy_migrated_database(file)
    many.store(file, size)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE comment SET status = 'pending'")
        connection.execute(
            "INSERT INTO editor (id, email, name, password_hash, created_at)"
            " VALUES (1, 'edith@example.org', 'Edith', '', '2026-01-01 00:00:00.000000')"
        )
    return Database(f"sqlite:///{file}")


def test_a_reply_whose_author_asks_after_the_count_is_not_approved(service: Service) -> None:
    editor = signed_in(service)
    counted, late = posted(service), posted(service, "Another one.")
    service.clock.forward(hours=1)
    wants_a_change(counted)
    asked = ask(editor, "status=pending&reason=author_request")
    assert "Approve: 1 reply?" in asked
    wants_a_change(late)
    confirm(editor, asked)
    assert statuses(service, counted, late) == ["approved", "pending"]


def test_a_search_that_falls_back_to_beginnings_later_adds_nothing(service: Service) -> None:
    editor = signed_in(service)
    exact = posted(service, "Meet me at the cas tonight.")
    longer = [posted(service, f"The casino has {number} doors.") for number in range(3)]
    asked = ask(editor, "status=pending&q=cas")
    assert "Approve: 1 reply?" in asked
    # Now no reply has the word itself, and the search would find those that begin like it.
    changed_by_its_author(exact, "Meet me at the pub tonight.")
    confirm(editor, asked)
    assert statuses(service, exact, *longer) == ["pending"] * 4


def test_a_search_that_fell_back_to_beginnings_keeps_what_was_counted(service: Service) -> None:
    editor = signed_in(service)
    longer = [posted(service, f"The casino has {number} doors.") for number in range(3)]
    asked = ask(editor, "status=pending&q=cas")
    assert "Approve: 3 replies?" in asked
    late = posted(service, "Meet me at the cas tonight.")
    confirm(editor, asked)
    assert statuses(service, *longer, late) == [*["approved"] * 3, "pending"]


def test_a_reply_that_is_edited_into_the_match_is_no_part_of_it(service: Service) -> None:
    editor = signed_in(service)
    counted, late = posted(service, "A casino."), posted(service, "A garden.")
    asked = ask(editor, "status=pending&q=casino")
    changed_by_its_author(late, "A casino, too.")
    done = confirm(editor, asked)
    assert "could not be" not in editor.get(done.headers["Location"]).text
    assert statuses(service, counted, late) == ["approved", "pending"]


def test_a_reply_that_changed_after_the_count_is_refused_with_the_reason(service: Service) -> None:
    editor = signed_in(service)
    first, second = posted(service), posted(service, "Another one.")
    asked = ask(editor, "status=pending", "spam")
    changed_by_its_author(first)
    done = confirm(editor, asked)
    assert "1 could not be" in editor.get(done.headers["Location"]).text
    link = re.search(r"batch=(\d+)", done.headers["Location"])
    assert link is not None
    assert bulk_drafts.CHANGED in editor.get(f"/moderate/bulk/{link[1]}").text
    assert statuses(service, first, second) == ["pending", "spam"]


def test_what_has_the_state_already_is_not_counted(service: Service) -> None:
    editor = signed_in(service)
    first, second = posted(service), posted(service, "Another one.")
    editor.decide(first.id, "approve")
    asked = ask(editor, "status=any")
    assert "Approve: 1 reply?" in asked
    confirm(editor, asked)
    assert statuses(service, first, second) == ["approved"] * 2
    assert "Nothing to do" in ask(editor, "status=any")
    # Of the one that was confirmed.
    assert len(drafts(service)) == 1


def test_another_editor_cannot_confirm_a_count(service: Service) -> None:
    editor, olaf = signed_in(service), signed_in(service, "olaf@example.org", "Olaf")
    reply = posted(service)
    form = form_of(ask(editor, "status=pending"), CONFIRM) | {"token": olaf.token}
    answer = olaf.post(CONFIRM, **form)
    assert answer.status_code == 409
    assert "Go back and count the replies again." in answer.text
    assert statuses(service, reply) == ["pending"]


def test_a_count_can_be_confirmed_for_an_hour(service: Service) -> None:
    editor = signed_in(service)
    reply = posted(service)
    asked = ask(editor, "status=pending")
    service.clock.forward(minutes=60)
    assert confirm(editor, asked).status_code == 409
    assert statuses(service, reply) == ["pending"]
    asked = ask(editor, "status=pending")
    service.clock.forward(minutes=59)
    assert confirm(editor, asked).status_code == 303
    assert statuses(service, reply) == ["approved"]


def test_confirming_twice_begins_one_bulk_action(service: Service) -> None:
    editor = signed_in(service)
    reply = posted(service)
    asked = ask(editor, "status=pending")
    first, second = confirm(editor, asked), confirm(editor, asked)
    assert first.headers["Location"] == second.headers["Location"]
    assert rows(service, batch) == 1
    assert statuses(service, reply) == ["approved"]


def test_nothing_is_in_the_history_before_it_is_confirmed(service: Service) -> None:
    editor = signed_in(service)
    posted(service)
    before = editor.get("/moderate/history?everything=1").text, rows(service, event)
    asked = ask(editor, "status=pending")
    assert (editor.get("/moderate/history?everything=1").text, rows(service, event)) == before
    assert rows(service, batch) == 0
    assert rows(service, bulk_draft_item) == 1
    confirm(editor, asked)
    assert rows(service, batch) == 1
    assert rows(service, bulk_draft_item) == 0


@pytest.mark.parametrize("answered", [False, True])
def test_an_erased_reply_leaves_the_draft(service: Service, answered: bool) -> None:
    admin = signed_in(service)
    reply, other = posted(service), posted(service, "Another one.")
    if answered:
        admin.decide(reply.id, "approve")
        posted(service, "Me too.", parent=reply.id)
        admin.decide(reply.id, "trash", was="approved")
    else:
        admin.decide(reply.id, "trash")
    admin.decide(other.id, "trash")
    asked = ask(admin, "status=trash", "pending")
    assert "2 replies?" in asked
    moderation.erase(service.db, reply.id, by=COMMAND_LINE, now=service.clock())
    with service.db.read() as connection:
        assert connection.execute(select(bulk_draft_item.c.comment)).scalars().all() == [other.id]
    confirm(admin, asked)
    assert rows(service, batch_item) == 1
    assert statuses(service, other) == ["pending"]


def test_a_draft_of_erased_replies_does_nothing(service: Service) -> None:
    admin = signed_in(service)
    reply = posted(service)
    admin.decide(reply.id, "trash")
    asked = ask(admin, "status=trash", "pending")
    moderation.erase(service.db, reply.id, by=COMMAND_LINE, now=service.clock())
    assert confirm(admin, asked).status_code == 409
    assert rows(service, batch) == 0


def test_expired_drafts_are_removed_and_others_stay(service: Service) -> None:
    editor = signed_in(service)
    posted(service)
    ask(editor, "status=pending")
    service.clock.forward(minutes=30)
    asked = ask(editor, "status=pending")
    service.clock.forward(minutes=30)
    bulk_drafts.remove_expired(service.db, now=service.clock())
    assert len(drafts(service)) == rows(service, bulk_draft_item) == 1
    assert confirm(editor, asked).status_code == 303
    service.clock.forward(minutes=31)
    bulk_drafts.remove_expired(service.db, now=service.clock())
    assert drafts(service) == []


def test_the_form_of_a_removed_draft_never_confirms_a_later_one(service: Service) -> None:
    editor = signed_in(service)
    reply = posted(service)
    old = ask(editor, "status=pending")
    service.clock.forward(hours=2)
    bulk_drafts.remove_expired(service.db, now=service.clock())
    # It gets the row id of the one that was removed.
    ask(editor, "status=pending", "approve")
    assert confirm(editor, old).status_code == 409
    assert statuses(service, reply) == ["pending"]


def test_an_editor_has_a_few_drafts_and_the_oldest_goes(service: Service) -> None:
    editor, olaf = signed_in(service), signed_in(service, "olaf@example.org", "Olaf")
    reply = posted(service)
    others = ask(olaf, "status=pending", "trash")
    asked = [ask(editor, "status=pending") for _ in range(bulk_drafts.KEPT + 1)]
    assert len(drafts(service)) == bulk_drafts.KEPT + 1
    assert confirm(editor, asked[0]).status_code == 409
    assert confirm(editor, asked[1]).status_code == 303
    assert statuses(service, reply) == ["approved"]
    # Olaf does not overrule what was decided meanwhile.
    confirm(olaf, others)
    assert statuses(service, reply) == ["approved"]


def test_more_replies_than_one_action_takes_are_not_stored(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_drafts, "MOST", 2)
    editor = signed_in(service)
    for number in range(3):
        posted(service, f"Number {number}.")
    assert "More than 2 replies match" in ask(editor, "status=pending")
    assert "More than 2 replies match" in ask(editor, "status=pending&q=number")
    assert drafts(service) == []


def test_replies_of_one_article_come_together(service: Service) -> None:
    service.register("networking", "meetings")
    editor = signed_in(service)
    replies = {
        service.submit(key, comment=f"Number {number} {key}."): key
        for number in range(5)
        for key in ("networking", "meetings")
    }
    confirm(editor, ask(editor, "status=pending"))
    query = select(batch_item.c.comment).order_by(batch_item.c.number)
    with service.db.read() as connection:
        done = [replies[one] for one in connection.execute(query).scalars()]
    assert done in (["networking"] * 5 + ["meetings"] * 5, ["meetings"] * 5 + ["networking"] * 5)


def test_counting_and_confirming_grow_with_the_number_of_replies_and_no_faster(
    tmp_path: Path,
) -> None:
    def count_and_confirm(size: int) -> Callable[[], object]:
        db = database_of(tmp_path / f"{size}.sqlite3", size)
        by = Actor("Edith", 1)

        def work() -> None:
            counted = bulk_drafts.count(
                db, "spam", Filter(status=Status.PENDING, words="coffee"),
                in_words="a test", by=by, now=NOON,
            )  # fmt: skip
            assert counted.matching > size / 2
            bulk_drafts.confirm(db, counted.token, by=by, now=NOON)

        return work

    small, large = count_and_confirm(5_000), count_and_confirm(20_000)
    assert cpu.seconds(large) < 8 * cpu.seconds(small)


def test_a_running_service_removes_expired_drafts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_drafts, "EVERY_SECONDS", 0.2)
    with running_service(tmp_path) as service:
        service.register("networking")
        posted(service)
        ask(signed_in(service), "status=pending")
        assert len(drafts(service)) == 1
        service.clock.forward(hours=1)
        deadline = time.monotonic() + 60
        while drafts(service):
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_nothing_to_do_is_said_for_a_list_of_that_state(service: Service) -> None:
    editor = signed_in(service)
    service.approve(posted(service).id)
    assert "all that match are in that state already" in ask(editor, "status=approved")
