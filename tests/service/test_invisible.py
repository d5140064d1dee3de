"""Invisible characters and full-width letters in the short fields: read as they look, and said."""

import pytest
import requests

from comments_service import invisible
from tests.running import Service
from tests.service.asking import Page, signed_in, stored

SAID = "{} had invisible characters, which were taken out."


def status_page(service: Service, answer: requests.Response) -> str:
    return requests.get(service.url + answer.headers["Location"], timeout=10).text


@pytest.mark.parametrize(
    "typed",
    [
        "ann\u200b@example.org",
        "\ufeffann@example.org",
        "ann\u00a0@example.org",
        "ann@exam\u00adple.org",
        "ann\u3000@example.org",
        "ann\u2009@\u2060example.org\ufe0f",
        "ann\u3164@example.org",
    ],
    ids=ascii,
)
def test_an_address_is_read_without_what_nobody_sees_and_that_is_said(
    shared: Service, typed: str
) -> None:
    answer = shared.post(email=typed, comment=f"Pasted as {typed.partition(chr(64))[0]!a}.")
    assert answer.status_code == 303, Page(answer.text).summary
    assert stored(shared.db, answer.headers["Location"].split("/")[3]).email == "ann@example.org"
    shown = status_page(shared, answer)
    assert SAID.format("Email") in shown
    assert "ann@example.org" not in shown


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("ann＠example.org", "ann@example.org"),
        ("ａｎｎ＠ｅｘａｍｐｌｅ．ｏｒｇ", "ann@example.org"),
        ("ａnn１@example。org", "ann1@example.org"),
        ("ann@例え．jp", "ann@例え.jp"),
        ("jörg@exämple.org", "jörg@exämple.org"),
    ],
)
def test_full_width_letters_are_read_as_what_they_are(
    shared: Service, typed: str, kept: str
) -> None:
    answer = shared.post(email=typed, comment=f"Typed as {typed}.")
    assert answer.status_code == 303, Page(answer.text).summary
    assert stored(shared.db, answer.headers["Location"].split("/")[3]).email == kept
    assert "invisible" not in status_page(shared, answer)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Ann\u200b Okoye", "Ann Okoye"),
        ("\ufeffAnn Okoye", "Ann Okoye"),
        ("Ann\u00a0Okoye", "Ann Okoye"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
        ("Ａｎｎ", "Ａｎｎ"),
    ],
    ids=ascii,
)
def test_a_name_keeps_what_spells_it(shared: Service, typed: str, kept: str) -> None:
    answer = shared.post(author=typed, comment=f"My name is {typed.encode()!r}.")
    assert answer.status_code == 303
    assert stored(shared.db, answer.headers["Location"].split("/")[3]).author_name == kept
    assert (SAID.format("Name") in status_page(shared, answer)) == (typed != kept)


@pytest.mark.parametrize(
    ("typed", "kept", "said"),
    [
        ("https://ann.exam\u200bple/about", "https://ann.example/about", True),
        ("\ufeffann.example", "https://ann.example/", True),
        ("https://ann.example\u00a0/x", "https://ann.example/x", True),
        ("ｈｔｔｐｓ：／／ａｎｎ．ｅｘａｍｐｌｅ", "https://ann.example/", False),
        ("ａｎｎ。ｅｘａｍｐｌｅ", "https://ann.example/", False),
        ("https://ann.example/Ａ", "https://ann.example/%EF%BC%A1", False),
    ],
    ids=ascii,
)
def test_a_website_is_read_as_it_looks(shared: Service, typed: str, kept: str, said: bool) -> None:
    answer = shared.post(url=typed, comment=f"My site is {typed.encode()!r}.")
    assert answer.status_code == 303, Page(answer.text).summary
    assert stored(shared.db, answer.headers["Location"].split("/")[3]).author_url == kept
    assert (SAID.format("Website") in status_page(shared, answer)) == said


def test_the_pages_own_script_is_told_too(shared: Service) -> None:
    answer = requests.post(
        f"{shared.url}/comments/networking",
        data={"comment": "By script.", "author": "Ann", "email": "ann\u200b@example.org"},
        headers={"Accept": "application/json"},
        timeout=10,
    )
    assert answer.status_code == 201
    assert SAID.format("Email") in answer.json()["html"]


def test_it_is_said_also_where_something_else_had_to_be_corrected_first(shared: Service) -> None:
    answer = shared.post(email="ann\u200b@example.org", author="", comment="Two problems.")
    assert answer.status_code == 422
    [(where, _)] = Page(answer.text).summary
    assert where == "#author"
    answer = shared.post(**(Page(answer.text).fields | {"author": "Ann"}))
    assert SAID.format("Email") in status_page(shared, answer)


def test_a_script_written_with_invisible_characters_is_no_website(shared: Service) -> None:
    for typed in ("java\u200bscript:alert(1)", "ｊａｖａｓｃｒｉｐｔ：alert(1)"):
        answer = shared.post(url=typed)
        assert answer.status_code == 422
        assert [where for where, _ in Page(answer.text).summary] == ["#url"]


def test_plain_ascii_is_never_touched() -> None:
    typed = "".join(map(chr, range(0x20, 0x7F)))
    assert invisible.in_email(typed) == invisible.in_name(typed) == typed
    assert invisible.in_website(typed) == typed


# ---- nothing is cut without a word ----


def test_no_form_of_the_service_lets_the_browser_cut(shared: Service) -> None:
    editor = signed_in(shared)
    answer = shared.post(comment="A reply with forms.")
    link = answer.headers["Location"]
    pages = [
        requests.get(f"{shared.url}{path}", timeout=10).text
        for path in (f"{link}/edit", f"{link}/ask", "/comments/search")
    ]
    pages += [shared.post(comment="").text]
    pages += [
        editor.get(path).text
        for path in ("/moderate/", "/moderate/settings", "/moderate/articles", "/moderate/editors")
    ]
    for text in pages:
        assert 'name="' in text
        assert "maxlength" not in text
    assert "10,000 characters at most." in pages[0]
    assert "1,000 characters at most." in pages[1]
    assert "10,000 characters at most." in pages[3]


def test_a_question_to_the_editors_that_is_too_long_is_kept(shared: Service) -> None:
    link = shared.post(comment="A reply to ask about.").headers["Location"]
    words = "é" * 1_001
    answer = requests.post(
        f"{shared.url}{link}/ask", data={"kind": "edit", "words": words}, timeout=10
    )
    assert answer.status_code == 422
    assert "must be 1,000 characters or fewer; it has 1,001" in answer.text
    assert Page(answer.text).fields["words"] == words


def test_a_reason_that_is_too_long_is_kept(shared: Service) -> None:
    editor = signed_in(shared, "second@example.org", "Theo", "editor")
    public_id = shared.submit(comment="A reply to decline.")
    reason = "why " * 126
    answer = editor.http.post(
        f"{shared.url}/moderate/replies/{public_id}",
        data={"token": editor.token, "action": "trash", "was": "pending", "told": reason},
        headers={"HX-Request": "true"},
        timeout=10,
    )
    assert answer.status_code == 400
    assert "500 characters or fewer" in answer.text
    assert Page(answer.text).by_id(f"told-{public_id}").attributes["value"] == reason


def test_a_search_says_that_it_looked_for_the_beginning_only(shared: Service) -> None:
    editor = signed_in(shared, "third@example.org", "Nia", "editor")
    long = "word " * 50
    said = "Only the first 200 characters were looked for."
    public = requests.get(f"{shared.url}/comments/search", params={"q": long}, timeout=10).text
    assert said in public
    assert said in editor.get(f"/moderate/articles?q={long}").text
    short = requests.get(f"{shared.url}/comments/search", params={"q": "word"}, timeout=10).text
    assert said not in short


@pytest.mark.parametrize("char", ["a", "é", "😀"])
def test_a_long_text_comes_back_whole(shared: Service, char: str) -> None:
    text = char * 10_507
    answer = shared.post(comment=text)
    assert answer.status_code == 422
    assert Page(answer.text).fields["comment"] == text
    assert "it has 10,507" in answer.text
    # As much as a form may have.
    most = (shared.settings.body_limit - 300) // (1 if char == "a" else len(char.encode()) * 3)
    answer = shared.post(comment=char * most)
    assert answer.status_code == 422
    assert Page(answer.text).fields["comment"] == char * most


def test_what_is_longer_than_a_form_may_be_is_refused_in_words(shared: Service) -> None:
    answer = shared.post(comment="a" * shared.settings.body_limit)
    assert answer.status_code == 413
    assert "your browser still has the text" in answer.text
