"""Two applications in one process share nothing: neither language, nor database, nor limits."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.running import Service, reply, running_service
from tests.service.pages import Page


@pytest.fixture(name="pair")
def _pair(tmp_path: Path) -> Iterator[tuple[Service, Service]]:
    """A German and a French service, the French one started last."""
    for name in ("de", "fr"):
        (tmp_path / name).mkdir()
    with (
        running_service(tmp_path / "de", language="de") as german,
        running_service(tmp_path / "fr", language="fr", posts_per_minute=1) as french,
    ):
        for service in (german, french):
            service.register("networking")
        yield german, french


def refusal(service: Service) -> str:
    """The language and the title of the page that refuses an empty reply."""
    answer = requests.post(f"{service.url}/comments/networking", data=reply(comment=""), timeout=30)
    page = Page(answer.text)
    return f"{page.one('html').attributes['lang']}: {page.one('title').text}"


def test_each_speaks_its_own_language(pair: tuple[Service, Service]) -> None:
    german, french = pair
    titles = [refusal(service) for service in (german, french, german)]
    assert titles[0] == titles[2] != titles[1]
    assert titles[0].startswith("de: Fehler")
    assert titles[1].startswith("fr: Erreur")


def test_a_reply_to_one_is_not_in_the_other(pair: tuple[Service, Service]) -> None:
    german, french = pair
    german.approve(german.submit(comment="Guten Tag."))
    shown = [
        one.api("GET", "/discussions/networking").json()["comments"] for one in (german, french)
    ]
    assert [len(comments) for comments in shown] == [1, 0]


def test_the_limit_of_one_does_not_count_for_the_other(pair: tuple[Service, Service]) -> None:
    german, french = pair
    french.submit(comment="Bonjour.")
    german.submit(comment="Eins.")
    german.submit(comment="Zwei.")
    assert french.post(comment="Encore une fois.").status_code == 429
