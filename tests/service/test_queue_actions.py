"""What an editor can do with one reply, each with its entry in the log and its undo."""

import re
from collections.abc import Callable

import pytest
from requests import Response
from sqlalchemy import select

from comments_service.store import counters
from comments_service.store.tables import comment, event, page
from tests.running import Service, token_of
from tests.service.pages import Editor, Page, number_of, signed_in, stored


def _last(service: Service) -> int:
    with service.db.read() as connection:
        query = select(event.c.seq).order_by(event.c.seq.desc()).limit(1)
        return int(connection.execute(query).scalar_one())


def _page(service: Service) -> object:
    with service.db.read() as connection:
        return connection.execute(select(page.c.opened)).scalar()


def _edit(editor: Editor, public_id: str, text: str, version: str = "") -> Response:
    """Save another text over the version that was read, the current one if it is not given."""
    return editor.post(
        f"/moderate/replies/{public_id}/edit",
        token=editor.token,
        comment=text,
        version=version or token_of(editor.service.db, public_id),
        list="status=approved",
    )


def test_an_edit_changes_the_public_text_and_can_be_taken_back(service: Service) -> None:
    editor = signed_in(service)
    public_id = service.submit(comment="Tihs is *mine*.")
    editor.decide(public_id, "approve")
    before = service.api("GET", "/changes?since=0").json()["latest"]
    done = _edit(editor, public_id, "This is *mine*.")
    assert done.headers["Location"].startswith("/moderate/?status=approved&done=")
    found = service.api("GET", f"/changes?since={before}").json()["discussions"][0]["comments"][0]
    assert found["html"] == "<p>This is <em>mine</em>.</p>\n"
    assert found["edited"] is not None
    history = Page(editor.get("/moderate/history").text)
    assert [one.text for one in history.all("ins")] == ["This"]
    assert [one.text for one in history.all("del")] == ["Tihs"]
    editor.undo(number_of(done))
    assert stored(service.db, public_id).text == "Tihs is *mine*."


def test_nobody_overwrites_what_another_editor_just_wrote(service: Service) -> None:
    first, second = signed_in(service), signed_in(service, "olaf@example.org", "Olaf")
    public_id = service.submit(comment="Old text.")
    read = token_of(service.db, public_id)
    _edit(second, public_id, "What Olaf wrote.")
    answer = _edit(first, public_id, "What Edith wrote.", read)
    assert answer.status_code == 409
    told = Page(answer.text)
    assert "Olaf edited this" in answer.text
    assert "What Olaf wrote." in answer.text
    assert told.fields["comment"] == "What Edith wrote."
    assert stored(service.db, public_id).text == "What Olaf wrote."
    # Seen what the other one wrote, the editor can still decide for their own text.
    assert _edit(first, public_id, "What Edith wrote.", told.fields["version"]).status_code == 303
    assert stored(service.db, public_id).text == "What Edith wrote."


@pytest.mark.parametrize("text", ["", " \n ", "\u200b", "x" * 10_001])
def test_an_edit_that_cannot_be_is_said_and_kept(service: Service, text: str) -> None:
    editor = signed_in(service)
    public_id = service.submit(comment="As it was.")
    answer = _edit(editor, public_id, text)
    assert answer.status_code == 422
    assert Page(answer.text).all("textarea")[0].attributes["aria-invalid"] == "true"
    assert Page(answer.text).fields["comment"] == text
    assert stored(service.db, public_id).text == "As it was."


def test_an_answer_publishes_both_and_shows_the_editor(service: Service) -> None:
    editor = signed_in(service, name="Edith")
    public_id = service.submit(comment="A question?")
    done = editor.post(
        f"/moderate/replies/{public_id}/answer",
        token=editor.token,
        was="pending",
        version=token_of(service.db, public_id),
        comment="An *answer*.",
    )
    assert done.status_code == 303
    asked, answered = service.api("GET", "/discussions/networking").json()["comments"]
    assert asked["id"] == public_id
    assert (answered["parent"], answered["editor"]) == (public_id, True)
    assert answered["author"] == {"name": "Edith", "url": None}
    assert "edith" not in str(answered).replace("Edith", "")
    editor.undo(number_of(done))
    assert [
        one["id"] for one in service.api("GET", "/discussions/networking").json()["comments"]
    ] == [public_id]


@pytest.mark.parametrize("was", ["pending", "approved"])
def test_an_answer_that_is_sent_twice_is_published_once(service: Service, was: str) -> None:
    editor = signed_in(service)
    other = signed_in(service, "other@example.org", "Olaf")
    public_id = service.submit(comment="A question?")
    if was == "approved":
        service.approve(public_id)

    def send(by: Editor, text: str, state: str) -> Response:
        return by.post(
            f"/moderate/replies/{public_id}/answer",
            token=by.token, was=state, version=token_of(service.db, public_id), comment=text,
        )  # fmt: skip

    first, second = (send(editor, "An answer.", was) for _ in range(2))
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["Location"] == second.headers["Location"]
    # Another text, another editor, or the same once the first was taken back: new answers.
    send(editor, "A second answer.", "approved")
    send(other, "An answer.", "approved")
    told = service.api("GET", "/discussions/networking").json()["comments"]
    assert len(told) == 4
    editor.undo(number_of(first))
    send(editor, "An answer.", "approved")
    told = service.api("GET", "/discussions/networking").json()["comments"]
    assert sum(not one["removed"] for one in told) == 4


def test_an_answer_to_what_somebody_else_decided_is_kept(service: Service) -> None:
    editor, other = signed_in(service), signed_in(service, "olaf@example.org", "Olaf")
    public_id = service.submit()
    other.decide(public_id, "spam")
    answer = editor.post(
        f"/moderate/replies/{public_id}/answer",
        token=editor.token,
        was="pending",
        version=token_of(service.db, public_id),
        comment="Mine.",
    )
    assert answer.status_code == 409
    assert Page(answer.text).fields["comment"] == "Mine."
    assert "Olaf marked this as spam" in answer.text


@pytest.mark.parametrize(
    ("on", "off", "what"), [("pin", "unpin", "pinned"), ("lock", "unlock", "locked")]
)
def test_pinning_and_locking_are_public_and_undone(
    service: Service, on: str, off: str, what: str
) -> None:
    editor = signed_in(service)
    public_id = service.submit()
    editor.decide(public_id, "approve")
    done = editor.decide(public_id, on, was="approved")
    assert stored(service.db, public_id)._mapping[what] is True
    assert editor.decide(public_id, on, was="approved").status_code == 409
    editor.undo(number_of(done))
    assert stored(service.db, public_id)._mapping[what] is False
    editor.decide(public_id, on, was="approved")
    editor.decide(public_id, off, was="approved")
    assert stored(service.db, public_id)._mapping[what] is False


def test_nobody_answers_in_a_locked_thread(service: Service) -> None:
    editor = signed_in(service)
    top = service.submit(comment="Top.")
    service.approve(top)
    below = service.submit(comment="Below.", parent=top)
    service.approve(below)
    editor.decide(top, "lock", was="approved")
    answer = service.post(comment="Too late.", parent=below)
    assert answer.status_code == 422
    assert "takes no more answers" in answer.text
    assert Page(answer.text).fields["comment"] == "Too late."
    service.submit(comment="At the top, then.")


def test_an_editor_closes_and_opens_a_discussion_whatever_the_article_says(
    service: Service,
) -> None:
    editor = signed_in(service)
    service.submit()

    def do(action: str) -> Response:
        return editor.post("/moderate/discussions/networking", token=editor.token, action=action)

    done = do("close")
    answer = service.post(comment="Is it closed?")
    assert answer.status_code == 403
    assert "Is it closed?" in answer.text
    service.register("networking")
    assert service.post(comment="Still?").status_code == 403
    editor.undo(number_of(done))
    assert _page(service) is None
    assert service.post(comment="Open again.").status_code == 303
    service.register("networking", open=False)
    assert service.post(comment="The article closed it.").status_code == 403
    do("open")
    assert service.post(comment="The editor opened it.").status_code == 303
    do("article")
    assert service.post(comment="Back to the article.").status_code == 403
    assert do("article").status_code == 409
    assert do("nonsense").status_code == 400


def _acts(editor: Editor, public_id: str) -> list[Callable[[], Response]]:
    return [
        lambda: editor.decide(public_id, "approve", was="pending"),
        lambda: editor.decide(public_id, "pin", was="approved"),
        lambda: _edit(editor, public_id, "Another text."),
        lambda: editor.decide(public_id, "lock", was="approved"),
        lambda: editor.decide(public_id, "spam", was="approved"),
        lambda: editor.decide(public_id, "trash", was="spam"),
    ]


def test_undoing_everything_in_turn_leads_back_to_the_beginning(service: Service) -> None:
    editor = signed_in(service)
    public_id = service.submit(comment="The first text.")
    numbers = [number_of(act()) for act in _acts(editor, public_id)]
    for number in reversed(numbers):
        assert editor.undo(number).status_code == 303
    found = stored(service.db, public_id)
    assert (found.status, found.text, found.pinned, found.locked) == (
        "pending", "The first text.", False, False,
    )  # fmt: skip


def test_what_was_changed_since_is_not_undone_but_what_else_was_done_does_not_matter(
    service: Service,
) -> None:
    editor = signed_in(service)
    public_id = service.submit()
    approved = number_of(editor.decide(public_id, "approve"))
    pinned = number_of(editor.decide(public_id, "pin", was="approved"))
    editor.decide(public_id, "spam", was="approved")
    assert editor.undo(approved).status_code == 409
    assert editor.undo(pinned).status_code == 303
    assert editor.undo(_last(service) + 100).status_code == 404


def test_the_log_can_neither_be_changed_nor_shortened(service: Service) -> None:
    service.submit()
    for statement in ("UPDATE event SET actor = 'nobody'", "DELETE FROM event"):
        with pytest.raises(Exception, match="append-only"), service.db.write() as connection:
            connection.exec_driver_sql(statement)


def test_htmx_gets_the_card_alone(service: Service) -> None:
    editor = signed_in(service)
    public_id = service.submit(comment="One card.")
    editor.http.headers["HX-Request"] = "true"
    token = re.search(r'name="token" value="([^"]+)"', editor.get().text)
    assert token is not None

    def act(action: str, was: str) -> Response:
        return editor.post(
            f"/moderate/replies/{public_id}", token=token[1], action=action, was=was,
            version=token_of(service.db, public_id), list="status=pending",
        )  # fmt: skip

    done = act("approve", "pending")
    assert done.status_code == 200
    assert done.headers["X-Fragment"] == "1"
    assert "<html" not in done.text
    assert f'<li class="gone" id="card-{public_id}">' in done.text
    assert "script-src 'self'" in done.headers["Content-Security-Policy"]
    number = re.search(r'name="event" value="([^"]+)"', done.text)
    assert number is not None
    again = act("approve", "pending")
    assert again.status_code == 409
    assert 'role="alert"' in again.text
    back = editor.post(
        "/moderate/undo", token=token[1], event=number[1], reply=public_id, list="status=pending"
    )
    assert f'<li class="card pending" id="card-{public_id}">' in back.text
    panel = editor.get(f"/moderate/replies/{public_id}/edit?list=status%3Dpending")
    assert panel.text.lstrip().startswith("<form")


def test_the_counts_are_right_after_everything(service: Service) -> None:
    editor = signed_in(service)
    ids = [service.submit(comment=f"Number {number}.") for number in range(6)]
    for public_id, action in zip(ids, ["approve", "spam", "trash", "approve"], strict=False):
        editor.decide(public_id, action)
    editor.post(
        f"/moderate/replies/{ids[4]}/answer",
        token=editor.token,
        was="pending",
        version=token_of(service.db, ids[4]),
        comment="Hm.",
    )
    editor.undo(number_of(editor.decide(ids[0], "trash", was="approved")))
    with service.db.read() as connection:
        counted: dict[str, int] = {}
        for status in connection.execute(select(comment.c.status)).scalars():
            counted[status] = counted.get(status, 0) + 1
        assert {k: v for k, v in counters.of_site(connection, 1).items() if v} == counted
        assert {k: v for k, v in counters.of_page(connection, 1).items() if v} == counted
