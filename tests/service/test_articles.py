"""The list of articles: each once, found by words, opened and closed with a way back."""

import re
from datetime import UTC, datetime

from sqlalchemy import update

from comments_service.services.pages import the_site
from comments_service.store import pages
from comments_service.store.tables import page as page_table
from comments_service.web.moderation import articles
from tests.running import Service
from tests.service.pages import Page, number_of, signed_in


def titles(html: str) -> list[str]:
    return [one.text for one in Page(html).all("h2")]


def test_every_article_is_listed_once_the_latest_first(service: Service) -> None:
    service.register(*(f"article-{number}" for number in range(120)))
    with service.db.write() as connection:
        for number in range(0, 120, 2):
            at = datetime(2020 if number < 60 else 1950, 1, 1 + number % 28, tzinfo=UTC)
            one = page_table.c.key == f"article-{number}"
            connection.execute(update(page_table).where(one).values(published_at=at))
    editor = signed_in(service)
    seen: list[str] = []
    address: str | None = "/moderate/articles"
    while address:
        answer = editor.get(address)
        assert answer.status_code == 200
        found = titles(answer.text)
        assert len(found) <= articles.PAGE_SIZE
        seen += found
        more = re.search(r'href="(/moderate/articles[^"]*after=[^"]*)"', answer.text)
        address = more[1].replace("&amp;", "&") if more else None
    assert sorted(seen) == sorted(f"About article-{number}" for number in range(120))
    assert seen[0] == "About article-26"
    assert {int(one.rpartition("-")[2]) % 2 for one in seen[60:]} == {1}


def test_words_find_in_title_and_key_as_they_are(service: Service) -> None:
    service.register("one-hundred")
    service.register("percent", "other", title="100% <sure>")
    editor = signed_in(service)
    # A registration lists every page there is: the first one was withdrawn by the second.
    for words, count in (("100%", 2), ("%", 2), ("_", 0), ("PERCENT", 1), ("sure 100", 2)):
        found = editor.get("/moderate/articles", params={"q": words}).text
        assert len(titles(found)) == count, words
        assert "<sure>" not in found
    assert "No article has these words" in editor.get("/moderate/articles?q=nothing").text


def test_an_article_is_closed_opened_and_left_to_itself(service: Service) -> None:
    def opened() -> bool | None:
        with service.db.read() as connection:
            found = pages.find(connection, the_site(connection).id, "networking")
        assert found is not None
        return found.opened

    editor = signed_in(service, name="Edith <b>")
    service.submit()
    token = editor.token
    for action, state in (("close", False), ("open", True), ("article", None)):
        done = editor.post(
            "/moderate/articles", token=token, key="networking", action=action, q="networking"
        )
        assert done.headers["Location"].startswith("/moderate/articles?q=networking&done=")
        assert opened() is state
        shown = editor.get(done.headers["Location"]).text
        assert ("by Edith &lt;b&gt;" in shown) == (state is not None)
        buttons = [one.attributes["value"] for one in Page(shown).all("button", name="action")]
        assert action not in buttons
        assert len(buttons) == 2
        assert "1 pending" in re.sub(r"\s+", " ", shown)
        editor.undo(number_of(done))
        assert opened() == {False: None, True: False, None: True}[state]
        editor.post("/moderate/articles", token=token, key="networking", action=action)
        assert editor.get("/moderate/history").status_code == 200


def test_a_closed_article_takes_no_replies(service: Service) -> None:
    editor = signed_in(service)
    editor.post("/moderate/articles", token=editor.token, key="networking", action="close")
    assert service.post().status_code == 403


def test_nothing_in_the_address_or_the_form_breaks_the_list(service: Service) -> None:
    editor = signed_in(service)
    token = editor.token
    for cursor in ("x", "1_", "-99999999999999999_1", "999999999999999999_1", "0_1", "1_1_1"):
        assert editor.get(f"/moderate/articles?after={cursor}").status_code in {200, 404}, cursor
    for query in ("q=%00", "q=%FF", "q=" + "x" * 5000, "done=1", "done=x", "q=%25_%5C"):
        assert editor.get(f"/moderate/articles?{query}").status_code == 200, query
    for fields in ({"action": "x", "key": "networking"}, {"action": "close", "key": "a\0b"}, {}):
        answer = editor.post("/moderate/articles", token=token, **fields)
        assert answer.status_code == 404
