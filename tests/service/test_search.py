"""Readers' search at the service: what is public, and nothing else."""

import pytest
import requests

from comments_service.domain import actor
from comments_service.domain.excerpt import Piece, excerpt
from comments_service.services import moderation
from comments_service.store import reader_search
from comments_service.web.public.search import A_MINUTE
from tests.running import Service, version_of
from tests.service.pages import Page, dump


def search(service: Service, words: str) -> Page:
    answer = requests.get(f"{service.url}/comments/search", params={"q": words}, timeout=30)
    assert answer.status_code == 200
    assert answer.headers["X-Robots-Tag"] == "noindex"
    return Page(answer.text)


def links(page: Page) -> list[str]:
    return [
        one.attributes["href"] for one in page.all("a") if "#comment-" in one.attributes["href"]
    ]


def test_a_public_reply_is_found_by_its_words_and_its_author_s_name(service: Service) -> None:
    mine = service.submit(comment="I ask about the *vol-au-vents*.", author="Siobhán Ní Bhriain")
    service.approve(mine)
    for words in ("vents ask", "siobhán", "vol"):
        [link] = links(search(service, words))
        assert link.endswith(f"/networking/#comment-{mine}")
    found = search(service, "vents")
    assert found.one("mark").text == "vents"
    assert "Siobhán Ní Bhriain on “" in found.one("ol").text


def test_what_waits_or_was_taken_back_is_not_found(service: Service) -> None:
    waiting = service.submit(comment="A zebra waits.")
    assert links(search(service, "zebra")) == []
    service.approve(waiting)
    assert len(links(search(service, "zebra"))) == 1
    moderation.decide(
        service.db, waiting, "trash", by=actor.COMMAND_LINE, expected="approved",
        version=version_of(service.db, waiting),
        now=service.clock(),
    )  # fmt: skip
    assert links(search(service, "zebra")) == []


def test_replies_to_a_withdrawn_page_are_not_found(service: Service) -> None:
    service.register("networking", "meetings")
    mine = service.submit("meetings", comment="A zebra on a page.")
    service.approve(mine)
    service.register("networking")
    assert links(search(service, "zebra")) == []


def test_an_email_address_finds_nobody(service: Service) -> None:
    mine = service.submit(comment="Nothing special.", email="hidden@somewhere.example")
    service.approve(mine)
    for words in ("hidden@somewhere.example", "somewhere", "hidden"):
        assert links(search(service, words)) == []


def test_a_reply_on_a_later_page_is_linked_there(service: Service) -> None:
    service.register("networking", page_size=1, replies_url="/networking/replies/{page}/")
    for number in range(2):
        service.approve(service.submit(comment=f"Zebra number {number}."))
    found = links(search(service, "zebra"))
    assert sum("/networking/replies/2/#comment-" in link for link in found) == 1


@pytest.mark.parametrize("words", ["大切", "人脈は", "العمل", "café", "CAFÉ"])
def test_words_of_any_script_are_found(service: Service, words: str) -> None:
    mine = service.submit(comment="人脈は大切です。 شبكة العمل مهمة. Au café.")
    service.approve(mine)
    assert len(links(search(service, words))) == 1


@pytest.mark.parametrize("words", ["", "  ", "!?", '"', "a OR (b", "\0", "x" * 5000, "<script>"])
def test_odd_questions_are_answered_in_words(service: Service, words: str) -> None:
    found = search(service, words)
    assert found.one("h1").text == "Search"
    assert found.all("script") == []
    assert len(found.fields["q"]) <= 200


def test_an_article_is_found_by_its_title(service: Service) -> None:
    service.register("networking")
    found = search(service, "networking")
    assert found.all("ol")


def test_a_network_that_searches_too_often_waits_and_keeps_its_words(service: Service) -> None:
    for _ in range(A_MINUTE):
        search(service, "zebra")
    url = f"{service.url}/comments/search"
    refused = requests.get(url, params={"q": "zebra"}, timeout=30)
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    page = Page(refused.text)
    assert page.fields["q"] == "zebra"
    assert "too many attempts" in refused.text
    # The form itself is no work.
    assert search(service, "").one("h1").text == "Search"
    service.clock.forward(minutes=1)
    search(service, "zebra")


def test_a_title_is_cut_into_words_once(service: Service) -> None:
    service.register("networking")
    search(service, "networking")
    before = reader_search._line.cache_info()
    search(service, "networking")
    after = reader_search._line.cache_info()
    assert after.misses == before.misses
    assert after.hits > before.hits


def test_a_name_from_right_to_left_does_not_reorder_its_line(service: Service) -> None:
    service.approve(service.submit(comment="A zebra.", author="<ليلى>"))
    found = requests.get(f"{service.url}/comments/search", params={"q": "zebra"}, timeout=30)
    assert "<bdi>&lt;ليلى&gt;</bdi> on “" in found.text


def test_searching_changes_nothing(service: Service) -> None:
    service.approve(service.submit(comment="A zebra."))
    before = dump(service.db)
    search(service, "zebra")
    assert dump(service.db) == before


def test_an_excerpt_shows_the_hit_and_is_no_html() -> None:
    text = "<p>" + "word " * 100 + "the &lt;b&gt; zebra runs " + "word " * 100 + "</p>"
    pieces = excerpt(text, "ZEBRA")
    assert Piece("zebra", True) in pieces
    shown = "".join(piece.text for piece in pieces)
    assert "<b> zebra runs" in shown
    assert shown.startswith("… ")
    assert shown.endswith(" …")
    assert len(shown) < 300


def test_no_page_may_be_called_search(service: Service) -> None:
    page = {"key": "search", "url": "/search/", "title": "S", "question": "", "open": True}
    assert service.api("PUT", "/pages", json={"pages": [page]}).status_code == 422


def test_a_search_does_not_tell_what_unpublished_replies_hold(service: Service) -> None:
    public = service.submit(comment="A zebrafish in a bowl.")
    service.approve(public)
    # Nothing that is public has the word itself: its beginning finds the reply.
    assert len(links(search(service, "zebra"))) == 1
    for status in ("pending", "spam", "trash"):
        hidden = service.submit(comment=f"A zebra among the {status}.")
        if status != "pending":
            moderation.decide(
                service.db, hidden, status, by=actor.COMMAND_LINE, expected="pending",
                version=version_of(service.db, hidden), now=service.clock(),
            )  # fmt: skip
        assert len(links(search(service, "zebra"))) == 1, status


def test_a_search_does_not_tell_what_replies_on_withdrawn_pages_hold(service: Service) -> None:
    service.register("networking", "meetings")
    service.approve(service.submit(comment="A zebrafish in a bowl."))
    service.approve(service.submit("meetings", comment="A zebra on a page."))
    service.register("networking")
    assert len(links(search(service, "zebra"))) == 1
