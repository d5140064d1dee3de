"""Posting a reply: once stored, once only, and whatever is wrong, the text is kept."""

import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from comments_service.domain import comment_form
from comments_service.domain.models import Status
from tests.running import Service, reply
from tests.service.pages import Page, dump, post_bytes, raw, rows, signed_in, stored

TEXT = "A text that took me an hour & a <b>half</b>."


def test_a_reply_is_stored_as_pending_and_leads_to_its_private_page(service: Service) -> None:
    answer = service.post(comment="Hello *there*.", url="ann.example")
    assert answer.status_code == 303
    assert answer.headers["Cache-Control"] == "no-store"
    public_id = answer.headers["Location"].split("/")[3]
    kept = stored(service.db, public_id)
    assert (kept.status, kept.text, kept.by_editor) == ("pending", "Hello *there*.", False)
    assert kept.html == "<p>Hello <em>there</em>.</p>\n"
    status = requests.get(service.url + answer.headers["Location"], timeout=30)
    assert status.status_code == 200
    assert "awaiting moderation" in status.text
    assert "<em>there</em>" in status.text


def test_nobody_else_sees_the_private_page(service: Service) -> None:
    mine = service.post().headers["Location"]
    other = service.post(comment="Another reply.").headers["Location"]
    token = mine.split("/")[4]
    guesses = [
        mine[:-1],
        mine[:-1] + ("0" if mine[-1] != "0" else "1"),
        other.rpartition("/")[0] + "/" + token,
        mine.rpartition("/")[0] + "/%C3%A9",
        mine.rpartition("/")[0] + "/%00",
    ]
    for guess in guesses:
        assert requests.get(service.url + guess, timeout=30).status_code == 404, guess


def test_an_unknown_page_is_not_found_and_the_text_kept(shared: Service) -> None:
    for key in ("nowhere", "%00", "a%0Ab", "%ff", "x" * 3000, "..%2fetc"):
        answer = shared.post(key, comment=TEXT)
        assert answer.status_code == 404, key
        if key != "..%2fetc":  # A slash is not part of any key: no form is read there.
            assert Page(answer.text).fields["kept"] == TEXT
            assert "<b>half</b>" not in answer.text


def test_a_closed_page_refuses_and_keeps_the_text(service: Service) -> None:
    service.register("networking", open=False)
    answer = service.post(comment=TEXT)
    assert answer.status_code == 403
    assert "closed" in answer.text
    assert Page(answer.text).fields["kept"] == TEXT
    # What is wrong with the fields does not matter there: the text is kept all the same.
    answer = service.post(comment=TEXT, email="wrong")
    assert answer.status_code == 403
    assert Page(answer.text).fields["kept"] == TEXT
    assert rows(service.db)["comment"] == 0


def test_a_withdrawn_page_keeps_its_replies_and_takes_no_new_ones(service: Service) -> None:
    public_id = service.submit()
    service.register("meetings")
    answer = service.post(comment=TEXT)
    assert answer.status_code == 404
    assert Page(answer.text).fields["kept"] == TEXT
    service.register("networking", "meetings")
    service.submit(comment="Back again.")
    assert stored(service.db, public_id).status == Status.PENDING


def test_an_unknown_parent_is_told_and_the_next_post_goes_without_it(service: Service) -> None:
    elsewhere = service.submit("meetings")
    editor = signed_in(service)
    editor.decide(elsewhere, "approve")
    pending = service.submit(comment="Not public yet.")
    gone = service.submit(comment="Public once.")
    editor.decide(gone, "approve")
    editor.decide(gone, "trash", was="approved")
    before = rows(service.db)
    for parent in ("x", "0" * 26, elsewhere, pending, gone, "a" * 5_000, "\0", "' or 1=1 --"):
        answer = service.post(comment=TEXT, parent=parent)
        assert answer.status_code == 422, parent
        page = Page(answer.text)
        assert page.fields == reply(comment=TEXT)
        assert [where for where, _ in page.summary] == ["#comment"]
    assert rows(service.db) == before
    assert service.post(**page.fields).status_code == 303


def test_a_reply_to_a_public_reply_is_stored_below_it(service: Service) -> None:
    above = service.submit()
    signed_in(service).decide(above, "approve")
    form = requests.get(f"{service.url}/comments/networking/reply/{above}", timeout=30)
    page = Page(form.text)
    assert form.status_code == 200
    assert page.fields["parent"] == above
    assert "Ann Okoye" in page.one("h1").text
    below = service.submit(comment="I agree.", parent=page.fields["parent"])
    assert stored(service.db, below).parent_id == stored(service.db, above).id


@pytest.mark.parametrize("key", ["nowhere", "meetings"])
def test_only_a_public_reply_of_that_page_can_be_answered(shared: Service, key: str) -> None:
    pending = shared.submit(comment=f"Pending, asked for at {key}.")
    for public_id in (pending, "0" * 26, "%00", "é"):
        address = f"{shared.url}/comments/{key}/reply/{public_id}"
        assert requests.get(address, timeout=30).status_code == 404


def test_a_double_click_stores_one_reply(service: Service) -> None:
    first, second = service.post(), service.post()
    assert first.status_code == second.status_code == 303
    assert first.headers["Location"] == second.headers["Location"]
    assert rows(service.db) == {"comment": 1, "contact": 1, "event": 1}


def test_sixteen_posts_at_once_store_one_reply(service: Service) -> None:
    barrier = threading.Barrier(16)

    def post(_: int) -> str:
        barrier.wait()
        answer = service.post()
        assert answer.status_code == 303
        return answer.headers["Location"]

    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(post, range(16)))) == 1
    assert rows(service.db) == {"comment": 1, "contact": 1, "event": 1}


def test_a_resend_after_the_window_is_a_new_reply(service: Service) -> None:
    first = service.submit()
    service.clock.forward(hours=23, minutes=59)
    assert service.submit() == first
    service.clock.forward(minutes=2)
    assert service.submit() != first
    assert rows(service.db)["comment"] == 2


@pytest.mark.parametrize(
    "other",
    [
        {"comment": "I bring two."},
        {"author": "Bob"},
        {"email": "bob@example.org"},
        {"url": "https://bob.example/"},
    ],
)
def test_another_reply_is_not_taken_for_a_resend(service: Service, other: dict[str, str]) -> None:
    assert service.submit() != service.submit(**other)
    assert service.submit("meetings") not in {service.submit(), service.submit(**other)}


def test_a_reply_sent_again_with_another_website_shows_the_new_one(service: Service) -> None:
    first = service.submit(url="https://old.example/")
    second = service.submit(url="https://new.example/")
    assert second == service.submit(url="https://new.example/")
    for public_id in (first, second):
        service.approve(public_id)
    comments = service.api("GET", "/discussions/networking").json()["comments"]
    told = {one["id"]: one["author"]["url"] for one in comments}
    assert told == {first: "https://old.example/", second: "https://new.example/"}


def test_a_resend_tells_what_became_of_the_first(service: Service) -> None:
    first = service.submit()
    signed_in(service).decide(first, "trash")
    again = service.post()
    assert again.headers["Location"].split("/")[3] == first
    assert rows(service.db)["comment"] == 1


def test_fields_that_are_not_the_readers_are_ignored(service: Service) -> None:
    public_id = service.submit(
        status="approved",
        id="7",
        public_id="0" * 26,
        by_editor="true",
        editor="1",
        origin="demo",
        html="<script>alert(1)</script>",
        submitted_at="1999-01-01",
        created="1999-01-01",
        reasons="",
        page_id="2",
        site_id="9",
    )
    kept = stored(service.db, public_id)
    assert (kept.status, kept.by_editor, kept.origin) == ("pending", False, "form")
    assert kept.submitted_at == service.clock()
    assert kept.reasons == ["all"]
    assert public_id != "0" * 26


@pytest.mark.parametrize(
    "text",
    [
        "Write to ann@example.org!",
        "Write to ANN@Example.ORG!",
        "Write to ann&#64;example.org!",
        "Write to ann\\@example.org!",
        "Write to an*n*@example.org!",
        "Write to ann\u200b@example.org!",
        "[Write](https://a.example/?to=ann%40example.org)",
        "`ann@example.org`",
    ],
    ids=ascii,
)
def test_the_own_address_in_the_text_is_held_and_cannot_be_approved(
    service: Service, text: str
) -> None:
    public_id = service.submit(comment=text, email="ann@example.org")
    assert "own-address" in stored(service.db, public_id).reasons
    answer = signed_in(service).decide(public_id, "approve")
    assert answer.status_code == 409
    assert "email address" in answer.text
    assert stored(service.db, public_id).status == Status.PENDING


def test_the_forms_address_leads_to_the_article(shared: Service) -> None:
    answer = requests.get(f"{shared.url}/comments/networking", allow_redirects=False, timeout=30)
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"{shared.url}/networking/#respond"


def test_links_of_our_pages_ignore_the_host_that_was_asked_for(shared: Service) -> None:
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    for path in ("/comments/networking", "/comments/nowhere"):
        answer = requests.get(shared.url + path, headers=headers, allow_redirects=False, timeout=30)
        assert "evil.example" not in answer.text + repr(answer.headers)
    assert b"evil.example" not in raw(
        shared, b"GET /comments HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    )


_fields = st.fixed_dictionaries(dict.fromkeys(comment_form.FIELDS, st.text(max_size=200)))
_hostile = st.sampled_from(
    ['"><script>alert(1)</script>', "</textarea><b>", "&lt;&amp;", "{{7*7}}", "'\"`\n\n x", "\n\nx"]
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_fields, _hostile)
def test_everything_typed_is_kept_and_escaped(
    shared: Service, typed: dict[str, str], hostile: str
) -> None:
    form = {**typed, "comment": hostile + typed["comment"], "email": hostile, "parent": ""}
    body = urlencode(form, errors="surrogatepass").encode()
    answer = post_bytes(shared, body)
    assert answer.status_code == 422
    page = Page(answer.text)
    told = kept_by(form)
    # Where no mail leaves, none is offered.
    del told["follow"]
    # A browser, too, makes one of the line breaks that it reads in a page.
    assert page.fields == told
    assert {one.tag for one in page.elements}.isdisjoint({"script", "b", "img", "iframe"})


def kept_by(form: dict[str, str]) -> dict[str, str]:
    try:
        comment_form.check(form)
    except comment_form.Refused as refused:
        return refused.kept
    raise AssertionError("the form is good")


_values = st.one_of(st.text(max_size=60), st.binary(max_size=60))
_bodies = st.one_of(
    st.binary(max_size=300),
    st.dictionaries(
        st.sampled_from([*comment_form.FIELDS, "status", "x"]), _values, max_size=7
    ).map(lambda fields: urlencode(fields, errors="surrogatepass").encode()),
    st.builds(
        lambda text, extra: urlencode(reply(comment=text), errors="surrogatepass").encode() + extra,
        st.text(max_size=60),
        st.binary(max_size=8),
    ),
)


def test_no_body_makes_an_error_of_ours_or_half_a_reply(shared: Service) -> None:
    start = rows(shared.db)["comment"]
    accepted: set[str] = set()

    @settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(_bodies)
    def post(body: bytes) -> None:
        answer = post_bytes(shared, body, key="saying-no")
        assert answer.status_code in {303, 400, 422}
        if answer.status_code == 303:
            accepted.add(answer.headers["Location"])
        count = start + len(accepted)
        assert rows(shared.db) == {"comment": count, "contact": count, "event": count}

    post()


def test_a_refused_reply_changes_no_table(shared: Service) -> None:
    before = dump(shared.db)
    for fields in ({"comment": ""}, {"parent": "0" * 26}, {"email": "x"}, {"comment": "\0"}):
        assert shared.post(**fields).status_code == 422
    assert shared.post("nowhere").status_code == 404
    assert dump(shared.db) == before
