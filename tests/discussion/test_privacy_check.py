"""The privacy gate: asks only about what looks like an address, and names reply and field."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from plugins.cli.build import build_site
from plugins.discussion.build import builder
from plugins.discussion.client.http import Client
from plugins.discussion.client.snapshot import Snapshot
from plugins.discussion.model.discussions import Author, Comment, Discussion
from plugins.discussion.model.privacy_check import Gate, candidates, suspect
from plugins.discussion.publish.publisher import Publisher
from plugins.shared.errors import PageError, PrivacyError
from tests import cpu
from tests.discussion.api_server import Wire
from tests.discussion.samples import (
    article,
    client_of,
    eventually,
    following,
    identifier,
    make_site,
    reply,
)
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


NETWORKS = [
    ("from 192.0.2.7.", {"192.0.2.7"}),
    ("[2001:db8::1]:443", {"2001:db8::1"}),
    ("ip:2001:DB8:0:0:0:0:0:1, yes", {"2001:DB8:0:0:0:0:0:1"}),
    ("192.0.2.0/24 and 2001:db8:1::/48.", {"192.0.2.0/24", "2001:db8:1::/48"}),
    ("192&#46;0.2.7", {"192.0.2.7"}),
    ("192.0.2<b>.7</b>", set()),
    ("<b>192</b>.0.2.7", {"192.0.2.7"}),
    ("1.2.3, 1.2.3.4.5, 256.1.1.1, 12:30:45, 2026-11-23T12:00:00Z", set()),
    ("std::vector, x :: Int, 16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48", set()),
]


@pytest.mark.parametrize(("text", "found"), NETWORKS)
def test_addresses_of_networks_are_found_and_what_looks_like_them_is_not(
    text: str, found: set[str]
) -> None:
    assert candidates(f"<p>{text}</p>") == found
    assert suspect(f'{{"html":"<p>{text}</p>"}}') or not found


def test_looking_for_networks_takes_no_longer_than_the_text_is_long() -> None:
    start = '{"submitted":"2026-11-23T12:00:00Z","html":"<p>'
    assert cpu.growth(lambda size: suspect(start + "At 1.5, e.g. here: yes. " * size), 20_000) < 3
    for hostile in ("1.", ":", "a:", "f", "::a "):

        def look(size: int, text: str = hostile) -> None:
            candidates(text * size)

        assert cpu.growth(look, 5_000) < 3, hostile


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        ("text", discussion("<p>Tom is at tom<em>@x.example</em></p>")),
        ("text", discussion('<p>Mail <a href="https://a.example/?to=tom%40x.example">me</a></p>')),
        ("text", discussion("<p>tom&#64;x.example</p>")),
        ("name", discussion(name="tom@x.example")),
        ("website", discussion(url="https://a.example/tom@x.example")),
    ],
)
def test_a_leak_names_the_reply_and_the_field(field: str, shown: Discussion) -> None:
    with pytest.raises(PrivacyError) as error:
        Gate(Service("tom@x.example")).check(shown)
    assert f"Reply {ID} of 'networking': its {field} contains" in str(error.value)
    assert "tom@x.example" not in str(error.value)


def test_ordinary_discussions_ask_nothing() -> None:
    service = Service()
    for shown in (discussion(), discussion("<p>1 < 2 &amp; 3 % of it</p>")):
        Gate(service).check(shown)
    assert service.asked == []


def test_an_address_of_the_sites_own_may_be_shown() -> None:
    service = Service("desk@site.example")
    gate = Gate(service, allowed=frozenset({"desk@site.example"}))
    gate.check(discussion("<p>Desk@Site.example</p>"))
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
            with pytest.raises(PrivacyError, match=f"given with reply {reply}"):
                gate.check(discussion(f"<p>{shown}</p>"))
        gate.check(discussion("<p>hello@charity.example</p>"))


LEAK = "<p>Ask tom@x.example.</p>"


def build(root: Path) -> builder.Build:
    return build_site(root, Path("pelicanconf.py"), Path("output"))


def test_a_build_refuses_a_page_that_shows_a_readers_address(wire: Wire, environ: Path) -> None:
    site = make_site(environ)
    build(site)
    before = (site / "output").resolve()
    wire.private.add("tom@x.example")
    wire.put("networking", [reply(1), reply(2, html=LEAK)])
    with pytest.raises(PrivacyError, match=f"Reply {identifier(2)} of 'networking': its text"):
        build(site)
    assert (site / "output").resolve() == before
    wire.put("networking", [reply(1)])
    build(site)


def test_a_build_refuses_an_article_that_shows_a_readers_address(wire: Wire, environ: Path) -> None:
    site = make_site(environ, {"a.md": article("A", "a", "Write to tom@x.example.")})
    build(site)
    wire.private.add("tom@x.example")
    with pytest.raises(PrivacyError, match=r"a\.md: the text contains"):
        build(site)
    with (site / "pelicanconf.py").open("a") as settings:
        settings.write('DISCUSSION_PUBLIC_ADDRESSES = ("Tom@x.example",)\n')
    build(site)


def test_a_build_refuses_the_network_of_a_reader_and_takes_any_other(
    wire: Wire, environ: Path
) -> None:
    text = "Your router is at 192.168.0.1, and 203.0.113.9 is nobody's."
    site = make_site(environ, {"a.md": article("A", "a", text)})
    build(site)
    wire.private |= {"203.0.113.9", "2001:db8:1::/48"}
    with pytest.raises(PrivacyError, match=r"a\.md: the text contains"):
        build(site)
    with (site / "pelicanconf.py").open("a") as settings:
        settings.write('DISCUSSION_PUBLIC_ADDRESSES = ("203.0.113.9",)\n')
    build(site)
    wire.put("a", [reply(1, html="<p>They come from 2001:db8:1::/48.</p>")])
    with pytest.raises(PrivacyError, match="its text contains"):
        build(site)


def test_the_publisher_leaves_a_page_as_it_was_and_goes_on_with_the_others(
    wire: Wire, environ: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site = make_site(environ)
    build(site)
    pages = site / "output"
    wire.private.add("tom@x.example")
    with following(pages, site / "var" / "discussions.sqlite3", wire.url):
        wire.wait_until_followed()
        wire.put("networking", [reply(1, html=LEAK)])
        wire.put("meetings", [reply(2)])
        eventually(lambda: "Reply number 2." in (pages / "meetings" / "index.html").read_text())
        eventually(lambda: f"Reply {identifier(1)}" in caplog.text)
        wire.put("networking", [reply(3)])
        eventually(lambda: "Reply number 3." in (pages / "networking" / "index.html").read_text())
    for path in pages.resolve().rglob("*.html"):
        assert "tom@x.example" not in path.read_text()
    assert "tom@x.example" not in caplog.text


def test_a_restarted_publisher_refuses_the_same_page(wire: Wire, environ: Path) -> None:
    site = make_site(environ)
    build(site)
    wire.private.add("tom@x.example")
    wire.put("networking", [reply(1, html=LEAK)])
    with (
        Snapshot(site / "var" / "discussions.sqlite3") as snapshot,
        client_of(wire.url) as client,
        pytest.raises(PageError, match="its text contains the email"),
    ):
        Publisher(site / "output", snapshot, client).once()
    assert "tom@x.example" not in (site / "output" / "networking" / "index.html").read_text()
