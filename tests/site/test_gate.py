"""The privacy gate: asks only about what looks like an address, and names reply and field."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from plugins.discussion.client import Client
from plugins.discussion.errors import PrivacyError
from plugins.discussion.gate import Gate, candidates
from plugins.discussion.model import Author, Comment, Discussion
from tests.running import TOKEN, running_service

ID = "01k9zq3v7e8m2c4t6w8x0z1y3a"


def discussion(html: str = "<p>Fine.</p>", name: str = "Ann", url: str | None = None) -> Discussion:
    at = datetime(2026, 11, 23, tzinfo=UTC)
    one = Comment(ID, None, Author(name, url), html, at, None, editor=False, removed=False)
    return Discussion("networking", 1, (one,))


class Service:
    """Knows some private strings; remembers what it was asked."""

    def __init__(self, *private: str) -> None:
        self.private, self.asked = private, list[str]()

    def __call__(self, found: Sequence[str]) -> Mapping[str, str]:
        self.asked += found
        return {one: "the email given with reply X" for one in found if one in self.private}


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        ("text", discussion('<p>Mail <a href="https://a.example/?to=tom%40x.example">me</a></p>')),
        ("text", discussion("<p>tom&#64;x.example</p>")),
        ("name", discussion(name="tom@x.example")),
        ("website", discussion(url="https://a.example/tom@x.example")),
    ],
)
def test_a_leak_names_the_reply_and_the_field(field: str, shown: Discussion) -> None:
    errors = Gate(Service("tom@x.example")).check([shown])
    assert f"reply {ID} of 'networking': its {field} contains" in str(errors["networking"])
    assert "tom@x.example" not in str(errors["networking"])


def test_ordinary_discussions_ask_nothing() -> None:
    service = Service()
    assert Gate(service).check([discussion(), discussion("<p>1 < 2 &amp; 3 % of it</p>")]) == {}
    assert service.asked == []


def test_an_address_of_the_sites_own_may_be_shown() -> None:
    service = Service("desk@site.example")
    gate = Gate(service, allowed=frozenset({"desk@site.example"}))
    assert gate.check([discussion("<p>Desk@Site.example</p>")]) == {}
    gate.check_text("<p>desk@site.example</p>", "about.md")


def test_the_text_of_an_article_is_looked_at_too() -> None:
    with pytest.raises(PrivacyError, match=r"networking\.md: the text contains the email"):
        Gate(Service("tom@x.example")).check_text("<p>tom@x.example</p>", "networking.md")


def test_hashes_of_every_common_kind_are_found() -> None:
    for kind in ("md5", "sha1", "sha256", "sha512"):
        digest = hashlib.new(kind, b"x").hexdigest()
        assert candidates(f'<img src="/avatar/{digest}.png">') == {digest}


def test_the_real_service_answers_the_gate(tmp_path: Path) -> None:
    with running_service(tmp_path) as service, Client(service.url, TOKEN) as client:
        service.register("networking")
        reply = service.submit(email="Tom@x.example")
        gate = Gate(client.private)
        digest = hashlib.md5(b"tom@x.example").hexdigest()
        for shown in ("tom@x.example", digest):
            error = gate.check([discussion(f"<p>{shown}</p>")])["networking"]
            assert f"given with reply {reply}" in str(error)
        assert gate.check([discussion("<p>hello@charity.example</p>")]) == {}
