"""“Undo my last action”: whatever it was, from any page, or why it cannot be undone."""

import pytest
import requests
from sqlalchemy import func, select, update

from comments_service.domain.actor import COMMAND_LINE, Actor
from comments_service.domain.rules import Rules
from comments_service.services import editor_admin, site_rules
from comments_service.services.pages import the_site
from comments_service.store import editors, tables
from comments_service.store.tables import comment, event, page
from tests.running import Service, token_of
from tests.service.pages import Editor, Page, number_of, signed_in, stored


def undo_last(editor: Editor, where: str = "status=pending") -> requests.Response:
    return editor.post("/moderate/undo/last", token=editor.token, list=where)


def test_each_kind_of_action_is_taken_back_the_last_one_first(service: Service) -> None:
    editor = signed_in(service)
    public_id = service.submit(comment="As it was.")
    path = f"/moderate/replies/{public_id}"
    editor.decide(public_id, "approve")
    editor.decide(public_id, "pin")
    editor.decide(public_id, "lock")
    editor.post(
        f"{path}/edit",
        token=editor.token,
        version=token_of(service.db, public_id),
        comment="Other.",
    )
    editor.post("/moderate/discussions/networking", token=editor.token, action="close")
    with service.db.read() as connection:
        opened = select(page.c.opened).where(page.c.key == "networking")
        assert connection.execute(opened).scalar() is False
    assert undo_last(editor).status_code == 303
    with service.db.read() as connection:
        assert connection.execute(opened).scalar() is None
    expected = [
        ("As it was.", True, True, "approved"),
        ("As it was.", False, True, "approved"),
        ("As it was.", False, False, "approved"),
        ("As it was.", False, False, "pending"),
    ]
    for text, locked, pinned, status in expected:
        assert undo_last(editor).status_code == 303
        row = stored(service.db, public_id)
        assert (row.text, row.locked, row.pinned, row.status) == (text, locked, pinned, status)
    answer = undo_last(editor)
    assert answer.status_code == 409
    assert "Nothing to undo" in answer.text


def test_what_was_undone_and_done_again_is_taken_back_once_more(service: Service) -> None:
    editor = signed_in(service)
    public_id = service.submit()
    editor.decide(public_id, "spam")
    done = undo_last(editor)
    number = done.headers["Location"].partition("done=")[2].partition("&")[0]
    editor.undo(number)
    assert stored(service.db, public_id).status == "spam"
    assert undo_last(editor).status_code == 303
    assert stored(service.db, public_id).status == "pending"


def test_another_editors_action_is_not_mine(service: Service) -> None:
    editor, olaf = signed_in(service), signed_in(service, "olaf@example.org", "Olaf")
    mine, theirs = service.submit(comment="Mine."), service.submit(comment="Theirs.")
    editor.decide(mine, "spam")
    olaf.decide(theirs, "spam")
    assert undo_last(editor).status_code == 303
    assert stored(service.db, mine).status == "pending"
    assert stored(service.db, theirs).status == "spam"


def test_what_somebody_changed_since_is_left_and_said(service: Service) -> None:
    editor, olaf = signed_in(service), signed_in(service, "olaf@example.org", "Olaf")
    public_id = service.submit()
    editor.decide(public_id, "spam")
    olaf.decide(public_id, "trash", was="spam")
    answer = undo_last(editor)
    assert answer.status_code == 409
    assert "Olaf moved this to trash at 12:00 UTC" in answer.text
    assert stored(service.db, public_id).status == "trash"


def test_a_bulk_action_is_taken_back_as_a_whole(service: Service) -> None:
    editor = signed_in(service)
    ids = [service.submit(comment=f"Number {number}.") for number in range(3)]
    editor.post(
        "/moderate/bulk", token=editor.token, action="spam", list="status=pending",
        **{f"select-{one}": "pending" for one in ids},
    )  # fmt: skip
    answer = undo_last(editor)
    assert answer.status_code == 303
    assert "Undone: 3 replies." in editor.get(answer.headers["Location"]).text
    with service.db.read() as connection:
        assert set(connection.execute(select(comment.c.status)).scalars()) == {"pending"}
    assert undo_last(editor).status_code == 409


def test_what_cannot_be_undone_is_said_and_nothing_older_is_taken_back(service: Service) -> None:
    editor = signed_in(service)
    kept, gone = service.submit(comment="Kept."), service.submit(comment="Gone.")
    editor.decide(kept, "spam")
    editor.decide(gone, "trash")
    editor.post(f"/moderate/erase/{gone}", token=editor.token)
    answer = undo_last(editor)
    assert answer.status_code == 409
    assert "Erased for good" in Page(answer.text).one("main").text
    assert stored(service.db, kept).status == "spam"


def test_what_was_done_before_signing_in_is_not_undone_unseen(service: Service) -> None:
    first = signed_in(service)
    public_id = service.submit()
    first.decide(public_id, "spam")
    service.clock.forward(hours=1)
    again = Editor(service)
    again.sign_in()
    answer = undo_last(again)
    assert answer.status_code == 409
    assert "since you signed in" in answer.text
    assert stored(service.db, public_id).status == "spam"


@pytest.mark.parametrize(
    ("path", "leads"),
    [("/moderate/", "status=pending"), ("/moderate/history", "history"), ("/moderate/mail", "")],
)
def test_every_page_of_the_queue_has_the_form(service: Service, path: str, leads: str) -> None:
    editor = signed_in(service)
    form = Page(editor.get(path).text).by_id("undo-last")
    assert form.attributes["action"] == "/moderate/undo/last"
    public_id = service.submit()
    editor.decide(public_id, "spam")
    answer = undo_last(editor, leads)
    shown = editor.get(answer.headers["Location"])
    assert shown.status_code == 200
    assert "Undone" in Page(shown.text).one("main").text


def test_a_ban_and_a_rule_are_taken_back(service: Service) -> None:
    editor = signed_in(service)
    editor.post(
        "/moderate/settings/bans", token=editor.token,
        **{"ban-kind": "word", "ban-value": "casino"},
    )  # fmt: skip
    answer = undo_last(editor)
    assert answer.status_code == 303
    assert stored(service.db, service.submit(comment="A casino.")).status == "pending"


def test_an_undo_of_somebody_elses_action_is_an_action_too(service: Service) -> None:
    editor, olaf = signed_in(service), signed_in(service, "olaf@example.org", "Olaf")
    mine, theirs = service.submit(comment="Mine."), service.submit(comment="Theirs.")
    editor.decide(mine, "spam")
    editor.undo(number_of(olaf.decide(theirs, "trash")))
    assert undo_last(editor).status_code == 303
    assert stored(service.db, theirs).status == "trash"
    assert stored(service.db, mine).status == "spam"
    assert undo_last(editor).status_code == 303
    assert stored(service.db, mine).status == "pending"


def _save_rules(service: Service, email: str) -> None:
    with service.db.write() as connection:
        site = the_site(connection)
        who = editors.find(connection, email)
        assert who is not None
        version = site_rules.in_force(connection, site).version
        site_rules.save(
            connection, site, Rules(hold_links=7),
            version=version, by=Actor(who.name, who.id), now=service.clock(),
        )  # fmt: skip


def _last_entry(service: Service) -> str:
    with service.db.read() as connection:
        return str(connection.execute(select(func.max(event.c.seq))).scalar_one())


def test_an_editor_cannot_undo_what_only_an_admin_may_do(service: Service) -> None:
    admin = signed_in(service)
    editor = signed_in(service, "plain@example.org", "Olaf", role="editor")
    _save_rules(service, "editor@example.org")
    rules = _last_entry(service)
    public_id = service.submit()
    admin.post(f"/moderate/replies/{public_id}/ban", token=admin.token, what="address")
    ban = _last_entry(service)
    for number in (rules, ban):
        answer = editor.undo(number)
        assert answer.status_code == 403
        assert "Only an admin" in answer.text
        assert _last_entry(service) == ban
    for number in (ban, rules):
        assert admin.undo(number).status_code == 303


def test_an_editor_undoes_a_ban_of_ones_own(service: Service) -> None:
    signed_in(service)
    editor = signed_in(service, "plain@example.org", "Olaf", role="editor")
    public_id = service.submit()
    editor.post(f"/moderate/replies/{public_id}/ban", token=editor.token, what="address")
    before = _last_entry(service)
    assert undo_last(editor).status_code == 303
    assert _last_entry(service) != before


def test_an_editor_who_was_an_admin_cannot_undo_rules_saved_then(service: Service) -> None:
    admin = signed_in(service)
    editor = signed_in(service, "plain@example.org", "Olaf", role="admin")
    _save_rules(service, "plain@example.org")
    rules = _last_entry(service)
    with service.db.write() as connection:
        connection.execute(
            update(tables.editor)
            .where(tables.editor.c.email == "plain@example.org")
            .values(role="editor")
        )
    assert editor.undo(rules).status_code == 403
    assert admin.undo(rules).status_code == 303


def _is_lifted(service: Service) -> bool:
    with service.db.read() as connection:
        return connection.execute(select(tables.ban.c.lifted_at)).scalar_one() is not None


def test_an_editor_does_not_lift_an_own_ban_that_an_admin_put_in_force_again(
    service: Service,
) -> None:
    admin = signed_in(service)
    editor = signed_in(service, "plain@example.org", "Olaf", role="editor")
    public_id = service.submit()
    editor.post(f"/moderate/replies/{public_id}/ban", token=editor.token, what="address")
    own = _last_entry(service)
    admin.undo(own)
    assert _is_lifted(service)
    admin.undo(_last_entry(service))
    assert not _is_lifted(service)
    before = _last_entry(service)
    for who in (editor, admin):
        answer = who.undo(own)
        assert answer.status_code == 409
        assert "Edith decided about this ban later" in answer.text
    assert undo_last(editor).status_code == 409
    assert not _is_lifted(service)
    assert _last_entry(service) == before
    assert admin.undo(before).status_code == 303
    assert _is_lifted(service)


@pytest.mark.parametrize("door", ["settings", "reply"])
def test_who_was_an_admin_does_not_lift_a_ban_made_as_one(service: Service, door: str) -> None:
    admin = signed_in(service)
    other = signed_in(service, "plain@example.org", "Olaf", role="admin")
    public_id = service.submit()
    if door == "settings":
        what = {"ban-kind": "word", "ban-value": "casino"}
        other.post("/moderate/settings/bans", token=other.token, **what)
    else:
        other.post(f"/moderate/replies/{public_id}/ban", token=other.token, what="domain")
    made = _last_entry(service)
    with service.db.read() as connection:
        member = editors.find(connection, "plain@example.org")
    assert member is not None
    editor_admin.set_role(service.db, member.id, "editor", by=COMMAND_LINE, now=service.clock())
    assert other.undo(made).status_code == 403
    assert undo_last(other).status_code == 403
    assert not _is_lifted(service)
    assert admin.undo(made).status_code == 303
    assert _is_lifted(service)
