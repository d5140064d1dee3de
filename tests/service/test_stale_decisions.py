"""An editor approves exactly the text that the editor has read, whatever changes meanwhile."""

import re
from pathlib import Path
from typing import NamedTuple

import requests
from sqlalchemy import select

from comments_service.store import events
from comments_service.store.tables import batch_item
from tests.running import Service, token_of
from tests.service.mail_server import mailing_service, post_office, wanting
from tests.service.pages import Editor, Page, number_of, signed_in, stored

HARMLESS, UNREAD = "I bring one question.", "Buy pills at my shop."
APPROVE = 'value="approve"'


class Reply(NamedTuple):
    id: str
    # Its author's private page.
    link: str


def posted(service: Service, text: str = HARMLESS, **fields: str) -> Reply:
    answer = service.post(comment=text, **fields)
    assert answer.status_code == 303, answer.text
    path = answer.headers["Location"]
    return Reply(path.split("/")[3], service.url + path)


def changed_by_its_author(reply: Reply, text: str = UNREAD) -> None:
    form = Page(requests.get(f"{reply.link}/edit", timeout=30).text).fields
    answer = requests.post(
        f"{reply.link}/edit", data=form | {"comment": text}, timeout=30, allow_redirects=False
    )
    assert answer.status_code == 303, answer.text


def form_of(html: str, action: str, holding: str = "") -> dict[str, str]:
    """What a browser would send of the form that goes there."""
    forms = re.findall(
        rf'<form[^>]* method="post" action="{re.escape(action)}".*?</form>', html, re.S
    )
    [found] = [one for one in forms if holding in one]
    return Page(found).fields


def approval_of(html: str, reply: Reply) -> dict[str, str]:
    return form_of(html, f"/moderate/replies/{reply.id}", APPROVE) | {"action": "approve"}


def ticked(html: str, *replies: Reply) -> dict[str, str]:
    boxes = (Page(html).one("input", name=f"select-{one.id}") for one in replies)
    return {one.attributes["name"]: one.attributes["value"] for one in boxes}


def public(service: Service) -> str:
    """All that the site side is given."""
    return service.api("GET", "/changes?since=0").text + str(
        service.api("GET", "/discussions/networking").text
    )


def told_that_it_changed(answer: requests.Response, who: str = "The author") -> None:
    assert answer.status_code == 409
    assert f"{who} changed this reply after you opened the page." in answer.text
    assert "Nothing was published. Here is the new text." in answer.text
    assert UNREAD in answer.text
    assert 'aria-label="Moderation"' in answer.text or "X-Fragment" in answer.headers


# ---- one reply ----


def test_approving_what_was_read_does_not_publish_what_was_not(service: Service) -> None:
    editor = signed_in(service)
    reply = posted(service)
    opened = editor.get().text
    changed_by_its_author(reply)
    answer = editor.post(f"/moderate/replies/{reply.id}", **approval_of(opened, reply))
    assert UNREAD not in public(service)
    told_that_it_changed(answer)
    # The answer's own button approves what it shows.
    again = editor.post(f"/moderate/replies/{reply.id}", **approval_of(answer.text, reply))
    assert again.status_code == 303
    assert UNREAD in public(service)


def test_htmx_gets_the_card_with_the_new_text_and_a_button_for_it(service: Service) -> None:
    editor = signed_in(service)
    reply = posted(service)
    opened = editor.get().text
    changed_by_its_author(reply)
    editor.http.headers["HX-Request"] = "true"
    answer = editor.post(f"/moderate/replies/{reply.id}", **approval_of(opened, reply))
    assert UNREAD not in public(service)
    told_that_it_changed(answer)
    assert answer.text.lstrip().startswith(f'<li class="card pending" id="card-{reply.id}">')
    fields = re.search(r'<div class="verbs">.*?</form>', answer.text, re.S)
    assert fields is not None
    again = Page(fields[0]).fields | {"action": "approve"}
    assert editor.post(f"/moderate/replies/{reply.id}", **again).status_code == 200
    assert UNREAD in public(service)


def test_another_editors_text_has_to_be_read_as_well(service: Service) -> None:
    editor, olaf = signed_in(service), signed_in(service, "olaf@example.org", "Olaf")
    reply = posted(service)
    opened = editor.get().text
    path = f"/moderate/replies/{reply.id}/edit"
    form = form_of(olaf.get(path).text, path)
    assert olaf.post(path, **form | {"comment": UNREAD}).status_code == 303
    answer = editor.post(f"/moderate/replies/{reply.id}", **approval_of(opened, reply))
    assert UNREAD not in public(service)
    told_that_it_changed(answer, "Olaf")


def test_a_form_without_a_version_publishes_nothing(service: Service) -> None:
    editor = signed_in(service)
    reply = posted(service)
    for version in ({}, {"version": ""}, {"version": "x"}, {"version": "1"}):
        answer = editor.post(
            f"/moderate/replies/{reply.id}",
            token=editor.token, action="approve", was="pending", **version,
        )  # fmt: skip
        assert answer.status_code == 409
        assert "Nothing was published" in answer.text
    assert stored(service.db, reply.id).status == "pending"


def test_reply_and_approve_needs_the_text_that_was_read(service: Service) -> None:
    editor = signed_in(service)
    reply = posted(service)
    path = f"/moderate/replies/{reply.id}/answer"
    opened = editor.get(path).text
    changed_by_its_author(reply)
    answer = editor.post(path, **form_of(opened, path) | {"comment": "Well said!"})
    assert UNREAD not in public(service)
    assert "Well said!" not in public(service)
    told_that_it_changed(answer)
    # What the editor typed is not lost.
    form = form_of(answer.text, path)
    assert form["comment"] == "Well said!"
    assert editor.post(path, **form).status_code == 303
    assert UNREAD in public(service)


def test_an_answer_belongs_to_the_text_that_was_read(service: Service) -> None:
    editor = signed_in(service)
    reply = posted(service)
    editor.decide(reply.id, "approve")
    path = f"/moderate/replies/{reply.id}/answer"
    opened = editor.get(path).text
    changed_by_its_author(reply)
    editor.decide(reply.id, "approve")
    answer = editor.post(path, **form_of(opened, path) | {"comment": "I agree."})
    assert "I agree." not in public(service)
    told_that_it_changed(answer)


def test_the_form_of_an_answer_opened_on_an_old_card_says_so_first(service: Service) -> None:
    editor = signed_in(service)
    reply = posted(service)
    opened, read = Page(editor.get().text), token_of(service.db, reply.id)
    changed_by_its_author(reply)
    [link] = [one for one in opened.all("a") if one.attributes.get("data-key") == "r"]
    whole = editor.get(link.attributes["href"])
    assert UNREAD in whole.text
    assert "changed this reply after you opened the page" in whole.text
    card = editor.get(link.attributes["hx-get"], headers={"HX-Request": "true"})
    told_that_it_changed(card)
    assert card.headers["HX-Retarget"] == f"#card-{reply.id}"
    # An answer that is sent all the same comes back in its card, which shows the new text.
    sent = editor.http.post(
        f"{service.url}/moderate/replies/{reply.id}/answer",
        data={"token": editor.token, "was": "pending", "version": read, "comment": "Mine."},
        headers={"HX-Request": "true"},
        timeout=30,
    )
    told_that_it_changed(sent)
    assert sent.text.lstrip().startswith("<li")
    assert Page(sent.text).all("textarea")[0].text.strip() == "Mine."


def test_a_link_in_a_mail_decides_about_what_its_page_shows(tmp_path: Path) -> None:
    with post_office() as post, mailing_service(tmp_path, post) as service:
        wanting(service)
        reply = posted(service)
        post.wait()
        path = post.link()
        opened = requests.get(service.url + path, timeout=30).text
        changed_by_its_author(reply)
        press = form_of(opened, path) | {"action": "approve"}
        answer = requests.post(service.url + path, data=press, timeout=30)
        assert UNREAD not in public(service)
        assert answer.status_code == 409
        assert "The author changed this reply after you opened the page." in answer.text
        assert UNREAD in answer.text
        # It is not used up: the page that answers has a button for what it shows.
        press = form_of(answer.text, path) | {"action": "approve"}
        assert requests.post(service.url + path, data=press, timeout=30).status_code == 410
        assert UNREAD in public(service)


def test_a_page_that_decides_shows_the_website_too(tmp_path: Path) -> None:
    with post_office() as post, mailing_service(tmp_path, post) as service:
        wanting(service)
        reply = posted(service, url="https://shop.example/")
        post.wait()
        editor = signed_in(service, "olaf@example.org", "Olaf")
        for shown in (
            requests.get(service.url + post.link(), timeout=30).text,
            editor.get(f"/moderate/replies/{reply.id}/answer").text,
            editor.get().text,
        ):
            assert 'href="https://shop.example/"' in shown


# ---- many replies ----


def left_out(service: Service, editor: Editor, done: requests.Response, count: int) -> str:
    """Follow a bulk action of which one reply was left out; return the page that says why."""
    flash = editor.get(done.headers["Location"]).text
    assert f"Approved: {count} repl" in flash
    assert "1 could not be" in flash
    link = re.search(r'href="(/moderate/bulk/\d+)"', flash)
    assert link is not None
    page = editor.get(link[1]).text
    assert UNREAD in page
    assert UNREAD not in public(service)
    return page


def test_a_selection_covers_the_versions_that_were_shown(service: Service) -> None:
    editor = signed_in(service)
    first, second = posted(service), posted(service, "Another one.")
    opened = editor.get().text
    changed_by_its_author(first)
    fields = form_of(opened, "/moderate/bulk") | {"action": "approve", "scope": "selected"}
    done = editor.post("/moderate/bulk", **fields, **ticked(opened, first, second))
    page = left_out(service, editor, done, 1)
    assert "The author changed this reply after you opened the page." in page
    assert stored(service.db, second.id).status == "approved"
    # What was left out can be read and approved there.
    again = editor.post(f"/moderate/replies/{first.id}", **approval_of(page, first))
    assert again.status_code == 303
    assert UNREAD in public(service)


def test_a_selection_does_not_overrule_who_decided_meanwhile(service: Service) -> None:
    editor, olaf = signed_in(service), signed_in(service, "olaf@example.org", "Olaf")
    first, second = posted(service), posted(service, "Another one.")
    opened = editor.get().text
    olaf.decide(first.id, "trash")
    fields = form_of(opened, "/moderate/bulk") | {"action": "approve", "scope": "selected"}
    editor.post("/moderate/bulk", **fields, **ticked(opened, first, second))
    assert stored(service.db, first.id).status == "trash"
    with service.db.read() as connection:
        results = connection.execute(select(batch_item.c.result)).scalars().all()
    assert "done" in results
    assert any(one.startswith("Olaf ") for one in results)


def test_all_that_match_are_those_that_matched_as_they_were_counted(service: Service) -> None:
    editor = signed_in(service)
    first, second = posted(service), posted(service, "Another one.")
    form = form_of(editor.get().text, "/moderate/bulk") | {"action": "approve", "scope": "all"}
    asked = editor.post("/moderate/bulk", **form).text
    assert "Approve: 2 replies?" in asked
    changed_by_its_author(first)
    late = posted(service, "Nobody has counted this one.")
    done = editor.post("/moderate/bulk/all", **form_of(asked, "/moderate/bulk/all"))
    page = left_out(service, editor, done, 1)
    assert "It was changed after you were shown the number." in page
    assert stored(service.db, second.id).status == "approved"
    assert stored(service.db, late.id).status == "pending"
    again = editor.post(f"/moderate/replies/{first.id}", **approval_of(page, first))
    assert again.status_code == 303


def test_who_changed_back_what_was_counted_is_left_out_as_well(service: Service) -> None:
    editor = signed_in(service)
    first, second = posted(service), posted(service, "Another one.")
    form = form_of(editor.get().text, "/moderate/bulk") | {"action": "approve", "scope": "all"}
    asked = editor.post("/moderate/bulk", **form).text
    editor.decide(first.id, "spam")
    editor.decide(first.id, "pending", was="spam")
    # Pins, locks and requests are not what was counted.
    editor.decide(second.id, "lock")
    editor.post("/moderate/bulk/all", **form_of(asked, "/moderate/bulk/all"))
    assert stored(service.db, first.id).status == "pending"
    assert stored(service.db, second.id).status == "approved"


# ---- undo ----


def test_undoing_an_unapproval_brings_back_only_what_was_public(service: Service) -> None:
    editor = signed_in(service)
    reply = posted(service)
    editor.decide(reply.id, "approve")
    done = editor.decide(reply.id, "pending", was="approved")
    flash = editor.get(done.headers["Location"]).text
    changed_by_its_author(reply)
    answer = editor.post("/moderate/undo", **form_of(flash, "/moderate/undo"))
    assert UNREAD not in public(service)
    assert answer.status_code == 409
    assert "The author changed this reply since it was public." in answer.text
    again = editor.post(f"/moderate/replies/{reply.id}", **approval_of(answer.text, reply))
    assert again.status_code == 303
    assert UNREAD in public(service)


def test_undo_works_again_once_the_change_is_undone(service: Service) -> None:
    editor = signed_in(service)
    reply = posted(service)
    editor.decide(reply.id, "approve")
    done = editor.decide(reply.id, "pending", was="approved")
    changed_by_its_author(reply)
    with service.db.read() as connection:
        edit = events.last_of(connection, reply.id, "edit")
    assert edit is not None
    assert editor.undo(edit.seq).status_code == 303
    assert editor.undo(number_of(done)).status_code == 303
    assert HARMLESS in public(service)


def test_undoing_a_bulk_unapproval_brings_back_only_what_was_public(service: Service) -> None:
    editor = signed_in(service)
    first, second = posted(service), posted(service, "Another one.")
    for one in (first, second):
        editor.decide(one.id, "approve")
    opened = editor.get("/moderate/?status=approved").text
    fields = form_of(opened, "/moderate/bulk") | {"action": "pending", "scope": "selected"}
    done = editor.post("/moderate/bulk", **fields, **ticked(opened, first, second))
    batch = re.search(r"batch=(\d+)", done.headers["Location"])
    assert batch is not None
    changed_by_its_author(first)
    editor.post(f"/moderate/bulk/{batch[1]}/undo", token=editor.token)
    assert UNREAD not in public(service)
    assert stored(service.db, first.id).status == "pending"
    assert stored(service.db, second.id).status == "approved"


def test_undoing_an_edit_does_not_publish_what_was_never_approved(service: Service) -> None:
    editor = signed_in(service)
    reply = posted(service, UNREAD)
    path = f"/moderate/replies/{reply.id}/edit"
    edited = editor.post(path, **form_of(editor.get(path).text, path) | {"comment": HARMLESS})
    editor.decide(reply.id, "approve")
    answer = editor.undo(number_of(edited))
    assert answer.status_code == 409
    assert UNREAD not in public(service)
    assert stored(service.db, reply.id).text == HARMLESS
    # Not public any more, it may have its old text again.
    unapproved = editor.decide(reply.id, "pending", was="approved")
    assert editor.undo(number_of(edited)).status_code == 303
    assert editor.undo(number_of(unapproved)).status_code == 409
    assert UNREAD not in public(service)


def test_undoing_an_edit_of_what_is_public_brings_back_what_was_public(service: Service) -> None:
    editor = signed_in(service)
    reply = posted(service)
    editor.decide(reply.id, "approve")
    path = f"/moderate/replies/{reply.id}/edit"
    edited = editor.post(path, **form_of(editor.get(path).text, path) | {"comment": "Better."})
    assert "Better." in public(service)
    undone = editor.undo(number_of(edited))
    assert HARMLESS in public(service)
    assert "Better." not in public(service)
    assert editor.undo(number_of(undone)).status_code == 303
    assert "Better." in public(service)


def test_what_waits_as_another_text_does_not_come_back_from_the_trash_public(
    service: Service,
) -> None:
    editor = signed_in(service)
    reply = posted(service)
    editor.decide(reply.id, "approve")
    changed_by_its_author(reply)
    trashed = editor.decide(reply.id, "trash")
    assert editor.undo(number_of(trashed)).status_code == 303
    assert stored(service.db, reply.id).status == "pending"
    assert UNREAD not in public(service)


# ---- what an author changes of what is public ----


def test_nothing_of_an_authors_edit_is_public_before_it_is_read(service: Service) -> None:
    editor = signed_in(service)
    reply = posted(service)
    editor.decide(reply.id, "approve")
    editor.decide(reply.id, "pin", was="approved")
    below = posted(service, "I do, too.", parent=reply.id)
    editor.decide(below.id, "approve")
    changed_by_its_author(reply)
    assert stored(service.db, reply.id).status == "pending"
    assert "pills" not in public(service)
    for path in ("/comments/search?q=pills", f"/comments/networking/reply?parent={below.id}"):
        found = requests.get(service.url + path, timeout=30)
        assert "my shop" not in found.text, path
    # And the answer to it is refused as for any reply that is not public.
    assert service.post(comment="Me too.", parent=reply.id).status_code == 422


def test_a_request_is_settled_by_who_has_read_it(service: Service) -> None:
    editor = signed_in(service)
    reply = posted(service)
    service.clock.forward(hours=1)
    ask = f"{reply.link}/ask"
    requests.post(ask, data={"kind": "edit", "words": "Correct a typo."}, timeout=30)
    opened = editor.get().text
    requests.post(ask, data={"kind": "remove", "words": "It names my child."}, timeout=30)
    path = f"/moderate/replies/{reply.id}"
    form = form_of(opened, path, 'value="settle"') | {"action": "settle"}
    answer = editor.post(path, **form)
    assert answer.status_code == 409
    assert "The author asked for something else after you opened the page." in answer.text
    assert "It names my child." in answer.text
    assert stored(service.db, reply.id).author_request["kind"] == "remove"
    form = form_of(answer.text, path, 'value="settle"') | {"action": "settle"}
    assert editor.post(path, **form).status_code == 303
    assert stored(service.db, reply.id).author_request is None
