"""Bans: what can be banned, what falls under one until when, and what the log says of it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from comments_service.domain import bans
from comments_service.domain.actor import Actor
from comments_service.domain.bans import Bans
from comments_service.domain.errors import Conflict, Invalid
from comments_service.domain.models import Ban
from comments_service.domain.phrase_matcher import tokens
from comments_service.services import moderation, retention, site_rules
from comments_service.services.pages import the_site
from comments_service.store import rules as store
from tests.running import NOON, Service, reply, running_service
from tests.service.pages import dump, stored

EDITH = Actor("Edith")


def form(kind: str, value: str, **more: str) -> dict[str, str]:
    return {"ban-kind": kind, "ban-value": value, **more}


def one(kind: str, value: str, number: int = 1, expires_at: datetime | None = None) -> Ban:
    return Ban(number, kind, value, "", NOON, expires_at, None)


def add(service: Service, kind: str, value: str, **more: str) -> int:
    """Ban something as an administrator does; return the number of the entry."""
    new = bans.parse(form(kind, value, **more), now=service.clock())
    with service.db.write() as connection:
        return site_rules.ban(
            connection, the_site(connection), new, by=EDITH, now=service.clock()
        ).seq


def reasons(
    known: list[Ban], email: str = "ann@example.org", network: str | None = None, text: str = ""
) -> list[str]:
    return Bans(known).reasons(email=email, network=network, texts=[tokens(text)], now=NOON)


@pytest.mark.parametrize(
    ("kind", "typed", "stored"),
    [
        ("address", " Ann@Example.ORG ", "ann@example.org"),
        ("address", "@Spam.example", "@spam.example"),
        ("network", "203.0.113.7", "203.0.113.7"),
        ("network", "203.0.113.7/24", "203.0.113.0/24"),
        ("network", "2001:DB8::1/48", "2001:db8::/48"),
        ("word", " buy   Now ", "buy Now"),
    ],
)
def test_what_is_banned_is_stored_in_one_form(kind: str, typed: str, stored: str) -> None:
    new = bans.parse(form(kind, typed), now=NOON)
    assert (new.kind, new.value, new.expires_at) == (kind, stored, None)


@pytest.mark.parametrize(
    ("fields", "where", "told"),
    [
        (form("", "x"), "ban-kind", "Choose"),
        (form("address", ""), "ban-value", "name@example.com"),
        (form("address", "@"), "ban-value", "@example.com"),
        (form("network", "0.0.0.0/0"), "ban-value", "/8 or longer"),
        (form("network", "::/0"), "ban-value", "/16 or longer"),
        (form("network", "300.1.1.1"), "ban-value", "203.0.113.7"),
        (form("word", "\u200b"), "ban-value", "Enter a word"),
        (form("word", "x" * 101), "ban-value", "100 characters"),
        (form("word", "x") | {"ban-note": "x" * 301}, "ban-note", "301"),
        (form("word", "x") | {"ban-expires": "tomorrow"}, "ban-expires", "2027-01-31"),
        (form("word", "x") | {"ban-expires": "2026-11-23"}, "ban-expires", "after today"),
    ],
)
def test_what_cannot_be_banned_says_the_mend(fields: dict[str, str], where: str, told: str) -> None:
    with pytest.raises(Invalid) as caught:
        bans.parse(fields, now=NOON)
    assert list(caught.value.fields) == [where]
    assert told in caught.value.fields[where]


def test_a_ban_is_told_by_its_number_and_never_by_an_address() -> None:
    known = [one("address", "ann@example.org", 7), one("network", "203.0.113.0/24", 8)]
    assert reasons(known, "ANN@example.org", "203.0.113.9") == [
        "banned-address:ban 7", "banned-network:ban 8",
    ]  # fmt: skip
    assert reasons([one("word", "ann@example.org")], text="by ann@example.org") == ["banned-word"]
    assert reasons([one("word", "Casino")], text="a CASINO") == ["banned-word:Casino"]


@pytest.mark.parametrize(
    ("banned", "network", "falls"),
    [
        ("203.0.113.0/24", "203.0.113.9", True),
        ("203.0.113.0/24", "203.0.113.0/24", True),
        ("203.0.112.0/20", "203.0.113.0/24", True),
        ("203.0.113.9", "203.0.113.9", True),
        ("203.0.113.9", "203.0.113.0/24", False),
        ("203.0.113.0/24", "203.0.114.9", False),
        ("203.0.113.0/24", None, False),
        ("2001:db8::/32", "2001:db8:1::/48", True),
        ("2001:db8::/32", "203.0.113.9", False),
    ],
)
def test_a_network_holds_what_is_in_it(banned: str, network: str | None, falls: bool) -> None:
    assert bool(reasons([one("network", banned)], network=network)) == falls


def test_a_domain_is_banned_whole_and_alone() -> None:
    known = [one("address", "@spam.example")]
    assert reasons(known, "any@SPAM.example")
    assert not reasons(known, "any@sub.spam.example")
    assert not reasons(known, "any@notspam.example")


@pytest.mark.parametrize("banned", ["@münchen.example", "@xn--mnchen-3ya.example"])
@pytest.mark.parametrize(
    "email", ["x@münchen.example", "x@xn--mnchen-3ya.example", "X@MÜNCHEN.example"]
)
def test_a_domain_is_banned_in_both_of_its_spellings(banned: str, email: str) -> None:
    assert reasons([one("address", banned)], email) == ["banned-address:ban 1"]


def test_of_two_bans_of_the_same_the_longer_counts() -> None:
    past, later = NOON - timedelta(days=1), NOON + timedelta(days=1)
    for ends in ((past, later), (later, past), (past, None), (None, past)):
        for kind, value in (("word", "x"), ("network", "203.0.113.9"), ("address", "a@b.example")):
            known = [one(kind, value, number, at) for number, at in enumerate(ends)]
            assert reasons(known, "a@b.example", "203.0.113.9", "x"), (kind, ends)


def test_a_banned_reply_stands_in_the_spam_until_the_ban_ends(tmp_path: Path) -> None:
    with running_service(tmp_path, trusted_proxies="127.0.0.1") as service:
        service.register("networking")
        add(service, "network", "198.51.100.0/24", **{"ban-expires": "2026-11-25"})
        add(service, "address", "Bad@example.org")
        add(service, "word", "赌博")

        def post(text: str, email: str = "ann@example.org") -> tuple[str, list[str]]:
            answer = requests.post(
                f"{service.url}/comments/networking",
                data=reply(comment=text, email=email),
                headers={"X-Forwarded-For": "198.51.100.7"},
                allow_redirects=False,
                timeout=30,
            )
            row = stored(service.db, answer.headers["Location"].split("/")[3])
            return row.status, row.reasons

        assert post("One.") == ("spam", ["banned-network:ban 1"])
        service.clock.now = datetime(2026, 11, 25, tzinfo=UTC)
        assert post("Two.") == ("pending", ["all"])
        assert post("Three.", "bad@EXAMPLE.org") == ("spam", ["banned-address:ban 2"])
        assert post("网络赌博游戏") == ("spam", ["banned-word:赌博"])
        retention.keep_up(service.db, now=service.clock())
        before = dump(service.db)
        retention.keep_up(service.db, now=service.clock())
        assert dump(service.db) == before
        lifted = [row for row in before["event"] if "lift-ban" in row]
        assert len(lifted) == 1
        assert "the rules" in lifted[0]


def test_a_ban_and_its_lifting_can_be_undone(service: Service) -> None:
    def spam(text: str) -> bool:
        return bool(stored(service.db, service.submit(comment=text)).status == "spam")

    def undo(number: int) -> int:
        return moderation.undo(service.db, number, by=EDITH, now=service.clock()).seq

    number = add(service, "address", "ann.okoye@example.org", **{"ban-expires": "2026-12-01"})
    assert spam("One.")
    back = undo(number)
    assert not spam("Two.")
    with pytest.raises(Conflict):
        undo(number)
    again = undo(back)
    assert spam("Three.")
    last = undo(again)
    with pytest.raises(Conflict, match="decided about this ban later"):
        undo(back)
    service.clock.forward(days=30)
    with pytest.raises(Conflict, match="time of that ban is over"):
        undo(last)


def test_the_log_holds_no_address_and_the_same_ban_comes_once(service: Service) -> None:
    add(service, "address", "bad@example.org")
    assert "bad@example.org" not in repr(dump(service.db)["event"])
    with pytest.raises(Conflict, match="ban 1"):
        add(service, "address", "BAD@example.org")
    with service.db.read() as connection:
        assert len(store.bans(connection, the_site(connection).id)) == 1
