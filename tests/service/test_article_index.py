"""Articles are found by the words of their texts, as the publisher sent them."""

from typing import Any

import pytest
import requests
from sqlalchemy import select

from comments_service.domain.excerpt import Piece, around
from comments_service.store.tables import article_text
from tests.running import Service
from tests.service.pages import Page, dump
from tests.service.test_api import is_problem
from tests.service.test_search import search

LONG = "Somewhere among many words " * 50


def give(service: Service, key: str, text: str, digest: str = "a1") -> requests.Response:
    texts = [{"key": key, "digest": digest, "text": text}]
    answer = service.api("PUT", "/texts", json={"texts": texts})
    answer.raise_for_status()
    return answer


def wanted(service: Service, **digests: str) -> dict[str, list[str]]:
    answer = service.api("POST", "/texts/wanted", json={"texts": digests})
    answer.raise_for_status()
    found: dict[str, list[str]] = answer.json()
    return found


def titles(page: Page) -> list[str]:
    return [one.text for one in page.all("h3")]


def rows(service: Service) -> list[Any]:
    with service.db.read() as connection:
        return list(connection.execute(select(article_text.c.digest)).scalars())


def test_an_article_is_found_by_a_word_in_the_middle_of_its_text(service: Service) -> None:
    service.register("networking", title="How to meet")
    give(service, "networking", LONG + "an aardvark <b> & co. stands here. " + LONG)
    found = search(service, "AARDVARK")
    assert titles(found) == ["How to meet"]
    assert any(one.attributes["href"].endswith("/networking/") for one in found.all("a"))
    assert "aardvark" in [one.text for one in found.all("mark")]
    shown = found.one("ol").text
    assert "stands here" in shown
    assert "<b> & co." in shown
    assert len(shown) < 500


def test_words_may_stand_in_title_and_text(service: Service) -> None:
    service.register("networking", title="How to meet")
    give(service, "networking", "An aardvark.")
    assert titles(search(service, "meet aardvark")) == ["How to meet"]
    assert titles(search(service, "aardv")) == ["How to meet"]
    assert titles(search(service, "meet unicorn")) == []


def test_titles_come_first_and_replies_last(service: Service) -> None:
    service.register("networking", "meetings", title="Plain")
    pages = [
        {"key": "networking", "url": "/networking/", "title": "A text"},
        {"key": "meetings", "url": "/meetings/", "title": "Aardvarks and the aardvark"},
    ]
    service.api("PUT", "/pages", json={"pages": pages}).raise_for_status()
    give(service, "networking", "The aardvark.")
    give(service, "meetings", "Nothing of it.")
    service.approve(service.submit(comment="My aardvark."))
    found = titles(search(service, "aardvark"))
    assert found[:2] == ["Aardvarks and the aardvark", "A text"]
    assert len(found) == 3


@pytest.mark.parametrize("words", ["人脈", "大切です", "العمل", "CAFE", "café"])
def test_words_of_any_script_are_found(service: Service, words: str) -> None:
    service.register("networking", title="How to meet")
    give(service, "networking", "人脈は大切です。 شبكة العمل مهمة. Au café.")
    assert titles(search(service, words)) == ["How to meet"]


def test_another_text_takes_the_place_of_the_first(service: Service) -> None:
    service.register("networking")
    give(service, "networking", "An aardvark.", "a1")
    give(service, "networking", "A badger.", "b2")
    assert titles(search(service, "aardvark")) == []
    assert len(titles(search(service, "badger"))) == 1
    assert rows(service) == ["b2"]


def test_a_withdrawn_page_loses_its_text(service: Service) -> None:
    service.register("networking", "meetings")
    give(service, "networking", "An aardvark.")
    service.register("meetings")
    assert rows(service) == []
    assert titles(search(service, "aardvark")) == []
    service.register("networking", "meetings")
    assert titles(search(service, "aardvark")) == []
    assert wanted(service, networking="a1")["wanted"] == ["networking"]


def test_an_empty_text_takes_it_away(service: Service) -> None:
    service.register("networking")
    give(service, "networking", "An aardvark.")
    assert wanted(service, networking="")["wanted"] == ["networking"]
    give(service, "networking", "", "")
    assert rows(service) == []
    assert titles(search(service, "aardvark")) == []
    assert wanted(service, networking="")["wanted"] == []


def test_only_other_texts_are_wanted_and_unknown_pages_are_told(service: Service) -> None:
    service.register("networking", "meetings")
    give(service, "networking", "An aardvark.", "a1")
    assert wanted(service, networking="a1", meetings="c3", nowhere="d4") == {
        "wanted": ["meetings"],
        "unknown": ["nowhere"],
    }
    before = dump(service.db)
    assert give(service, "nowhere", "A badger.").json() == {"unknown": ["nowhere"]}
    assert dump(service.db) == before


def test_the_same_text_again_changes_nothing(service: Service) -> None:
    service.register("networking")
    give(service, "networking", "An aardvark.")
    before = dump(service.db)
    give(service, "networking", "An aardvark.")
    assert dump(service.db) == before
    assert len(titles(search(service, "aardvark"))) == 1


def test_a_text_after_a_new_title_leaves_nothing_of_the_old_one(service: Service) -> None:
    service.register("networking", title="Aardvarks")
    give(service, "networking", "A badger.", "a1")
    service.register("networking", title="Wombats")
    give(service, "networking", "A badger.", "b2")
    assert titles(search(service, "aardvarks")) == []
    assert titles(search(service, "wombats badger")) == ["Wombats"]


@pytest.mark.parametrize(
    "body",
    [
        {"texts": [{"key": "networking", "digest": "a1", "text": "x" * 100_001}]},
        {"texts": [{"key": "networking", "digest": "a1", "text": "x"}] * 101},
        {"texts": [{"key": "networking", "digest": "A1!", "text": "x"}]},
        {"texts": [{"key": "networking", "digest": "a" * 65, "text": "x"}]},
        {"texts": [{"key": "", "digest": "a1", "text": "x"}]},
        {"texts": [{"key": "networking", "digest": "a1", "text": None}]},
        {"texts": [{"key": "networking", "digest": "a1", "text": "\ud800"}]},
        {"texts": [{"key": "networking", "text": "x"}]},
        {"texts": None},
        [],
    ],
    ids=range(10),
)
def test_a_text_that_cannot_be_is_refused(shared: Service, body: Any) -> None:
    assert is_problem(shared.api("PUT", "/texts", json=body), 422)


@pytest.mark.parametrize(
    "body", [{"texts": {"a": "xyz"}}, {"texts": {"a": None}}, {"texts": []}, {}, {"a": "a1"}]
)
def test_digests_that_cannot_be_are_refused(shared: Service, body: Any) -> None:
    assert is_problem(shared.api("POST", "/texts/wanted", json=body), 422)


def test_a_whole_word_is_shown_before_one_that_only_holds_it() -> None:
    text = "Articles everywhere. " + "word " * 100 + "The art of it."
    pieces = around(text, "art")
    assert Piece("art", True) in pieces
    assert "The " in "".join(piece.text for piece in pieces)
    assert Piece("Artic", True) in around(text, "artic")


@pytest.mark.parametrize(
    ("asked", "hit"),
    [("cafe", "CAFÉ"), ("résumé", "resume"), ("가방", "가방"), ("がく", "がく"), ("ê", "é")],
)
def test_what_the_index_finds_without_accents_is_marked(asked: str, hit: str) -> None:
    text = "word " * 100 + "a CAFÉ, resume, 가방, é, かく, がく " + "word " * 100
    assert Piece(hit, True) in around(text, asked)
