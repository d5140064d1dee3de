"""What is checked of each field, through the real form."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from comments_service.domain import comment_form
from comments_service.domain.comment_form import LIMITS
from tests.running import Service
from tests.service.pages import Page, rows, stored

INVISIBLE = ["", " ", "\n\t ", "\u200b\u200d", "\u2060\ufeff", "\u3164\u115f", "\u2800", "\ufe0f"]
LABELS = {"comment": "Comment", "author": "Name", "email": "Email", "url": "Website"}


@pytest.mark.parametrize("nothing", INVISIBLE, ids=ascii)
@pytest.mark.parametrize(
    ("field", "mend"),
    [
        ("comment", "Enter a comment"),
        ("author", "Enter your name"),
    ],
)
def test_a_field_without_anything_to_see_is_refused(
    shared: Service, field: str, mend: str, nothing: str
) -> None:
    before = rows(shared.db)
    answer = shared.post(**{field: nothing})
    assert answer.status_code == 422
    assert Page(answer.text).summary == [(f"#{field}", mend)]
    assert rows(shared.db) == before


@pytest.mark.parametrize(
    "markup", [">", "- ", "1.", "```\n```", "[](https://a.example)", "&#8203;", "&nbsp;", "> >"]
)
def test_markup_around_nothing_is_no_comment(shared: Service, markup: str) -> None:
    answer = shared.post(comment=markup)
    assert answer.status_code == 422
    assert Page(answer.text).summary == [("#comment", "Enter a comment")]
    assert Page(answer.text).fields["comment"] == markup.strip()


@pytest.mark.parametrize("nothing", ["", " ", "\t\n"])
def test_an_empty_address_is_asked_for(shared: Service, nothing: str) -> None:
    answer = shared.post(email=nothing)
    assert answer.status_code == 422
    assert Page(answer.text).summary == [("#email", "Enter your email address")]


@pytest.mark.parametrize(("field", "char"), [("comment", "a"), ("comment", "😀"), ("author", "é")])
def test_a_field_exactly_at_its_limit_is_stored(shared: Service, field: str, char: str) -> None:
    text = char * LIMITS[field]
    kept = stored(shared.db, shared.submit(**{field: text}))
    assert text in (kept.text, kept.author_name)


def test_the_limits_are_those_of_the_wire() -> None:
    assert LIMITS == {"comment": 10_000, "author": 100, "email": 254, "url": 500}


@pytest.mark.parametrize("field", LIMITS)
@pytest.mark.parametrize("char", ["a", "😀"])
def test_a_field_longer_by_one_is_refused_and_kept(shared: Service, field: str, char: str) -> None:
    text = char * (LIMITS[field] + 1)
    answer = shared.post(**{field: text})
    assert answer.status_code == 422
    [(where, words)] = Page(answer.text).summary
    limit = LIMITS[field]
    assert where == f"#{field}"
    assert words == f"{LABELS[field]} must be {limit:,} characters or fewer; it has {limit + 1:,}"
    assert Page(answer.text).fields[field] == text


def test_line_breaks_of_a_browser_count_once(shared: Service) -> None:
    text = "a\r\n" * 4_999 + "ab"
    assert stored(shared.db, shared.submit(comment=text)).text == text.replace("\r\n", "\n")


def test_an_address_at_the_limit_is_stored(shared: Service) -> None:
    address = "a" * 60 + "@" + ".".join(["b" * 60] * 3) + "." + "c" * 9
    address += "d" * (254 - len(address))
    assert len(address) == 254
    assert stored(shared.db, shared.submit(email=address)).email == address


@pytest.mark.parametrize(
    "address",
    [
        "ann",
        "ann@",
        "@example.org",
        "ann@@example.org",
        "ann@example.org, bob@example.org",
        "ann@exa mple.org",
        "ann @example.org",
        "Ann <ann@example.org>",
        "ann@example..org",
        ".ann@example.org",
        "ann.@example.org",
        "ann@-example.org",
        "ann@example.org\r\nBcc: all@example.org",
        "ann@example.org%0ABcc:x@example.org",
        "=?utf-8?q?ann?=@example org",
        "ann@[127.0.0.1]",
        '"ann"@example.org',
        "mailto:ann@example.org",
        "ann@" + "b" * 64 + ".org",
        "ann\u202e@example.org",
        "ann@exam\u200bple.org ,x",
    ],
    ids=ascii,
)
def test_a_malformed_address_is_refused_and_kept(shared: Service, address: str) -> None:
    before = rows(shared.db)
    answer = shared.post(email=address)
    assert answer.status_code == 422
    [(where, words)] = Page(answer.text).summary
    assert where == "#email"
    assert "name@example.com" in words or "control characters" in words
    assert rows(shared.db) == before


@pytest.mark.parametrize(
    "address",
    ["ann@example.org", "o'brien+blog@sub.example.co.uk", "ann@corp.local", "jörg@exämple.org"],
)
def test_an_address_of_an_unusual_shape_is_taken(shared: Service, address: str) -> None:
    assert stored(shared.db, shared.submit(email=f" {address} ")).email == address


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("", None),
        ("ann.example", "https://ann.example/"),
        ("www.ann.example/about?x=1#y", "https://www.ann.example/about?x=1#y"),
        ("ann.example:8080/x", "https://ann.example:8080/x"),
        ("http://ann.example", "http://ann.example/"),
        ("HTTPS://ANN.example/Path", "https://ann.example/Path"),
        ("http://localhost:4000", "http://localhost:4000/"),
        ("exämple.org", "https://xn--exmple-cua.org/"),
        ("https://[::1]/", "https://[::1]/"),
    ],
)
def test_a_website_is_stored_as_an_absolute_address(
    shared: Service, typed: str, kept: str | None
) -> None:
    public_id = shared.submit(url=typed, comment=f"My site is {typed or 'nowhere'}.")
    assert stored(shared.db, public_id).author_url == kept


@pytest.mark.parametrize(
    "typed",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\tscript:alert(1)",
        "java\nscript:alert(1)",
        "java\u200bscript:alert(1)",
        "\x01javascript:alert(1)",
        "javascript&#58;alert(1)",
        "javascript&colon;alert(1)",
        "&#106;avascript:alert(1)",
        "javascript://example.org/%0aalert(1)",
        "javascript:1",
        "data:text/html,<script>alert(1)</script>",
        "data:text/html;base64,PHNjcmlwdD4=",
        "vbscript:msgbox(1)",
        "file:///etc/passwd",
        "ftp://ann.example/",
        "mailto:ann@elsewhere.example",
        "https://user@ann.example/",
        "https://user:secret@ann.example/",
        "user@ann.example",
        "https://",
        "http://[x",
        "https://ann.example:99999/",
        "https://exa mple.org",
        'https://a.example"onclick="alert(1)/',
        "https://<script>.example/",
        "n/a",
        "none",
    ],
    ids=ascii,
)
def test_what_is_no_web_address_is_refused(shared: Service, typed: str) -> None:
    before = rows(shared.db)
    answer = shared.post(url=typed)
    assert answer.status_code == 422, typed
    assert [where for where, _ in Page(answer.text).summary] == ["#url"]
    assert rows(shared.db) == before
    # Whatever had to be taken out, posting what is left must not get through either.
    again = shared.post(**{**Page(answer.text).fields})
    assert again.status_code == 422


@settings(max_examples=300)
@given(st.text(max_size=60))
def test_a_website_is_an_ordinary_web_address_or_refused(typed: str) -> None:
    told = outcome({"comment": "c", "author": "a", "email": "a@b.example", "url": typed})
    if isinstance(told, comment_form.Refused):
        assert set(told.fields) == {"url"}
    else:
        assert told.url is None or told.url.startswith(("http://", "https://"))
        assert not told.url or not set(told.url) & set("\"'<> \t\n\\`")


def outcome(form: dict[str, str]) -> comment_form.Draft | comment_form.Refused:
    try:
        return comment_form.check(form)
    except comment_form.Refused as refused:
        return refused


@pytest.mark.parametrize("field", ["comment", "author", "email", "url"])
@pytest.mark.parametrize(
    "char", ["\0", "\x1b", "\x07", "\x7f", "\x85", "\ufffe", "\U0001ffff"], ids=ascii
)
def test_a_control_character_is_taken_out_and_the_rest_kept(
    shared: Service, field: str, char: str
) -> None:
    good = {
        "comment": "I bring one question.",
        "author": "Ann",
        "email": "ann@example.org",
        "url": "https://ann.example/",
    }
    before = rows(shared.db)
    answer = shared.post(**{**good, field: good[field][:2] + char + good[field][2:]})
    assert answer.status_code == 422
    page = Page(answer.text)
    [(where, words)] = page.summary
    assert where == f"#{field}"
    assert "They have been taken out" in words
    assert page.fields == {**good, "parent": ""}
    assert char not in answer.text
    assert rows(shared.db) == before


@pytest.mark.parametrize("control", ["\u202e", "\u202a", "\u2066", "\u2069"], ids=ascii)
def test_a_name_may_not_change_the_direction_of_the_page(shared: Service, control: str) -> None:
    answer = shared.post(author=f"Ann {control}nimda")
    assert answer.status_code == 422
    assert Page(answer.text).fields["author"] == "Ann nimda"


@pytest.mark.parametrize(
    "text", ["abc \u202edef", "abc &#x202e;def", "abc [d](https://e.example/\u2066)"]
)
def test_a_text_that_changes_direction_is_held_with_the_reason(shared: Service, text: str) -> None:
    assert "bidi" in stored(shared.db, shared.submit(comment=text)).reasons


@pytest.mark.parametrize(
    "name", ["شهرزاد", "עמית", "Nguyễn Văn A", "李小龍", "👩‍👩‍👧", "O'Brien <b>", "{{7*7}}"]
)
def test_names_of_every_script_are_kept(shared: Service, name: str) -> None:
    assert stored(shared.db, shared.submit(author=name)).author_name == name


@pytest.mark.parametrize(
    "name",
    ["ann@example.org", "Ann (ANN@Example.org)", "ann\u200b@example.org", "ann＠example.org"],
)
def test_the_own_address_in_the_name_is_refused(shared: Service, name: str) -> None:
    answer = shared.post(author=name, email="ann@example.org")
    assert answer.status_code == 422
    [(where, words)] = Page(answer.text).summary
    assert where == "#author"
    assert "Take your email address out" in words


def test_the_own_address_in_the_website_is_refused(shared: Service) -> None:
    for url in ("ann.example/?me=ann@example.org", "ann.example/?me=ann%40example.org"):
        answer = shared.post(url=url, email="ann@example.org")
        assert answer.status_code == 422
        assert [where for where, _ in Page(answer.text).summary] == ["#url"]


def test_two_spellings_of_one_text_are_stored_alike(shared: Service) -> None:
    assert stored(shared.db, shared.submit(author="Ame\u0301lie")).author_name == "Am\u00e9lie"


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=200)
@given(st.fixed_dictionaries(dict.fromkeys(comment_form.FIELDS, st.text(max_size=40))))
def test_every_form_becomes_a_draft_or_sentences_in_the_order_of_its_fields(
    form: dict[str, str],
) -> None:
    told = outcome(form)
    if isinstance(told, comment_form.Refused):
        order = [comment_form.FIELDS.index(name) for name in told.fields]
        assert order == sorted(order)
        assert told.fields
        assert set(told.kept) == set(comment_form.FIELDS)
    else:
        assert told.text
        assert told.name
        assert "@" in told.email
