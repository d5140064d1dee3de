"""Invisible characters and full-width letters in the short fields: read as they look, and said."""

import pytest
import requests

from comments_service.domain import invisible_characters
from tests.running import Service
from tests.service.pages import Page, stored

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
    assert invisible_characters.in_email(typed) == invisible_characters.in_name(typed) == typed
    assert invisible_characters.in_website(typed) == typed
