"""The queue: every reply once, hostile texts harmless, decisions answered with their undo."""

import re
from datetime import timedelta

import pytest
import requests
from sqlalchemy import select

from comments_service.domain import actor, comment_form
from comments_service.domain.models import Origin
from comments_service.services import moderation, submission
from comments_service.store.tables import event
from tests.running import Service, reply
from tests.service.pages import Editor, Page, number_of, rows, signed_in, stored

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}'


def shown(html: str) -> list[str]:
    return re.findall(r'<article id="reply-([0-9a-z]{26})"', html)


def test_each_of_many_replies_is_shown_once_even_while_others_arrive(service: Service) -> None:
    editor = signed_in(service)
    ids = []
    for number in range(120):
        # Some in the same instant: only the row id tells them apart.
        service.clock.forward(microseconds=number % 3)
        ids.append(service.submit(comment=f"Number {number}."))
    seen: list[str] = []
    address: str | None = "/moderate/"
    while address:
        page = editor.get(address).text
        seen += shown(page)
        service.clock.forward(seconds=1)
        service.submit(comment=f"Late, after {len(seen)}.")
        more = re.search(r'href="([^"]*after=[^"]*)"', page)
        address = more[1].replace("&amp;", "&") if more else None
    assert seen[:120] == ids
    assert len(set(seen)) == len(seen)


def test_a_decision_leads_back_with_its_undo(service: Service) -> None:
    editor = signed_in(service)
    public_id = service.submit()
    done = editor.decide(public_id, "approve")
    assert done.headers["Location"].startswith("/moderate/?status=pending&done=")
    page = editor.get(done.headers["Location"])
    assert "Approved: the reply is approved now." in page.text
    assert editor.undo(number_of(done)).status_code == 303
    assert stored(service.db, public_id).status == "pending"


def test_the_second_of_two_editors_is_told_who_was_first(service: Service) -> None:
    first, second = signed_in(service), signed_in(service, "olaf@example.org", "Olaf <b>")
    public_id = service.submit()
    second.decide(public_id, "trash")
    answer = first.decide(public_id, "approve")
    assert answer.status_code == 409
    assert "Olaf &lt;b&gt; moved this to trash" in answer.text


def test_no_number_in_the_address_breaks_the_queue(service: Service) -> None:
    editor = signed_in(service)
    editor.decide(service.submit(), "approve")
    moderation.remove_demo(service.db, by=actor.COMMAND_LINE, now=service.clock())
    with service.db.read() as connection:
        numbers = connection.execute(select(event.c.seq)).scalars().all()
    for number in [*numbers, 0, -1, 10**15, 10**30, "x", "é"]:
        for path in (f"/moderate/?done={number}", f"/moderate/history?before={number}"):
            assert editor.get(path).status_code == 200, path
        assert editor.undo(number).status_code in {303, 400, 404, 409}
    for cursor in ("x", "1-1", "1.000000-1", "99999999999.000000-1", "-1.0-1", "9" * 400):
        assert editor.get(f"/moderate/?after={cursor}").status_code in {200, 404}
    for query in ("status=x", "status=", "status=%00", "status=%FF", "status=pending&status=spam"):
        assert editor.get(f"/moderate/?{query}").status_code in {200, 404}


def test_what_the_log_tells_of_the_demo_is_no_decision_to_undo(service: Service) -> None:
    submission.submit(
        service.db, b"s", "networking", comment_form.check(reply()), now=service.clock(),
        resend_window=timedelta(0), origin=Origin.DEMO,
    )  # fmt: skip
    moderation.remove_demo(service.db, by=actor.COMMAND_LINE, now=service.clock())
    with service.db.read() as connection:
        number = connection.execute(
            select(event.c.seq).where(event.c.action == "remove-demo")
        ).scalar_one()
    editor = signed_in(service)
    page = editor.get(f"/moderate/?done={number}")
    assert page.status_code == 200
    assert "flash" not in page.text
    assert editor.get("/moderate/history").status_code == 200
    assert editor.undo(number).status_code == 404


def test_hostile_replies_are_harmless_in_every_page(service: Service) -> None:
    editor = signed_in(service, name="Edith <script>alert(1)</script>")
    service.register("networking", title=HOSTILE, question=HOSTILE)
    fields = {
        "comment": f"{HOSTILE}\n\n[x](javascript:alert(1)) https://a.example/{HOSTILE}",
        "author": HOSTILE,
        "url": "https://a.example/?'onmouseover='alert(1)",
        "email": "o'x&y@example.org",
    }
    status = service.post(**fields).headers["Location"]
    public_id = status.split("/")[3]
    pages = [editor.get(), requests.get(service.url + status, timeout=30)]
    done = editor.decide(public_id, "approve")
    pages += [
        editor.get(done.headers["Location"]),
        editor.get("/moderate/?status=approved"),
        editor.get("/moderate/history"),
        editor.decide(public_id, "spam"),
        requests.get(f"{service.url}/comments/networking/reply/{public_id}", timeout=30),
        service.post(**{**fields, "email": "x"}),
    ]
    for page in pages:
        told = Page(page.text)
        for one in told.elements:
            assert one.tag not in {"img", "iframe", "style"}
            assert one.tag != "script" or one.attributes["src"].startswith("/moderate/assets/")
            assert one.tag != "script" or not one.text
            for name, value in one.attributes.items():
                assert not name.startswith("on")
                if name in {"href", "action", "src"}:
                    assert not value.startswith("javascript")
        assert "49" not in re.findall(r"\{\{7\*7\}\}|\b49\b", page.text)
    assert HOSTILE in Page(pages[0].text).by_id(f"who-{public_id}").text


def test_the_queue_shows_the_address_and_why_a_reply_was_held(service: Service) -> None:
    editor = signed_in(service)
    service.submit(comment="ann.okoye@example.org \u202e")
    page = editor.get().text
    assert "ann.okoye@example.org" in page
    assert "cannot be published" in page
    assert "direction of the text" in page


def test_the_counts_are_those_of_the_states(service: Service) -> None:
    editor = signed_in(service)
    for number, action in enumerate(["approve", "spam", "spam", "trash", ""]):
        public_id = service.submit(comment=f"Number {number}.")
        if action:
            editor.decide(public_id, action)
    page = Page(editor.get().text)
    assert [one.text for one in page.all("span", **{"class": "count"})] == ["1", "1", "2", "1", "5"]


@pytest.mark.parametrize(
    "fields", [{}, {"action": "approve"}, {"was": "pending"}, {"action": "\0"}]
)
def test_a_decision_that_lacks_something_decides_nothing(
    service: Service, fields: dict[str, str]
) -> None:
    editor: Editor = signed_in(service)
    public_id = service.submit()
    answer = editor.post(f"/moderate/replies/{public_id}", token=editor.token, **fields)
    assert answer.status_code in {404, 409}
    assert stored(service.db, public_id).status == "pending"
    assert rows(service.db)["comment"] == 1


def test_a_link_leads_to_the_page_on_which_the_reply_stands(service: Service) -> None:
    pages = [
        {
            "key": "long",
            "url": "/long/",
            "title": "Long",
            "page_size": 2,
            "replies_url": "/long/replies/{page}/",
        }
    ]
    service.api("PUT", "/pages", json={"pages": pages}).raise_for_status()
    ids = [service.submit("long", comment=f"Thread {number}.") for number in range(3)]
    for one in ids:
        service.approve(one)
    browser = signed_in(service)
    for one, place in zip(ids, ("/long/", "/long/", "/long/replies/2/"), strict=True):
        answer = browser.get(f"/moderate/replies/{one}/public", allow_redirects=False)
        assert answer.status_code == 303
        assert answer.headers["Location"] == f"{service.url}{place}#comment-{one}"
