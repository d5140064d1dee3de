"""Searching the queue: the same replies whichever way they are found, and the index read once."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any

import pytest
from sqlalchemy import Connection, event

from comments_service.domain import actor
from comments_service.domain.models import Status
from comments_service.domain.tokenizer import searchable
from comments_service.services import moderation
from comments_service.store import queue, reply_index
from comments_service.store.queue import Filter
from tests.running import NOON, Service

WORDS = ("apple", "apple pear", "pea", "東京")
TEXTS = ("apple pear", "apple", "pear zebra", "peach", "apple 東京で", "plum")
# Text that turns the line around is held for the reason "bidi".
BIDI = " \u202ex"
KEYS = ("networking", "meetings", "saying-no")


@pytest.fixture(name="full", scope="module")
def _full(shared: Service) -> Service:
    for number in range(72):
        shared.clock.forward(minutes=1)
        one = shared.submit(
            KEYS[number % 3],
            comment=f"{TEXTS[number % 6]} number {number}{BIDI if number % 5 == 0 else ''}",
            author=f"Reader {number % 4}",
            email=f"reader{number % 5}@example.org",
        )
        if number % 4:
            moderation.decide(
                shared.db, one, ("approve", "spam", "trash")[number % 4 - 1],
                by=actor.COMMAND_LINE, expected="pending", version=0, now=shared.clock(),
            )  # fmt: skip
    return shared


def filters(connection: Connection) -> Iterator[Filter]:
    """Words and states with one more condition each; every second one is listed newest first."""
    page = queue.listed(connection, 1, Filter(), limit=1)
    narrow: list[dict[str, Any]] = [
        {},
        {"page": "meetings"},
        {"page": "nowhere"},
        {"author": page[0].public_id},
        {"who": queue.add_email_search(connection, "reader1@example.org")},
        {"who": queue.add_email_search(connection, "@example.org")},
        {"name": "reader 2"},
        {"reason": "bidi"},
        {"since": NOON.replace(minute=30), "until": NOON.replace(minute=50)},
    ]
    for number, (words, status, more) in enumerate(
        product(WORDS, (None, Status.PENDING, Status.SPAM), narrow)
    ):
        yield Filter(status=status, words=words, newest=number % 2 == 1, **more)


def expected(all_replies: list[queue.Queued], what: Filter, address: str) -> list[int]:
    """The ids that a filter must list, found without any index; `address` is what `who` means."""
    asked, names = searchable(what.words).split(), searchable(what.name).split()
    author = next((one.email for one in all_replies if one.public_id == what.author), None)

    def holds(text: str, words: list[str], *, beginning: bool) -> bool:
        held = searchable(text).split()
        whole, last = (words[:-1], words[-1:]) if beginning else (words, [])
        return all(word in held for word in whole) and all(
            any(one.startswith(word) for one in held) for word in last
        )

    def matching(*, beginning: bool) -> list[queue.Queued]:
        return [
            one
            for one in all_replies
            if holds(f"{one.text} {one.author_name}", asked, beginning=beginning)
            and (not names or holds(one.author_name, names, beginning=beginning))
        ]

    found = matching(beginning=False) or matching(beginning=True)
    chosen = [
        one.id
        for one in found
        if (what.status is None or one.status == what.status)
        and (not what.page or one.page_key == what.page)
        and (author is None or one.email == author)
        and one.email.endswith(address)
        and (not what.reason or what.reason in one.reasons)
        and (what.since is None or one.submitted_at >= what.since)
        and (what.until is None or one.submitted_at < what.until)
    ]
    return sorted(chosen, reverse=what.newest)


# Each selection is looked up, collected, or checked match by match.
@pytest.mark.parametrize(("looked_up", "collected"), [(200, 20_000), (0, 20_000), (10, 30)])
def test_every_way_of_searching_finds_the_same_replies(
    full: Service, monkeypatch: pytest.MonkeyPatch, looked_up: int, collected: int
) -> None:
    monkeypatch.setattr(reply_index, "LOOKED_UP", looked_up)
    monkeypatch.setattr(reply_index, "COLLECTED", collected)
    with full.db.write() as connection:
        everything = queue.listed(connection, 1, Filter(), limit=1000)
        assert len(everything) == 72
        hits = 0
        for what in filters(connection):
            address = "" if what.who is None else queue.email_of_search(connection, what.who)
            ids = expected(everything, what, address or "")
            listed = queue.listed(connection, 1, what, limit=1000)
            assert [one.id for one in listed] == ids, what
            assert queue.count(connection, 1, what, most=1000) == len(ids), what
            assert queue.count(connection, 1, what, most=2) == min(2, len(ids)), what
            query = queue.chosen(connection, 1, what, most=1000)
            chosen = set() if query is None else set(connection.execute(query))
            assert chosen == {(one.public_id, one.status, one.version) for one in listed}, what
            if len(ids) > 3:
                after = queue.Cursor(listed[1].submitted_at, listed[1].id)
                part = queue.listed(connection, 1, what, after=after, limit=2)
                assert [one.id for one in part] == ids[2:4], what
            hits += len(ids)
    assert hits > 300


@contextmanager
def plans(connection: Connection) -> Iterator[list[list[tuple[int, int, str]]]]:
    """Collects SQLite's plan of each statement that uses the index of words."""
    seen: list[list[tuple[int, int, str]]] = []

    def explain(
        _connection: Connection, cursor: Any, statement: str, parameters: Any, *_more: Any
    ) -> None:
        if "MATCH" in statement:
            rows = cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
            seen.append([(number, parent, text) for number, parent, _, text in rows])

    event.listen(connection, "before_cursor_execute", explain)
    try:
        yield seen
    finally:
        event.remove(connection, "before_cursor_execute", explain)


def searches_again(plan: list[tuple[int, int, str]]) -> bool:
    """Whether the index of words is asked anew for each row of another table."""
    for place, (_, parent, text) in enumerate(plan):
        if "comment_search" not in text:
            continue
        before = [one for _, above, one in plan[:place] if above == parent]
        if any(one.startswith(("SEARCH", "SCAN")) for one in before):
            return True
        if any(number == parent and "CORRELATED" in one for number, _, one in plan):
            return True
    return False


def test_the_index_of_words_is_read_once_whatever_else_narrows_the_list(full: Service) -> None:
    with full.db.write() as connection, plans(connection) as seen:
        for what in filters(connection):
            queue.listed(connection, 1, what, limit=10)
            queue.count(connection, 1, what, most=10)
            queue.chosen(connection, 1, what, most=10)
    assert len(seen) > 300
    assert [plan for plan in seen if searches_again(plan)] == []
