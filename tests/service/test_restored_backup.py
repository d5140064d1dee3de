"""A restored backup reuses version numbers for other texts, so a version has a hash as well."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import requests

from tests.running import Service
from tests.service.mail_server import mailing_service, post_office, wanting
from tests.service.pages import Editor, Page, signed_in, stored
from tests.service.test_stale_decisions import (
    UNREAD,
    Reply,
    approval_of,
    changed_by_its_author,
    form_of,
    posted,
    public,
    ticked,
)

LOST = "The text that was lost with the old database."


class Backup:
    """A copy of a running service's database, which can be put back in its place."""

    def __init__(self, service: Service, folder: Path) -> None:
        assert service.db.file is not None
        self._db, self._file, self._copy = service.db, service.db.file, folder / "copy.sqlite3"
        with (
            closing(sqlite3.connect(self._file)) as source,
            closing(sqlite3.connect(self._copy)) as target,
        ):
            source.backup(target)

    def restore(self) -> None:
        self._db.close()
        for ending in ("-wal", "-shm"):
            self._file.with_name(self._file.name + ending).unlink(missing_ok=True)
        self._copy.replace(self._file)


def _another_text_under_the_same_number(backup: Backup, reply: Reply, service: Service) -> None:
    before = stored(service.db, reply.id).version
    backup.restore()
    changed_by_its_author(reply)
    assert stored(service.db, reply.id).version == before


def _told(answer: requests.Response) -> None:
    assert answer.status_code == 409
    assert "The reply has another text than the page that you opened." in answer.text
    assert UNREAD in answer.text


@pytest.mark.parametrize("what", ["approve", "answer", "edit"])
def test_a_page_from_before_a_restore_decides_nothing(
    service: Service, tmp_path: Path, what: str
) -> None:
    editor = signed_in(service)
    reply = posted(service)
    backup = Backup(service, tmp_path)
    changed_by_its_author(reply, LOST)
    path = f"/moderate/replies/{reply.id}"
    if what == "approve":
        press = approval_of(editor.get().text, reply)
    else:
        path += f"/{what}"
        press = form_of(editor.get(path).text, path) | {"comment": "Mine."}
    _another_text_under_the_same_number(backup, reply, service)
    answer = editor.post(path, **press)
    assert stored(service.db, reply.id).text == UNREAD
    assert UNREAD not in public(service)
    assert answer.status_code == 409
    assert UNREAD in answer.text
    if what != "edit":
        _told(answer)


def test_the_form_of_an_answer_opened_from_a_lost_card_says_so(
    service: Service, tmp_path: Path
) -> None:
    editor = signed_in(service)
    reply = posted(service)
    backup = Backup(service, tmp_path)
    changed_by_its_author(reply, LOST)
    link = re.search(r'href="(/moderate/replies/\w+/answer\?[^"]+)"', editor.get().text)
    assert link is not None
    _another_text_under_the_same_number(backup, reply, service)
    page = editor.get(link[1].replace("&amp;", "&")).text
    assert "another text than the page that you opened" in page


def test_a_selection_from_before_a_restore_leaves_the_other_text_out(
    service: Service, tmp_path: Path
) -> None:
    editor = signed_in(service)
    first, second = posted(service), posted(service, "Another one.")
    backup = Backup(service, tmp_path)
    changed_by_its_author(first, LOST)
    opened = editor.get().text
    _another_text_under_the_same_number(backup, first, service)
    fields = form_of(opened, "/moderate/bulk") | {"action": "approve", "scope": "selected"}
    editor.post("/moderate/bulk", **fields, **ticked(opened, first, second))
    assert stored(service.db, first.id).status == "pending"
    assert stored(service.db, second.id).status == "approved"


def test_a_mailed_link_opened_before_a_restore_decides_nothing(tmp_path: Path) -> None:
    with post_office() as post, mailing_service(tmp_path, post) as service:
        wanting(service)
        reply = posted(service)
        post.wait()
        path = post.link()
        backup = Backup(service, tmp_path)
        changed_by_its_author(reply, LOST)
        opened = requests.get(service.url + path, timeout=30).text
        _another_text_under_the_same_number(backup, reply, service)
        press = form_of(opened, path) | {"action": "approve"}
        answer = requests.post(service.url + path, data=press, timeout=30)
        assert UNREAD not in public(service)
        assert answer.status_code == 409
        assert UNREAD in answer.text


def test_an_author_does_not_overwrite_a_text_unseen(service: Service, tmp_path: Path) -> None:
    reply = posted(service)
    backup = Backup(service, tmp_path)
    changed_by_its_author(reply, LOST)
    form = Page(requests.get(f"{reply.link}/edit", timeout=30).text).fields
    _another_text_under_the_same_number(backup, reply, service)
    answer = requests.post(f"{reply.link}/edit", data=form | {"comment": "Mine."}, timeout=30)
    assert answer.status_code == 409
    assert UNREAD in answer.text
    assert stored(service.db, reply.id).text == UNREAD


def _only_number(press: dict[str, str]) -> dict[str, str]:
    return press | {"version": press["version"].partition("-")[0]}


def test_a_page_of_an_older_service_is_stale(service: Service) -> None:
    editor: Editor = signed_in(service)
    reply = posted(service, UNREAD)
    press = _only_number(approval_of(editor.get().text, reply))
    answer = editor.post(f"/moderate/replies/{reply.id}", **press)
    assert answer.status_code == 409
    assert "The form does not say which text you have read." in answer.text
    assert UNREAD in answer.text
    assert UNREAD not in public(service)
    again = approval_of(answer.text, reply)
    assert editor.post(f"/moderate/replies/{reply.id}", **again).status_code == 303


def test_an_older_page_of_a_mailed_link_is_stale(tmp_path: Path) -> None:
    with post_office() as post, mailing_service(tmp_path, post) as service:
        wanting(service)
        posted(service, UNREAD)
        post.wait()
        path = post.link()
        press = form_of(requests.get(service.url + path, timeout=30).text, path)
        press = _only_number(press) | {"action": "approve"}
        answer = requests.post(service.url + path, data=press, timeout=30)
        assert answer.status_code == 409
        assert UNREAD in answer.text
        assert UNREAD not in public(service)
        press = form_of(answer.text, path) | {"action": "approve"}
        assert requests.post(service.url + path, data=press, timeout=30).status_code == 410
        assert UNREAD in public(service)


def test_an_undo_from_before_a_restore_undoes_nothing_else(
    service: Service, tmp_path: Path
) -> None:
    ada, bob = signed_in(service), signed_in(service, "bob@example.org", "Bob", "admin")
    reply = posted(service)
    backup = Backup(service, tmp_path)
    spam = approval_of(ada.get().text, reply) | {"action": "spam"}
    done = ada.post(f"/moderate/replies/{reply.id}", **spam)
    undo = form_of(ada.get(done.headers["Location"]).text, "/moderate/undo")
    backup.restore()
    other = approval_of(bob.get().text, reply) | {"action": "trash"}
    assert bob.post(f"/moderate/replies/{reply.id}", **other).status_code == 303
    number = undo["event"].partition("-")[0]
    assert f'value="{number}-' in bob.get("/moderate/history").text
    answer = ada.post("/moderate/undo", **undo)
    assert answer.status_code == 409
    assert "This page is from before the last update or restore." in answer.text
    assert stored(service.db, reply.id).status == "trash"


def test_rules_on_a_page_from_before_a_restore_replace_no_others(
    service: Service, tmp_path: Path
) -> None:
    ada, bob = signed_in(service), signed_in(service, "bob@example.org", "Bob", "admin")
    backup = Backup(service, tmp_path)
    _save_rules(ada, hold_links="1")
    stale = form_of(ada.get("/moderate/settings").text, "/moderate/settings")
    backup.restore()
    _save_rules(bob, hold_all="yes", reject_words="casino")
    answer = ada.post("/moderate/settings", **stale | {"do": "save"})
    assert answer.status_code == 409
    assert stored(service.db, service.submit(comment="At the casino.")).status == "spam"


def _save_rules(editor: Editor, **fields: str) -> None:
    form = form_of(editor.get("/moderate/settings").text, "/moderate/settings")
    assert editor.post("/moderate/settings", **form | {"do": "save"} | fields).status_code == 303


def test_a_ban_on_a_page_from_before_a_restore_lifts_no_other(
    service: Service, tmp_path: Path
) -> None:
    ada, bob = signed_in(service), signed_in(service, "bob@example.org", "Bob", "admin")
    backup = Backup(service, tmp_path)
    _ban(ada, "address", "old@example.net")
    lift = form_of(ada.get("/moderate/settings").text, "/moderate/settings/bans/lift")
    backup.restore()
    _ban(bob, "word", "casino")
    answer = ada.post("/moderate/settings/bans/lift", **lift)
    assert answer.status_code == 409
    assert "This page shows another ban under that number." in answer.text
    assert stored(service.db, service.submit(comment="At the casino.")).status == "spam"


def _ban(editor: Editor, kind: str, value: str) -> None:
    fields = {"ban-kind": kind, "ban-value": value, "ban-note": "", "ban-expires": ""}
    answer = editor.post("/moderate/settings/bans", token=editor.token, **fields)
    assert answer.status_code == 303
