"""What authors do with their own replies: look, edit, remove, ask the editors."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from comments_service.domain.actor import Actor
from comments_service.domain.bans import NewBan
from comments_service.domain.rules import Rules
from comments_service.services import moderation, site_rules
from comments_service.services.pages import the_site
from comments_service.store import events
from tests.running import Service, reply, running_service, token_of, version_of
from tests.service.pages import Page, dump, signed_in, stored

EDITOR = Actor("Mara")


def link_of(service: Service, **fields: str) -> str:
    """Post a reply; return its private link."""
    answer = service.post(**fields)
    assert answer.status_code == 303, answer.text
    return service.url + answer.headers["Location"]


def id_of(link: str) -> str:
    return link.split("/")[5]


def get(link: str, **headers: str) -> requests.Response:
    return requests.get(link, headers=headers, timeout=30, allow_redirects=False)


def post(link: str, **fields: str) -> requests.Response:
    return requests.post(link, data=fields, timeout=30, allow_redirects=False)


def edit(link: str, text: str, **more: str) -> requests.Response:
    """Open the form, type another text, save."""
    fields = Page(get(link + "/edit").text).fields
    return post(link + "/edit", **{**fields, "comment": text, **more})


def decide(service: Service, link: str, action: str, was: str = "pending", told: str = "") -> None:
    moderation.decide(
        service.db,
        id_of(link),
        action,
        by=EDITOR,
        expected=was,
        version=version_of(service.db, id_of(link)),
        now=service.clock(),
        decline_reason=told,
    )


def heading(link: str) -> str:
    return Page(get(link).text).one("h1").text


def no_rules(service: Service) -> None:
    """Publish whatever nothing speaks against."""
    with service.db.write() as connection:
        site = the_site(connection)
        rules = Rules(hold_all=False)
        site_rules.save(connection, site, rules, version=0, by=EDITOR, now=service.clock())


# ---- what became of it ----


def test_the_page_tells_each_thing_that_can_become_of_a_reply(service: Service) -> None:
    link = link_of(service)
    assert heading(link) == "Your reply is awaiting moderation"
    decide(service, link, "approve")
    assert heading(link) == "Your reply is approved"
    assert "on its way to the page" in get(link).text
    report(service, written=True, live=False)
    page = get(link).text
    assert "Your reply is published" in page
    assert f"/networking/#comment-{id_of(link)}" in page
    report(service, written=True, live=True)
    assert "where everybody can read it" in get(link).text
    decide(service, link, "spam", was="approved")
    assert heading(link) == "Your reply is not published"
    decide(service, link, "trash", was="spam", told="We take no links to shops.")
    assert "We take no links to shops." in get(link).text
    decide(service, link, "pending", was="trash")
    assert "We take no links to shops." not in get(link).text


def report(service: Service, *, written: bool, live: bool) -> None:
    changes = service.api("GET", "/changes?since=0").json()
    revision = changes["latest"]
    one = {"key": "networking", "written": revision, "live": revision if live else None}
    service.api(
        "PUT",
        "/published",
        json={"epoch": changes["epoch"], "complete": False, "pages": [one], "stalled": []},
    ).raise_for_status()


def test_a_page_that_cannot_be_written_is_told_without_its_cause(service: Service) -> None:
    link = link_of(service)
    decide(service, link, "approve")
    changes = service.api("GET", "/changes?since=0").json()
    stalled = [{"key": "networking", "why": "output/networking cannot be written"}]
    body = {"epoch": changes["epoch"], "complete": False, "pages": [], "stalled": stalled}
    service.api("PUT", "/published", json=body).raise_for_status()
    told = get(link).text
    assert "The editors are told" in told
    assert "output/" not in told


def test_looking_changes_nothing(service: Service) -> None:
    link = link_of(service)
    before = dump(service.db)
    for path in ("", "/edit", "/remove", "/ask"):
        assert get(link + path).status_code == 200
        assert requests.head(link + path, timeout=30).status_code == 200
    assert dump(service.db) == before


def test_the_script_gets_the_same_as_json(service: Service) -> None:
    link = link_of(service, comment="Hello *there*.")
    told = get(link, Accept="application/json")
    body = told.json()
    assert told.headers["Cache-Control"] == "no-store"
    assert (body["id"], body["state"], body["parent"]) == (id_of(link), "pending", None)
    assert service.url + body["link"] == link
    assert "<em>there</em>" in body["html"]
    assert "Your reply is awaiting moderation" in body["html"]
    assert "ann.okoye@example.org" not in told.text


# ---- editing ----


def test_a_pending_reply_is_edited_and_stays_pending(service: Service) -> None:
    link = link_of(service)
    assert edit(link, "I bring *two* questions.").status_code == 303
    kept = stored(service.db, id_of(link))
    assert (kept.status, kept.text) == ("pending", "I bring *two* questions.")
    assert kept.html == "<p>I bring <em>two</em> questions.</p>\n"
    with service.db.read() as connection:
        entry = events.last_of(connection, id_of(link))
    assert entry is not None
    assert (entry.actor, entry.action) == ("the author", "edit")
    assert entry.before == {"text": "I bring one question and leave after two talks."}


def test_what_was_published_goes_back_to_the_editors(service: Service) -> None:
    link = link_of(service)
    decide(service, link, "approve")
    assert "I bring one" in service.api("GET", "/discussions/networking").text
    assert edit(link, "Buy my pills.").status_code == 303
    assert stored(service.db, id_of(link)).status == "pending"
    assert "edited" in stored(service.db, id_of(link)).reasons
    told = service.api("GET", "/discussions/networking").text
    assert "pills" not in told
    assert "I bring one" not in told


def test_an_edit_is_published_at_once_only_where_a_new_reply_would_be(service: Service) -> None:
    no_rules(service)
    link = link_of(service)
    assert stored(service.db, id_of(link)).status == "approved"
    assert edit(link, "I bring two questions.").status_code == 303
    assert stored(service.db, id_of(link)).status == "approved"
    assert "two questions" in service.api("GET", "/discussions/networking").text
    # What would be held as a new reply is held as an edit.
    assert edit(link, "Write to ann.okoye@example.org.").status_code == 303
    kept = stored(service.db, id_of(link))
    assert kept.status == "pending"
    assert "own-address" in kept.reasons
    assert "ann.okoye" not in service.api("GET", "/discussions/networking").text
    with pytest.raises(Exception, match="cannot be approved"):
        decide(service, link, "approve")


def test_an_address_that_an_edit_hides_in_markup_cannot_be_approved(service: Service) -> None:
    link = link_of(service)
    assert edit(link, "Write to an*n*.okoye@example.org!").status_code == 303
    with pytest.raises(Exception, match="cannot be approved"):
        decide(service, link, "approve")


def test_an_editor_takes_an_authors_edit_back(service: Service) -> None:
    link = link_of(service)
    decide(service, link, "approve")
    before = stored(service.db, id_of(link))
    edit(link, "Something else.")
    with service.db.read() as connection:
        entry = events.last_of(connection, id_of(link), "edit")
    assert entry is not None
    moderation.undo(service.db, entry.seq, by=EDITOR, now=service.clock())
    after = stored(service.db, id_of(link))
    assert (after.text, after.status, after.reasons) == (before.text, "approved", before.reasons)


def test_what_is_wrong_with_an_edit_is_said_and_the_text_kept(service: Service) -> None:
    link = link_of(service)
    for text, words in (
        ("", "Enter a comment"),
        (">", "Enter a comment"),
        ("x" * 10_001, "10,000 characters or fewer"),
        ("I bring one question and leave after two talks.", "Change the text"),
    ):
        answer = edit(link, text)
        assert answer.status_code == 422
        page = Page(answer.text)
        assert page.one("title").text.startswith("Error: ")
        assert words in dict(page.summary)["#comment"]
        assert page.fields["comment"] == text
    assert stored(service.db, id_of(link)).version == 0


def test_a_preview_of_an_edit_stores_nothing_and_keeps_everything(service: Service) -> None:
    link = link_of(service)
    before = dump(service.db)
    answer = edit(link, "I bring *two*.", preview="yes")
    assert answer.status_code == 200
    assert "<em>two</em>" in answer.text
    assert Page(answer.text).fields == {"comment": "I bring *two*.", "was": "pending"} | {
        "version": token_of(service.db, id_of(link))
    }
    assert dump(service.db) == before


def test_an_editor_who_decided_meanwhile_is_told_and_nothing_typed_is_lost(
    service: Service,
) -> None:
    link = link_of(service)
    form = Page(get(link + "/edit").text).fields | {"comment": "My *other* text."}
    decide(service, link, "approve")
    answer = post(link + "/edit", **form)
    assert answer.status_code == 409
    page = Page(answer.text)
    assert "An editor published your reply" in dict(page.summary)["#comment"]
    assert page.fields["comment"] == "My *other* text."
    # Saving that page again is the author's answer to it.
    assert post(link + "/edit", **page.fields).status_code == 303
    assert stored(service.db, id_of(link)).text == "My *other* text."


def test_an_editor_who_edited_meanwhile_is_not_overwritten_unseen(service: Service) -> None:
    link = link_of(service)
    form = Page(get(link + "/edit").text).fields | {"comment": "Mine."}
    now = service.clock()
    moderation.edit(service.db, id_of(link), "Theirs.", by=EDITOR, version=0, now=now)
    answer = post(link + "/edit", **form)
    assert answer.status_code == 409
    assert "Theirs." in answer.text
    assert Page(answer.text).fields["comment"] == "Mine."
    assert stored(service.db, id_of(link)).text == "Theirs."


def test_a_declined_reply_is_not_edited_and_the_text_is_kept(service: Service) -> None:
    link = link_of(service)
    form = Page(get(link + "/edit").text).fields | {"comment": "My *other* text."}
    decide(service, link, "trash")
    answer = post(link + "/edit", **form)
    assert answer.status_code == 409
    assert "My *other* text." in answer.text
    assert "An editor decided about your reply" in answer.text
    assert stored(service.db, id_of(link)).version == 0


# ---- the window ----


def test_after_the_window_the_editors_are_asked(service: Service) -> None:
    link = link_of(service)
    form = Page(get(link + "/edit").text).fields | {"comment": "My *other* text."}
    service.clock.forward(minutes=14, seconds=59)
    assert get(link + "/edit").status_code == 200
    service.clock.forward(seconds=1)
    for path in ("/edit", "/remove"):
        assert get(link + path).headers["Location"] in link
    answer = post(link + "/edit", **form)
    assert answer.status_code == 409
    assert "My *other* text." in answer.text
    assert "ask the editors" in answer.text
    assert post(link + "/remove", was="pending").status_code == 409
    page = get(link).text
    assert "/edit" not in page
    assert "/ask" in page
    assert stored(service.db, id_of(link)).status == "pending"


@pytest.fixture
def without_window(tmp_path: Path) -> Iterator[Service]:
    with running_service(tmp_path, edit_minutes=0) as running:
        running.register("networking")
        yield running


def test_a_window_of_zero_leaves_asking_only(without_window: Service) -> None:
    link = link_of(without_window)
    assert "/edit" not in get(link).text
    assert edit(link, "Other.").status_code == 409
    assert stored(without_window.db, id_of(link)).version == 0


# ---- removing ----


def test_removing_asks_first_and_takes_the_reply_off_the_page(service: Service) -> None:
    link = link_of(service)
    decide(service, link, "approve")
    asked = Page(get(link + "/remove").text)
    assert "Remove your reply?" in asked.one("h1").text
    assert stored(service.db, id_of(link)).status == "approved"
    assert post(link + "/remove", **asked.fields).status_code == 303
    assert heading(link) == "You removed your reply"
    assert service.api("GET", "/discussions/networking").json()["comments"] == []
    # The second of two clicks.
    assert post(link + "/remove", **asked.fields).status_code == 303
    assert "/edit" not in get(link).text


def test_editors_take_a_removal_back(service: Service) -> None:
    link = link_of(service)
    post(link + "/remove", was="pending")
    with service.db.read() as connection:
        entry = events.last_of(connection, id_of(link))
    assert entry is not None
    assert (entry.actor, entry.action) == ("the author", "remove")
    moderation.undo(service.db, entry.seq, by=EDITOR, now=service.clock())
    assert heading(link) == "Your reply is awaiting moderation"


def test_what_an_editor_trashed_is_not_told_as_the_authors_removal(service: Service) -> None:
    link = link_of(service)
    decide(service, link, "trash")
    assert heading(link) == "Your reply is not published"


# ---- asking the editors ----


def test_what_is_asked_stands_in_the_queue_until_it_is_settled(service: Service) -> None:
    link = link_of(service)
    decide(service, link, "approve")
    revision = stored(service.db, id_of(link)).revision
    service.clock.forward(days=1)
    assert post(link + "/ask", kind="remove", words="I lost my <b>job</b>.").status_code == 303
    assert "You asked the editors to remove it" in get(link).text
    editor = signed_in(service)
    assert "1 change request" in editor.get("/moderate/").text
    listed = editor.get("/moderate/?status=any&reason=author_request").text
    assert "I lost my &lt;b&gt;job&lt;/b&gt;." in listed
    assert "asks you to remove" in listed
    # Readers see nothing of it: no page is written.
    assert stored(service.db, id_of(link)).revision == revision
    editor.decide(id_of(link), "settle")
    assert "asks you to" not in editor.get("/moderate/?status=any").text
    assert "You asked the editors" not in get(link).text


def test_asking_for_the_same_twice_is_asking_once(service: Service) -> None:
    link = link_of(service)
    post(link + "/ask", kind="edit", words="It is Tuesday.")
    before = dump(service.db)
    assert post(link + "/ask", kind="edit", words=" It is Tuesday. ").status_code == 303
    assert dump(service.db) == before


def test_who_has_asked_ten_times_within_a_day_is_told_when_to_ask_again(service: Service) -> None:
    link, other = link_of(service), link_of(service, comment="Another one.")
    for number in range(10):
        answer = post(link + "/ask", kind="edit", words=f"It is day {number}.")
        assert answer.status_code == 303
        service.clock.forward(hours=1)
    before = dump(service.db)
    # The same as last time writes nothing, so it is not too much either.
    assert post(link + "/ask", kind="edit", words="It is day 9.").status_code == 303
    refused = post(link + "/ask", kind="remove", words="No, <b>away</b> with it.")
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == str(14 * 3600)
    assert "You have asked ten times within a day. Ask again tomorrow." in refused.text
    assert "No, &lt;b&gt;away&lt;/b&gt; with it." in refused.text
    assert dump(service.db) == before
    # Nobody else pays for it, and what an editor settles makes no room.
    assert post(other + "/ask", kind="edit", words="It is Tuesday.").status_code == 303
    signed_in(service).decide(id_of(link), "settle")
    assert post(link + "/ask", kind="edit", words="Once more.").status_code == 429
    service.clock.forward(hours=14, seconds=1)
    assert post(link + "/ask", kind="remove", words="Away with it.").status_code == 303
    assert post(link + "/ask", kind="edit", words="Once more.").status_code == 429


def test_what_is_wrong_with_a_question_is_said_beside_its_field(service: Service) -> None:
    link = link_of(service)
    answer = post(link + "/ask", kind="burn", words=" ")
    assert answer.status_code == 422
    assert Page(answer.text).problems == ["#kind", "#words"]
    answer = post(link + "/ask", kind="edit", words="x" * 1_001)
    assert "1,000 characters or fewer" in answer.text
    assert "x" * 1_001 in answer.text
    assert stored(service.db, id_of(link)).author_request is None


def test_trashing_what_its_author_wants_gone_settles_the_question(service: Service) -> None:
    link = link_of(service)
    post(link + "/ask", kind="remove", words="Gone, if you can.")
    decide(service, link, "trash")
    assert stored(service.db, id_of(link)).author_request is None


def test_erasing_takes_the_words_out_of_the_log_too(service: Service) -> None:
    link = link_of(service)
    post(link + "/ask", kind="remove", words="I lost my job.")
    decide(service, link, "trash", told="As you like.")
    moderation.erase(service.db, id_of(link), by=EDITOR, now=service.clock())
    assert "I lost my job." not in repr(dump(service.db))
    assert "As you like." not in repr(dump(service.db))
    assert get(link).status_code == 404


# ---- whose it is ----


def test_whether_a_guessed_address_is_a_published_replys_is_not_told(service: Service) -> None:
    """All but the address of a published reply is known to everybody."""
    link = link_of(service)
    decide(service, link, "approve")
    service.clock.forward(seconds=11)
    right, wrong = link_of(service), link_of(service, email="guess@example.org")
    assert id_of(right) != id_of(link)
    for guess in (right, wrong):
        assert "awaiting moderation" in get(guess).text
        # The same again leads to what the guess itself made, whichever it was.
    assert [link_of(service), link_of(service, email="guess@example.org")] == [right, wrong]


def test_a_published_reply_that_is_sent_twice_by_a_double_click_is_one(service: Service) -> None:
    link = link_of(service)
    decide(service, link, "approve")
    service.clock.forward(seconds=9)
    assert link_of(service) == link


def test_what_was_removed_can_be_posted_again(service: Service) -> None:
    link = link_of(service)
    assert post(link + "/remove", was="pending").status_code == 303
    again = link_of(service)
    assert again != link
    assert "awaiting moderation" in get(again).text


def test_a_resend_after_an_edit_is_of_the_text_as_it_is_now(service: Service) -> None:
    link = link_of(service)
    version = token_of(service.db, id_of(link))
    edited = {"was": "pending", "version": version, "comment": "I bring two."}
    assert post(link + "/edit", **edited).status_code == 303
    assert link_of(service, comment="I bring two.") == link
    assert link_of(service) != link


def test_the_second_of_two_clicks_on_save_is_no_conflict(service: Service) -> None:
    link = link_of(service)
    version = token_of(service.db, id_of(link))
    edited = {"was": "pending", "version": version, "comment": "I bring two."}
    assert post(link + "/edit", **edited).status_code == 303
    again = post(link + "/edit", **edited)
    assert again.status_code == 303
    assert again.headers["Location"].endswith(link.partition("/comments/")[2])


def test_a_resend_of_what_was_never_public_is_its_authors(service: Service) -> None:
    link = link_of(service)
    service.clock.forward(minutes=5)
    assert link_of(service) == link


def test_a_wrong_link_opens_nothing(service: Service) -> None:
    link, other = link_of(service), link_of(service, comment="Another one.")
    mixed = "/".join([*link.split("/")[:5], id_of(other), link.split("/")[6]])
    for path in ("", "/edit", "/remove", "/ask"):
        assert get(mixed + path).status_code == 404
        assert get(link[:-1] + path).status_code == 404
    for path in ("/edit", "/remove", "/ask"):
        assert post(mixed + path, was="pending", version="0", comment="x").status_code == 404


def test_another_sites_form_changes_nothing(service: Service) -> None:
    link = link_of(service)
    for path in ("/edit", "/remove", "/ask"):
        answer = requests.post(
            link + path,
            data={"was": "pending", "version": "0", "comment": "x", "kind": "edit", "words": "x"},
            headers={"Origin": "https://evil.example"},
            timeout=30,
        )
        assert answer.status_code == 403
    assert stored(service.db, id_of(link)).version == 0


def test_a_database_that_is_busy_keeps_the_edited_text(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    from comments_service.domain.errors import Unavailable
    from comments_service.services import author_actions

    link = link_of(service)

    def away(*_: object, **__: object) -> None:
        raise Unavailable("locked")

    monkeypatch.setattr(author_actions, "edit", away)
    answer = edit(link, "My *other* text.")
    assert answer.status_code == 503
    assert Page(answer.text).fields["kept"] == "My *other* text."


def test_the_page_says_how_many_minutes_are_left_to_edit(service: Service) -> None:
    link = link_of(service)
    assert "for 15 more minutes, until" in get(link).text
    service.clock.forward(minutes=14, seconds=30)
    assert "for 1 more minute, until" in get(link).text
    service.clock.forward(minutes=1)
    assert "more minute" not in get(link).text


# ---- where an edit comes from, and what editors did before it ----

HERE, ELSEWHERE = "203.0.113.5", "198.51.100.7"


@pytest.fixture(name="behind_proxy")
def _behind_proxy(tmp_path: Path) -> Iterator[Service]:
    with running_service(tmp_path, trusted_proxies="127.0.0.1") as service:
        service.register("networking")
        yield service


def ban_network(service: Service, value: str) -> None:
    with service.db.write() as connection:
        new = NewBan("network", value, "", None)
        site_rules.ban(connection, the_site(connection), new, by=EDITOR, now=service.clock())


def posted_from(service: Service, client: str) -> str:
    """Post a reply from that address; return its private link."""
    answer = requests.post(
        f"{service.url}/comments/networking",
        data=reply(),
        headers={"X-Forwarded-For": client},
        allow_redirects=False,
        timeout=30,
    )
    return service.url + answer.headers["Location"]


def edit_from(link: str, client: str, text: str) -> requests.Response:
    fields = Page(get(link + "/edit").text).fields | {"comment": text}
    headers = {"X-Forwarded-For": client}
    return requests.post(
        link + "/edit", data=fields, headers=headers, timeout=30, allow_redirects=False
    )


@pytest.mark.parametrize("kept", ["full", "none"])
@pytest.mark.parametrize("banned", [HERE, ELSEWHERE])
def test_an_edit_is_judged_by_both_networks(behind_proxy: Service, banned: str, kept: Any) -> None:
    service = behind_proxy
    with service.db.write() as connection:
        rules = Rules(hold_all=False, keep_network=kept)
        site = the_site(connection)
        site_rules.save(connection, site, rules, version=0, by=EDITOR, now=service.clock())
    link = posted_from(service, HERE)
    assert edit_from(link, ELSEWHERE, "I bring two.").status_code == 303
    assert stored(service.db, id_of(link)).status == "approved"
    ban_network(service, banned)
    assert edit_from(link, ELSEWHERE, "Buy my pills.").status_code == 303
    found = stored(service.db, id_of(link))
    if banned == HERE and kept == "none":
        # Nobody knows any more that it came from there.
        assert found.status == "approved"
    else:
        assert (found.status, found.reasons) == ("pending", ["banned-network:ban 1", "edited"])
        assert "pills" not in service.api("GET", "/discussions/networking").text


def edit_as_editor(service: Service, link: str, text: str) -> int:
    return moderation.edit(
        service.db,
        id_of(link),
        text,
        by=EDITOR,
        version=version_of(service.db, id_of(link)),
        now=service.clock(),
    ).seq


SPAM = "I bring one question. Buy my pills!"


def test_an_author_does_not_put_back_what_an_editor_edited_out(service: Service) -> None:
    no_rules(service)
    link = link_of(service, comment=SPAM)
    assert "waits for an editor" not in get(link + "/edit").text
    edit_as_editor(service, link, "I bring one question.")
    assert "it waits for an editor" in get(link + "/edit").text
    assert edit(link, SPAM).status_code == 303
    found = stored(service.db, id_of(link))
    assert (found.status, found.reasons) == ("pending", ["edited"])
    assert heading(link) == "Your reply is awaiting moderation"
    assert "pills" not in service.api("GET", "/discussions/networking").text
    # Nor by a detour over a text that an editor approves.
    edit(link, "I bring two questions.")
    decide(service, link, "approve")
    assert edit(link, SPAM).status_code == 303
    assert stored(service.db, id_of(link)).status == "pending"


def test_an_author_does_not_edit_what_an_editor_took_back(service: Service) -> None:
    no_rules(service)
    link = link_of(service)
    edit(link, SPAM)
    with service.db.read() as connection:
        entry = events.last_of(connection, id_of(link), "edit")
    assert entry is not None
    moderation.undo(service.db, entry.seq, by=EDITOR, now=service.clock())
    edit(link, SPAM)
    assert stored(service.db, id_of(link)).status == "pending"


def test_an_edit_of_a_pinned_reply_waits_for_an_editor(service: Service) -> None:
    no_rules(service)
    link = link_of(service)
    for on in (True, False):
        moderation.mark(service.db, id_of(link), "pinned", on=on, by=EDITOR, now=service.clock())
        assert ("it waits for an editor" in get(link + "/edit").text) is on
        if on:
            edit(link, SPAM)
            assert stored(service.db, id_of(link)).status == "pending"
            decide(service, link, "approve")
    edit(link, "I bring two questions.")
    assert stored(service.db, id_of(link)).status == "approved"


def test_an_edit_of_what_an_editor_approved_is_judged_by_the_rules(service: Service) -> None:
    with service.db.write() as connection:
        rules = Rules(hold_all=False, hold_words=("pills",))
        site = the_site(connection)
        site_rules.save(connection, site, rules, version=0, by=EDITOR, now=service.clock())
    link = link_of(service, comment=SPAM)
    decide(service, link, "approve")
    edit(link, "I bring two questions.")
    assert stored(service.db, id_of(link)).status == "approved"
    edit(link, SPAM)
    assert stored(service.db, id_of(link)).status == "pending"
