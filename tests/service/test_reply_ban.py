"""A ban made from a reply: by editors too, logged, undone, and what waits that it catches."""

import re

import pytest
from sqlalchemy import select

from comments_service.store.tables import ban, event
from tests.running import Service, token_of
from tests.service.pages import Editor, Page, signed_in, stored


def _ban(editor: Editor, public_id: str, what: str, **more: str) -> str:
    answer = editor.post(
        f"/moderate/replies/{public_id}/ban", token=editor.token, what=what, list="status=pending",
        **more,
    )  # fmt: skip
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def _bans(service: Service) -> list[tuple[str, str, str, bool]]:
    with service.db.read() as connection:
        return [
            (one.kind, one.value, one.note, one.lifted_at is not None)
            for one in connection.execute(select(ban).order_by(ban.c.id))
        ]


def test_the_form_offers_what_is_known_and_no_address_is_in_an_address(service: Service) -> None:
    editor = signed_in(service, role="editor")
    public_id = service.submit(email="Mallory@Spam.example", author="Mallory")
    path = f"/moderate/replies/{public_id}/ban"
    links = [one.attributes["href"] for one in Page(editor.get().text).all("a")]
    assert f"{path}?list=status%3Dpending" in links
    page = Page(editor.get(f"{path}?list=status%3Dpending").text)
    labels = " ".join(one.text for one in page.all("label"))
    assert "mallory@spam.example" in labels.lower()
    assert "@spam.example" in labels.lower()
    assert "127.0.0.0/24" in labels
    assert {one.attributes["value"] for one in page.all("input", name="what")} == {
        "address", "domain", "network",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("what", "kind", "value"),
    [
        ("address", "address", "mallory@spam.example"),
        ("domain", "address", "@spam.example"),
        ("network", "network", "127.0.0.0/24"),
    ],
)
def test_an_editor_bans_from_a_reply_and_takes_it_back(
    service: Service, what: str, kind: str, value: str
) -> None:
    editor = signed_in(service, role="editor")
    public_id = service.submit(email="Mallory@Spam.example")
    leads = _ban(editor, public_id, what, note="Casino.")
    assert "spam.example" not in leads
    assert _bans(service) == [(kind, value, "Casino.", False)]
    with service.db.read() as connection:
        entry = connection.execute(select(event).where(event.c.action == "ban")).one()
    assert entry.actor == "Edith"
    assert "spam.example" not in str((entry.before, entry.after))
    again = service.submit(email="mallory@spam.example", comment="Once more.")
    assert stored(service.db, again).status == "spam"
    editor.undo(entry.seq)
    assert _bans(service)[0][3] is True


@pytest.mark.parametrize(
    ("what", "caught"),
    [("address", {"first", "same"}), ("domain", {"first", "same", "domain", "longer"})],
)
def test_the_waiting_replies_that_it_catches_are_offered(
    service: Service, what: str, caught: set[str]
) -> None:
    editor = signed_in(service, role="editor")
    senders = {
        "first": "mallory@spam.example",
        "same": "Mallory@spam.example",
        "domain": "other@spam.example",
        # Begins like the first one, and is another address.
        "longer": "mallory@spam.example.spam.example",
        "else": "ann@example.org",
    }
    ids = {
        name: service.submit(email=email, comment=f"By {name}.") for name, email in senders.items()
    }
    if what == "domain":
        # A domain bans its own addresses, not those of domains below it.
        caught = caught - {"longer"}
    shown = editor.get(_ban(editor, ids["first"], what)).text
    assert "Banned" in shown
    found = re.search(r'href="(/moderate/\?[^"]*ban=[0-9]+[^"]*)"', shown)
    assert found is not None
    assert "spam.example" not in found[1]
    assert f"{len(caught)} waiting replies match" in Page(shown).one("main").text
    listed = editor.get(found[1].replace("&amp;", "&")).text
    assert {name for name, one in ids.items() if f'id="reply-{one}"' in listed} == caught
    # What is done in bulk from there reaches these replies only.
    fields = {one.attributes["name"]: one.attributes.get("value", "") for one in
              Page(listed).all("input") if one.attributes.get("name") in {"list"}}  # fmt: skip
    asked = editor.post(
        "/moderate/bulk", token=editor.token, scope="all", action="spam", list=fields["list"]
    )
    confirm = {
        one.attributes["name"]: one.attributes["value"]
        for one in Page(asked.text).all("input", type="hidden")
    }
    editor.post("/moderate/bulk/all", **confirm)
    for name, one in ids.items():
        assert (stored(service.db, one).status == "spam") == (name in caught)


def test_a_ban_that_catches_nothing_else_offers_nothing(service: Service) -> None:
    editor = signed_in(service)
    public_id = service.submit(email="mallory@spam.example")
    editor.decide(public_id, "spam")
    shown = editor.get(_ban(editor, public_id, "address")).text
    assert "Banned" in shown
    assert "ban=" not in shown


def test_what_cannot_be_banned_is_said_in_the_form(service: Service) -> None:
    editor = signed_in(service)
    public_id = service.submit(email="mallory@spam.example")
    path = f"/moderate/replies/{public_id}/ban"

    def post(**fields: str) -> tuple[int, str]:
        answer = editor.post(path, token=editor.token, list="status=pending", **fields)
        return answer.status_code, Page(answer.text).one("main").text

    assert post(what="planet")[0] == 422
    status, text = post(what="address", note="n" * 301)
    assert (status, "Shorten the note" in text) == (422, True)
    status, text = post(what="address", expires="2020-01-01")
    assert (status, "Enter a day after today" in text) == (422, True)
    _ban(editor, public_id, "address", expires="2027-01-01")
    status, text = post(what="address")
    assert (status, "banned already" in text) == (409, True)
    assert len(_bans(service)) == 1


def test_an_editors_own_reply_offers_no_ban(service: Service) -> None:
    editor = signed_in(service)
    public_id = service.submit()
    editor.post(
        f"/moderate/replies/{public_id}/answer", token=editor.token, was="pending",
        version=token_of(service.db, public_id), comment="Hm.",
    )  # fmt: skip
    listed = editor.get("/moderate/?status=approved").text
    own = next(one for one in re.findall(r'id="reply-([0-9a-z]{26})"', listed) if one != public_id)
    assert f"/moderate/replies/{own}/ban" not in listed
    assert editor.get(f"/moderate/replies/{own}/ban").status_code == 409
