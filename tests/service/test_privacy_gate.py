"""What looks like an address is compared with the stored ones, and nothing else is told."""

import hashlib

import pytest
from sqlalchemy import update

from comments_service.domain import actor
from comments_service.domain.errors import Conflict
from comments_service.services import moderation, privacy
from comments_service.store.tables import contact
from tests.running import Service, version_of

EMAIL = "Ann.Okoye@Example.org"


def asked(service: Service, *candidates: str) -> list[dict[str, object]]:
    answer = service.api("POST", "/private", json={"candidates": list(candidates)})
    assert answer.ok, answer.text
    assert "@" not in answer.text
    found: list[dict[str, object]] = answer.json()["private"]
    return found


def test_a_stored_address_is_recognised_in_any_letters(service: Service) -> None:
    reply = service.submit(email=EMAIL)
    for form in (EMAIL, EMAIL.lower(), EMAIL.upper()):
        assert asked(service, "nobody@example.org", form) == [
            {"position": 1, "reply": reply, "kind": "email"}
        ]


@pytest.mark.parametrize(
    "typed", ["Öznur.Çelik@example.org", "ΣΟΦΙΑ@παράδειγμα.gr", "STRAẞE@x.example"]
)
def test_letters_of_every_script_have_their_capitals(service: Service, typed: str) -> None:
    reply = service.submit(email=typed)
    for form in (typed, typed.lower(), typed.upper(), typed.casefold()):
        assert asked(service, form) == [{"position": 0, "reply": reply, "kind": "email"}]


@pytest.mark.parametrize("kind", ["md5", "sha1", "sha256", "sha512"])
def test_a_common_hash_of_a_stored_address_is_recognised(service: Service, kind: str) -> None:
    reply = service.submit(email=EMAIL)
    for form in (EMAIL, EMAIL.lower()):
        digest = hashlib.new(kind, form.encode()).hexdigest()
        for written in (digest, digest.upper()):
            found = asked(service, written)
            assert found == [{"position": 0, "reply": reply, "kind": f"{kind} of the email"}]


def test_what_is_nobodys_is_not_private(service: Service) -> None:
    service.submit(email=EMAIL)
    assert (
        asked(service, "ann.okoye@example.com", "a" * 40, "d41d8cd98f00b204e9800998ecf8427e") == []
    )


def test_the_question_needs_the_token(service: Service) -> None:
    answer = service.api(
        "POST", "/private", json={"candidates": []}, headers={"Authorization": "Bearer no"}
    )
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "text",
    [
        "write to {}",
        "<p>write to <b>{}</b>.</p>",
        '<a href="https://x.example/?to={}">x</a>',
        "({})",
        "{}.",
    ],
)
@pytest.mark.parametrize("written", ["ann@example.org", "ann%40example.org", "ann&#64;example.org"])
def test_addresses_are_found_however_they_are_written(text: str, written: str) -> None:
    assert "ann@example.org" in privacy.candidates(text.format(written))


def test_hashes_are_found_and_ids_are_not() -> None:
    digest = hashlib.sha256(b"x").hexdigest()
    assert privacy.candidates(f"avatar/{digest}?s=80") == [digest]
    assert privacy.candidates("01k9zq3v7e8m2c4t6w8x0z1y3a", "f" * 33, None) == []


def test_a_reply_that_shows_another_readers_address_is_not_approved(service: Service) -> None:
    service.submit(email=EMAIL)
    telltale = service.submit(
        author="Tom", email="tom@example.net", comment=f"Ask {EMAIL.lower()}, she knows."
    )
    with pytest.raises(Conflict, match="its text contains a reader's email address"):
        service.approve(telltale)
    assert service.api("GET", "/discussions/networking").json()["comments"] == []


def test_an_address_that_nobody_replied_with_may_be_shown(service: Service) -> None:
    service.approve(service.submit(comment="Write to hello@charity.example, they answer."))
    shown = service.api("GET", "/discussions/networking").json()["comments"]
    assert "hello@charity.example" in shown[0]["html"]


def test_an_undo_cannot_publish_an_address_either(service: Service) -> None:
    telltale = service.submit(author="Tom", comment="Ask ann@example.net.", email="t@example.net")
    service.approve(telltale)
    done = moderation.decide(
        service.db, telltale, "trash", by=actor.COMMAND_LINE, expected="approved",
        version=version_of(service.db, telltale),
        now=service.clock(),
    )  # fmt: skip
    service.submit(comment="I am Ann.", email="ann@example.net")
    with pytest.raises(Conflict):
        moderation.undo(service.db, done.seq, by=actor.COMMAND_LINE, now=service.clock())


def comes_from(service: Service, network: str) -> str:
    """A reply that came from there, as the operator keeps it."""
    reply = service.submit(comment=f"From {len(network)}.", email=f"n{len(network)}@example.org")
    with service.db.write() as connection:
        mine = contact.c.email == f"n{len(network)}@example.org"
        connection.execute(update(contact).where(mine).values(network=network))
    return reply


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7", "::ffff:192.0.2.7"),
        ("192.0.2.7", "::ffff:c000:207"),
        ("192.0.2.7/32", "192.0.2.7"),
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.0/24", "192.0.2.99/24"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:db8::1", "2001:DB8:0:0:0:0:0:1"),
        ("2001:db8:1::/48", "2001:db8:1::/48"),
    ],
)
def test_the_network_of_a_reader_is_private(service: Service, stored: str, shown: str) -> None:
    reply = comes_from(service, stored)
    assert asked(service, "198.51.100.1", shown) == [
        {"position": 1, "reply": reply, "kind": "network"}
    ]


@pytest.mark.parametrize("shown", ["192.0.2.7", "2001:db8:1::7", "203.0.113.0/24", "127.0.0.1"])
def test_an_address_that_is_kept_of_nobody_may_be_shown(service: Service, shown: str) -> None:
    comes_from(service, "192.0.2.0/24")
    comes_from(service, "2001:db8:1::/48")
    assert asked(service, shown) == []


def test_networks_are_found_and_versions_and_times_are_not() -> None:
    text = (
        "<p>From 192.0.2.7, [2001:db8::1]:443, ip:2001:db8::2. and <b>192.0</b>.2.0/24; "
        "not 1.2.3, 1.2.3.4.5, 256.1.1.1, 12:30:45, std::vector, x :: Int or 01:23:45:67:89:ab.</p>"
    )
    assert set(privacy.candidates(text)) == {
        "192.0.2.7", "2001:db8::1", "2001:db8::2", "192.0.2.0/24",
    }  # fmt: skip


def test_a_reply_that_shows_a_readers_network_is_not_approved(service: Service) -> None:
    comes_from(service, "192.0.2.7")
    telltale = service.submit(comment="Tom writes from 192.0.2.7.")
    with pytest.raises(Conflict):
        service.approve(telltale)
    service.approve(service.submit(comment="Our router is 192.168.0.1."))
