"""The settings page: nothing typed is lost, the second editor is told, trying saves nothing."""

import pytest
import requests

from comments_service.domain.content_token import content_token
from comments_service.domain.rules import Rules
from comments_service.services import site_rules
from comments_service.services.pages import the_site
from comments_service.web.moderation import settings
from tests.running import Service
from tests.service.pages import Editor, Page, dump, number_of, signed_in, stored

GOOD = {
    "hold_links": "",
    "hold_words": "",
    "reject_words": "",
    "close_after_days": "",
    "keep_network": "prefix",
    "network_days": "90",
}


DEFAULT = Rules()


def shown_as(version: int, rules: Rules) -> str:
    """The token of a page that shows these rules."""
    return content_token(version, rules.model_dump(mode="json"))


def send(
    editor: Editor, do: str = "save", version: int = 0, rules: Rules = DEFAULT, **fields: str
) -> requests.Response:
    """Send the form of a page that showed these rules in that version."""
    form = GOOD | {"do": do, "version": shown_as(version, rules)} | fields
    return editor.post("/moderate/settings", token=editor.token, **form)


def in_force(service: Service) -> Rules:
    with service.db.read() as connection:
        return site_rules.in_force(connection, the_site(connection)).rules


def test_the_form_saves_what_it_says_with_its_undo(service: Service) -> None:
    editor = signed_in(service)
    fresh = Page(editor.get("/moderate/settings").text)
    assert "checked" in fresh.by_id("hold_all").attributes
    assert "checked" not in fresh.by_id("trust_verified").attributes
    done = send(editor, hold_links="2", hold_words="Casino\r\n赌博", keep_network="none")
    assert done.status_code == 303
    assert in_force(service) == Rules(
        hold_all=False, hold_links=2, hold_words=("Casino", "赌博"), keep_network="none"
    )
    page = editor.get(done.headers["Location"])
    assert "Changed the rules." in page.text
    shown = Page(page.text)
    assert shown.by_id("hold_words").text.strip() == "Casino\n赌博"
    assert "checked" in shown.by_id("keep-none").attributes
    assert editor.undo(number_of(done)).status_code == 303
    assert in_force(service) == Rules()
    history = editor.get("/moderate/history")
    assert "Hold every reply" in history.text
    assert history.status_code == 200


def test_problems_are_told_by_field_and_nothing_typed_is_lost(service: Service) -> None:
    editor = signed_in(service)
    typed = "x" * 101 + "\r\n<b>kept</b>"
    answer = send(
        editor, hold_links="many", hold_words=typed, network_days="", trust_verified="yes"
    )
    assert answer.status_code == 422
    page = Page(answer.text)
    assert page.one("title").text.startswith("Error: ")
    links = [one.attributes["href"] for one in page.all("a")]
    for name in ("hold_links", "hold_words", "network_days"):
        assert f"#{name}" in links
        field = page.by_id(name)
        assert field.attributes["aria-invalid"] == "true"
        assert f"{name}-error" in field.attributes["aria-describedby"]
        assert page.by_id(f"{name}-error").text
    assert page.by_id("hold_links").attributes["value"] == "many"
    assert "<b>kept</b>" in page.by_id("hold_words").text
    assert "checked" in page.by_id("trust_verified").attributes
    assert "checked" not in page.by_id("hold_all").attributes
    assert in_force(service) == Rules()


def test_the_second_of_two_editors_is_told_and_keeps_the_form(service: Service) -> None:
    first = signed_in(service)
    second = signed_in(service, "olaf@example.org", "Olaf <b>", "admin")
    send(second, hold_all="yes", hold_words="casino")
    answer = send(first, hold_all="yes", hold_links="3")
    assert answer.status_code == 409
    page = Page(answer.text)
    assert "Olaf &lt;b&gt; saved other rules" in answer.text
    assert "casino" in page.one("div", **{"class": "error-summary"}).text
    assert page.by_id("hold_links").attributes["value"] == "3"
    saved = Rules(hold_words=("casino",))
    assert page.one("input", name="version").attributes["value"] == shown_as(1, saved)
    assert in_force(service) == Rules(hold_words=("casino",))
    assert send(first, version=1, rules=saved, hold_all="yes", hold_links="3").status_code == 303
    assert in_force(service) == Rules(hold_links=3)


def test_saving_the_same_again_is_no_entry_of_the_log(service: Service) -> None:
    editor = signed_in(service)
    before = dump(service.db)["event"]
    done = send(editor, hold_all="yes")
    assert "Nothing to save" in editor.get(done.headers["Location"]).text
    assert dump(service.db)["event"] == before


def test_trying_shows_what_would_change_and_saves_nothing(service: Service) -> None:
    editor = signed_in(service)
    held = service.submit(comment="At the casino.", author="<i>Ann")
    service.submit(comment="Plain.")
    before = dump(service.db)
    token = editor.token
    answer = editor.post(
        "/moderate/settings", token=token, do="try", version="0", replay="10000",
        **(GOOD | {"reject_words": "casino"}),
    )  # fmt: skip
    assert answer.status_code == 200
    page = Page(answer.text)
    assert "Tried on the last 2 replies" in answer.text
    assert "2 of 2 replies would have had a different result" in answer.text
    assert [one.attributes["href"] for one in page.all("a") if held in one.attributes["href"]]
    assert "It has a word that rejects a reply: casino" in answer.text
    assert "<i>Ann" not in answer.text
    assert page.by_id("reject_words").text.strip() == "casino"
    assert "checked" not in page.by_id("hold_all").attributes
    assert "selected" in page.one("option", value="10000").attributes
    assert dump(service.db) == before


def test_enter_in_a_field_saves_nothing(service: Service) -> None:
    page = Page(signed_in(service).get("/moderate/settings").text)
    values = [one.attributes.get("value") for one in page.all("button", name="do")]
    assert values == ["try", "save"]


def test_a_form_without_its_version_replaces_nothing(service: Service) -> None:
    editor = signed_in(service)
    other = shown_as(0, Rules(hold_links=1))
    for version in ("", "x", "-1", "0", "9" * 30, other):
        form = GOOD | {"do": "save", "version": version}
        answer = editor.post("/moderate/settings", token=editor.token, **form)
        assert answer.status_code == 409
    assert in_force(service) == Rules()


def test_the_longest_lists_fit_into_the_form(service: Service) -> None:
    words = "\n".join("\U00020000" * 99 for _ in range(200)).replace("\n", "\r\n")
    answer = send(signed_in(service), hold_words=words, reject_words=words)
    assert answer.status_code == 303


def test_bans_are_added_shown_and_lifted(service: Service) -> None:
    editor = signed_in(service)
    token = editor.token
    fields = {"ban-kind": "address", "ban-value": "Bad@example.org", "ban-note": "<b>why"}
    done = editor.post("/moderate/settings/bans", token=token, **fields)
    assert done.status_code == 303
    page = editor.get(done.headers["Location"])
    assert "bad@example.org" in page.text
    assert "&lt;b&gt;why" in page.text
    again = editor.post("/moderate/settings/bans", token=token, **fields)
    assert again.status_code == 409
    assert "banned already" in Page(again.text).by_id("ban-value-error").text
    public_id = service.submit(email="bad@example.org")
    assert stored(service.db, public_id).status == "spam"
    spam = editor.get("/moderate/?status=spam").text
    assert "email address is banned: ban 1" in spam
    done = editor.post(
        "/moderate/settings/bans/lift",
        token=token,
        ban=content_token(1, "address", "bad@example.org"),
    )
    page = editor.get(done.headers["Location"])
    assert "Nothing is banned." in page.text
    assert "Lifted a ban." in page.text
    assert editor.get("/moderate/history").status_code == 200
    for number in ("1", "2", "x", "9" * 30):
        answer = editor.post("/moderate/settings/bans/lift", token=token, ban=number)
        assert answer.status_code in {404, 409}


def test_a_ban_that_cannot_be_keeps_what_was_typed(service: Service) -> None:
    editor = signed_in(service)
    answer = editor.post(
        "/moderate/settings/bans",
        token=editor.token,
        **{"ban-kind": "network", "ban-value": "0.0.0.0/0", "ban-note": "all", "ban-expires": "x"},
    )
    assert answer.status_code == 422
    page = Page(answer.text)
    assert page.by_id("ban-value").attributes["value"] == "0.0.0.0/0"
    assert page.by_id("ban-note").attributes["value"] == "all"
    assert page.by_id("ban-expires").attributes["aria-invalid"] == "true"
    assert "checked" in page.by_id("ban-kind-network").attributes


def test_long_lists_of_bans_have_pages(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "BANS_SHOWN", 2)
    editor = signed_in(service)
    token = editor.token
    for word in ("one", "two", "three"):
        fields = {"ban-kind": "word", "ban-value": word}
        editor.post("/moderate/settings/bans", token=token, **fields)
    page = Page(editor.get("/moderate/settings").text)
    [more] = [one for one in page.all("a") if one.text == "Earlier bans"]
    page = Page(editor.get(more.attributes["href"]).text)
    assert [one.attributes["id"] for one in page.all("li") if "id" in one.attributes] == ["ban-1"]
