from __future__ import annotations

import contextlib
import copy
import dataclasses
import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.discussion.model import discussions
from plugins.discussion.model.discussions import (
    Reply,
    nest,
    read_batch,
    read_discussion,
    write_discussion,
)
from plugins.shared.errors import WireError
from tests.discussion.samples import discussion, identifier, removed, reply
from tests.discussion.strategies import comments


def flat(replies: tuple[Reply, ...]) -> list[Reply]:
    found, waiting = [], list(replies)
    while waiting:
        one = waiting.pop(0)
        found.append(one)
        waiting[:0] = one.children
    return found


def test_a_discussion_is_read_as_the_wire_says() -> None:
    read = read_discussion(
        discussion([reply(1, author={"name": "Ann", "url": "https://ann.example/"}), removed(2)])
    )
    first, second = read.comments
    assert first.author == discussions.Author("Ann", "https://ann.example/")
    assert first.submitted.isoformat() == "2026-11-01T00:01:00+00:00"
    assert second.removed
    assert second.author is None
    assert read.count == 1


def test_unknown_fields_are_dropped_so_no_email_can_pass() -> None:
    data = discussion(
        [reply(1, email="ann@mail.example", author={"name": "A", "url": None, "email": "a@b.c"})]
    )
    read = read_discussion(data)
    assert "mail" not in repr(read)
    assert "mail" not in write_discussion(read)


def test_no_public_type_has_a_field_for_an_email() -> None:
    names = ["Author", "Comment", "Discussion", "Page", "Reply", "Batch"]
    kinds = [getattr(discussions, name) for name in names]
    for kind in kinds:
        for field in dataclasses.fields(kind):
            assert "mail" not in field.name


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda d: d.pop("key"), "discussion.key: missing"),
        (lambda d: d.update(key="a/b"), "discussion.key: contains /"),
        (lambda d: d.update(key="a b"), "discussion.key: contains white space"),
        (lambda d: d.update(revision="7"), "discussion.revision: expected a number, got text"),
        (lambda d: d.update(revision=True), "discussion.revision: expected a number"),
        (lambda d: d.update(revision=-1), "discussion.revision: expected a number"),
        (lambda d: d.update(comments=None), "discussion.comments: expected a list, got null"),
        (lambda d: d["comments"].append(3), "comments[2]: expected an object, got a number"),
        (lambda d: d["comments"][1].update(id="X"), "comments[1].id: expected 26"),
        (lambda d: d["comments"][1].update(id=identifier(1)), "comments[1].id: the same id twice"),
        (lambda d: d["comments"][1].update(parent=identifier(9)), "[1].parent: not in this"),
        (lambda d: d["comments"][0].update(parent=identifier(2)), ".parent: a reply to itself"),
        (lambda d: d["comments"][0].update(html=None), "[0].html: expected text, got null"),
        (lambda d: d["comments"][0].update(html="\ud800"), "[0].html: contains an unpaired"),
        (lambda d: d["comments"][0].update(author=None), "[0].author: expected an object"),
        (lambda d: d["comments"][0].update(removed=True), "[0]: a removed reply must have no"),
        (lambda d: d["comments"][0].update(submitted="soon"), "[0].submitted: expected an RFC"),
        (lambda d: d["comments"][0].update(submitted="2026-11-01T00:00:00"), "without its zone"),
        (lambda d: d["comments"][0]["author"].update(url="javascript:x"), "author.url: expected"),
        (lambda d: d["comments"][0].update(editor=1), "[0].editor: expected true or false"),
    ],
)
def test_bad_json_is_an_error_that_says_what_and_where(change: Any, where: str) -> None:
    data = discussion([reply(1), reply(2, 1)])
    change(data)
    with pytest.raises(WireError, match=r"discussion|comments") as caught:
        read_discussion(data)
    assert where in str(caught.value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda c: (
            st.lists(c)
            | st.dictionaries(
                st.sampled_from(["epoch", "latest", "next", "more", "discussions", "key"]), c
            )
        ),
    )
)
def test_any_json_is_read_or_refused_as_a_wire_error(data: Any) -> None:
    with contextlib.suppress(WireError):
        read_batch(data)


def test_no_error_repeats_a_readers_text() -> None:
    data = discussion(
        [reply(1, html="secret words", author={"name": "Secret Name", "url": "secret:x"})]
    )
    with pytest.raises(WireError) as caught:
        read_discussion(data)
    assert "secret" not in str(caught.value).lower()


@given(comments())
def test_written_discussions_read_back_equal(made: list[dict[str, Any]]) -> None:
    read = read_discussion(discussion(made))
    assert read_discussion(json.loads(write_discussion(read))) == read


@given(comments(40), st.integers(1, 6))
def test_nesting_loses_nothing_and_keeps_the_order(made: list[dict[str, Any]], depth: int) -> None:
    read = read_discussion(discussion(made))
    tree = nest(read, depth)
    shown = flat(tree)
    order = {comment.id: i for i, comment in enumerate(read.comments)}
    assert sorted(one.comment.id for one in shown) == sorted(order)
    by_id = {comment.id: comment for comment in read.comments}
    for one in shown:
        assert 1 <= one.depth <= depth
        positions = [order[child.comment.id] for child in one.children]
        assert positions == sorted(positions)
        for child in one.children:
            assert child.depth == one.depth + 1
            if child.in_reply_to is None:
                assert child.comment.parent == one.comment.id
            else:
                assert child.depth == depth
                assert child.in_reply_to is by_id[child.comment.parent or ""]
                assert child.comment.parent != one.comment.id
    top = [order[one.comment.id] for one in tree]
    assert top == sorted(top)


@given(comments(20).flatmap(lambda made: st.permutations(made)))
def test_nesting_takes_replies_that_stand_before_their_parent(made: list[dict[str, Any]]) -> None:
    read = read_discussion(discussion(made))
    assert len(flat(nest(read))) == len(made)


def test_replies_below_the_limit_become_siblings_that_name_whom_they_answer() -> None:
    chain = [reply(1), reply(2, 1), reply(3, 2), reply(4, 3), reply(5, 1)]
    (root,) = nest(read_discussion(discussion(chain)), 2)
    assert [child.comment.id for child in root.children] == [identifier(n) for n in (2, 3, 4, 5)]
    answered = [child.in_reply_to and child.in_reply_to.id for child in root.children]
    assert answered == [None, identifier(2), identifier(3), None]


@pytest.mark.parametrize("depth", [1, 4, 10_000])
def test_ten_thousand_replies_ten_thousand_deep_do_not_recurse(depth: int) -> None:
    made = [reply(n, n - 1 if n > 1 else None) for n in range(1, 10_001)]
    read = read_discussion(discussion(made))
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(200)
    try:
        tree = nest(read, depth)
    finally:
        sys.setrecursionlimit(before)
    assert len(flat(tree)) == 10_000
    assert max(one.depth for one in flat(tree)) == depth


def test_reading_does_not_change_what_it_reads() -> None:
    data = discussion([reply(1), reply(2, 1)])
    before = copy.deepcopy(data)
    read_discussion(data)
    assert data == before
