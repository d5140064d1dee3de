"""Links in editors' mail: one reply, one decision, by that editor, for a while."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import requests
from sqlalchemy import select

from comments_service.store.tables import event, mail_link
from comments_service.web.moderation import outbox
from tests.running import Service, token_of
from tests.service.mail_server import (
    Post,
    disable,
    mailing_service,
    post_office,
    states,
    until,
    wanting,
)
from tests.service.pages import Page, dump, signed_in, stored


class Mailed(NamedTuple):
    service: Service
    post: Post
    editor_id: int
    public_id: str
    url: str

    def get(self) -> requests.Response:
        return requests.get(self.url, timeout=30, allow_redirects=False)

    def press(self, action: str = "approve", **headers: str) -> requests.Response:
        return requests.post(
            self.url,
            data={"action": action, "version": token_of(self.service.db, self.public_id)},
            headers=headers,
            timeout=30,
            allow_redirects=False,
        )


@pytest.fixture(name="mailed")
def _mailed(tmp_path: Path) -> Iterator[Mailed]:
    """A reply and the link that was mailed about it."""
    with post_office() as post, mailing_service(tmp_path, post) as service:
        editor_id = wanting(service)
        service.submit(comment="A reply by *somebody else*.", author="Other")
        public_id = service.submit(comment="A reply with *emphasis*.", email="ann@example.org")
        post.wait(2)
        until(lambda: "emphasis" in post.text())
        yield Mailed(service, post, editor_id, public_id, service.url + post.link())


def test_opening_a_link_shows_the_reply_and_changes_nothing(mailed: Mailed) -> None:
    until(lambda: states(mailed.service.db) == ["sent", "sent"])
    before = dump(mailed.service.db)
    for _ in range(3):
        answer = mailed.get()
        assert answer.status_code == 200
        requests.head(mailed.url, timeout=30)
    assert dump(mailed.service.db) == before
    assert "<em>emphasis</em>" in answer.text
    assert "somebody else" not in answer.text
    assert "ann@example.org" not in answer.text
    buttons = Page(answer.text).all("button")
    assert [one.attributes["value"] for one in buttons] == ["approve", "spam", "trash"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "Sign out" not in answer.text


@pytest.mark.parametrize(
    ("action", "status"), [("approve", "approved"), ("spam", "spam"), ("trash", "trash")]
)
def test_its_button_decides_as_that_editor_once(mailed: Mailed, action: str, status: str) -> None:
    done = mailed.press(action)
    assert (done.status_code, done.headers["Location"]) == (
        303,
        mailed.url.removeprefix(mailed.service.url),
    )
    assert stored(mailed.service.db, mailed.public_id).status == status
    with mailed.service.db.read() as connection:
        query = select(event.c.actor, event.c.editor_id).where(event.c.action == action)
        assert tuple(connection.execute(query).one()) == ("Edith", mailed.editor_id)
    shown = mailed.get()
    assert shown.status_code == 410
    assert "This link was used" in shown.text
    assert f"is {status} now" in shown.text
    assert "emphasis" not in shown.text
    assert 'href="/moderate/"' in shown.text
    signed_in(mailed.service, "other@example.org", "Olaf").decide(
        mailed.public_id, "pending", status
    )
    # Used up for good, though the reply waits again.
    assert mailed.press().status_code == 303
    assert stored(mailed.service.db, mailed.public_id).status == "pending"


def test_a_link_is_too_old_after_a_week(mailed: Mailed) -> None:
    mailed.service.clock.forward(days=7)
    assert mailed.press().status_code == 303
    assert stored(mailed.service.db, mailed.public_id).status == "pending"
    shown = mailed.get()
    assert shown.status_code == 410
    assert "This link has expired" in shown.text
    assert "emphasis" not in shown.text


def test_the_link_of_a_disabled_editor_does_not_work(mailed: Mailed) -> None:
    disable(mailed.service, mailed.editor_id)
    assert mailed.get().status_code == 404
    assert mailed.press().status_code == 404
    assert stored(mailed.service.db, mailed.public_id).status == "pending"


def test_whoever_was_slower_is_told_who_did_what(mailed: Mailed) -> None:
    opened = mailed.get()
    assert "Approve" in opened.text
    olaf = signed_in(mailed.service, "olaf@example.org", "Olaf <b>")
    olaf.decide(mailed.public_id, "trash")
    late = mailed.press()
    assert late.status_code == 409
    assert "Olaf &lt;b&gt; moved this to trash" in late.text
    shown = mailed.get()
    assert shown.status_code == 200
    assert "Olaf &lt;b&gt; moved this to trash" in shown.text
    assert Page(shown.text).all("button") == []
    with mailed.service.db.read() as connection:
        used = connection.execute(select(mail_link.c.used_at)).scalars().all()
    # Nothing was done with it, so it is not used up.
    assert set(used) == {None}


def test_a_foreign_page_cannot_press_the_button(mailed: Mailed) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"},
                    {"Sec-Fetch-Site": "cross-site"}):  # fmt: skip
        assert mailed.press(**headers).status_code == 403
    assert stored(mailed.service.db, mailed.public_id).status == "pending"


@pytest.mark.parametrize("action", ["", "pending", "undo", "x"])
def test_no_other_action_is_done_by_mail(mailed: Mailed, action: str) -> None:
    assert mailed.press(action).status_code == 404
    assert "Approve" in mailed.get().text


def test_a_link_that_never_was_is_not_found(mailed: Mailed) -> None:
    token = mailed.url.rpartition("/")[2]
    for other in (
        token[:-1],
        token[:-1] + ("A" if token[-1] != "A" else "B"),
        "x",
        "%00",
        "é" * 65,
    ):
        for path in (f"/moderate/mail/{other}", f"/comments/confirm/{other}"):
            url = mailed.service.url + path
            assert requests.get(url, timeout=30).status_code == 404
            assert requests.post(url, data={"action": "approve"}, timeout=30).status_code == 404
    # Each link opens its own door only.
    wrong = f"{mailed.service.url}/comments/confirm/{token}"
    assert requests.get(wrong, timeout=30).status_code == 404


def test_the_link_names_the_sites_own_host(mailed: Mailed) -> None:
    requests.post(
        f"{mailed.service.url}/comments/networking",
        data={"comment": "With another host.", "author": "Ann", "email": "a@example.org"},
        headers={"Host": "evil.example"},
        allow_redirects=False,
        timeout=30,
    )
    mailed.post.wait(3)
    assert "evil.example" not in mailed.post.text()


def test_a_reply_that_shows_its_authors_address_is_not_approved_by_mail(mailed: Mailed) -> None:
    db = mailed.service.db
    shown = mailed.service.submit(comment="Write to eve@example.org", email="eve@example.org")
    mailed.post.wait(3)
    url = mailed.service.url + mailed.post.link()
    press = {"action": "approve", "version": token_of(db, shown)}
    answer = requests.post(url, data=press, timeout=30)
    assert answer.status_code == 409
    assert "cannot be approved" in answer.text
    assert requests.get(url, timeout=30).status_code == 200


def test_every_other_door_of_mail_is_behind_the_editors_check() -> None:
    assert outbox.ROUTES
    for route in outbox.ROUTES:
        assert getattr(route.endpoint, "editor_only", False), route.path
