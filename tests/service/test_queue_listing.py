"""Lists: each filter finds what it says and nothing else, in any script, page by page."""

import re
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from comments_service.domain.tokenizer import search_for, searchable
from comments_service.store import queue
from tests.running import Service
from tests.service.pages import Editor, signed_in


def found(editor: Editor, **query: str) -> list[str]:
    """The texts that the queue shows, over all of its pages."""
    told: list[str] = []
    answer = editor.post("/moderate/search", token=editor.token, **({"status": "any"} | query))
    assert answer.status_code == 303
    address: str | None = answer.headers["Location"]
    while address:
        page = editor.get(address).text
        told += re.findall(r'<div class="text"[^>]*>\s*<p>([^<]*)</p>', page)
        more = re.search(r'id="next"[^>]*href="([^"]*)"', page)
        address = more[1].replace("&amp;", "&") if more else None
    return told


@pytest.fixture(name="full", scope="module")
def _full(shared: Service) -> Service:
    for text, name, email, key in (
        ("Coffee at nine", "Ann Okoye", "ann@example.org", "networking"),
        ("COFFEE and café", "Björn Åström", "bjorn@example.org", "networking"),
        ("東京で会いましょう", "田中さくら", "sakura@example.jp", "meetings"),
        ("我喜欢安静的角落", "王芳", "fang@example.cn", "meetings"),
        ("ฉันชอบกาแฟเย็น", "สมชาย", "somchai@example.th", "meetings"),
        ("أحب القهوة", "ليلى", "layla@example.org", "saying-no"),
        ("Кофе без сахара", "Ольга", "olga@other.example", "saying-no"),
        ('A "quoted" OR word: NEAR(x) AND name:ann*', "O'Neil", "oneil@example.org", "saying-no"),
    ):
        shared.clock.forward(hours=1)
        shared.submit(key, comment=text, author=name, email=email)
    return shared


@pytest.fixture(name="editor", scope="module")
def _editor(full: Service) -> Editor:
    return signed_in(full)


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        ("coffee", ["Coffee at nine", "COFFEE and café"]),
        ("cafe", ["COFFEE and café"]),
        ("coffe", ["Coffee at nine", "COFFEE and café"]),
        ("coff", ["Coffee at nine", "COFFEE and café"]),
        ("coffee nine", ["Coffee at nine"]),
        ("東京", ["東京で会いましょう"]),
        ("会い", ["東京で会いましょう"]),
        ("安静", ["我喜欢安静的角落"]),
        ("静", ["我喜欢安静的角落"]),
        ("กาแฟ", ["ฉันชอบกาแฟเย็น"]),
        ("القهوة", ["أحب القهوة"]),
        ("сахара", ["Кофе без сахара"]),
        ("САХАРА", ["Кофе без сахара"]),
        ("astrom", ["COFFEE and café"]),
        ("王芳", ["我喜欢安静的角落"]),
        ('"quoted" OR', ["A &#34;quoted&#34; OR word: NEAR(x) AND name:ann*"]),
        ("nothing like it", []),
        ("!?", []),
        ('"', []),
        ("*", []),
        ("name:ann", ["A &#34;quoted&#34; OR word: NEAR(x) AND name:ann*"]),
    ],
)
def test_words_are_found_in_any_script(editor: Editor, words: str, texts: list[str]) -> None:
    assert [text.replace('"', "&#34;") for text in found(editor, q=words)] == texts


def test_every_filter_narrows_the_list_down(editor: Editor) -> None:
    assert found(editor, name="okoye") == ["Coffee at nine"]
    assert found(editor, name="coffee") == []
    assert found(editor, email="ANN@example.org") == ["Coffee at nine"]
    assert found(editor, email="sak") == ["東京で会いましょう"]
    assert found(editor, email="@other.example") == ["Кофе без сахара"]
    assert found(editor, page="saying-no", q="кофе") == ["Кофе без сахара"]
    assert found(editor, page="nowhere") == []
    assert found(editor, status="approved") == []
    assert len(found(editor, since="2026-11-23")) == 8
    assert found(editor, since="2026-11-24") == []
    assert found(editor, until="2026-11-22") == []
    assert found(editor, order="newest")[0].startswith("A ")
    assert found(editor, q="coffee", order="newest") == ["COFFEE and café", "Coffee at nine"]


def test_an_address_is_never_a_part_of_an_address(editor: Editor) -> None:
    answer = editor.post(
        "/moderate/search", token=editor.token, status="any", email="ann@example.org"
    )
    assert "ann" not in answer.headers["Location"]
    page = editor.get(answer.headers["Location"]).text
    assert 'value="ann@example.org"' in page
    assert not re.findall(r'href="[^"]*(?:ann|%40|@)[^"]*"', page)


def test_all_of_one_author_are_a_click_away(full: Service, editor: Editor) -> None:
    full.submit("meetings", comment="Ann again", email="Ann@Example.org", author="Other name")
    public_id = re.search(r'author=([0-9a-z]{26})"', editor.get("/moderate/?q=nine").text)
    assert public_id is not None
    page = editor.get(f"/moderate/?status=any&author={public_id[1]}").text
    assert page.count('<article id="reply-') == 2


def test_a_date_that_is_none_is_said_and_the_rest_still_works(editor: Editor) -> None:
    page = editor.get("/moderate/?q=nine&since=yesterday").text
    assert "Enter a date like 2026-11-23" in page
    assert "Coffee at nine" in page
    assert 'value="yesterday"' in page


def test_reasons_are_filters_too(service: Service) -> None:
    editor = signed_in(service)
    service.submit(comment="Plain.")
    service.submit(comment="Turned \u202eround.")
    assert len(found(editor, reason="bidi")) == 1
    assert found(editor, reason="own-address") == []


@given(st.text(max_size=60))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_is_searched_for_is_no_error(full: Service, words: str) -> None:
    with full.db.read() as connection:
        queue.listed(connection, 1, queue.Filter(words=words, name=words), limit=5)


@given(st.text(min_size=1, max_size=30))
def test_every_text_is_found_by_its_own_words(text: str) -> None:
    expression = search_for(text)
    words = re.findall(r"[^\W_]+", searchable(text))
    assert (expression is None) == (not words)
    for word in words:
        assert expression is not None
        assert word in expression


def test_page_after_page_shows_each_reply_once_in_both_orders(service: Service) -> None:
    editor = signed_in(service)
    for number in range(130):
        service.clock.now += timedelta(seconds=number % 2)
        service.submit(comment=f"number {number} alike")
    texts = [f"number {number} alike" for number in range(130)]
    assert found(editor, status="pending") == texts
    assert found(editor, status="pending", order="newest") == texts[::-1]
    assert found(editor, status="pending", q="alike") == texts
    assert found(editor, status="pending", q="alike", order="newest") == texts[::-1]
