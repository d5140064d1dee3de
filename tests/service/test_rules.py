"""The rules: what follows from them, for a judge without a database and for a running service."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event as hooks
from sqlalchemy import select, update

from comments_service.domain import comment_form, ip_prefix, rules
from comments_service.domain.actor import RULES, Actor
from comments_service.domain.bans import NewBan
from comments_service.domain.errors import Conflict, Invalid
from comments_service.domain.labels import REASONS, reason_in_words
from comments_service.domain.models import Status
from comments_service.domain.rules import Facts, Rules, judge
from comments_service.services import auto_approval, moderation, retention, site_rules, submission
from comments_service.services.pages import the_site
from comments_service.store import events, pages
from comments_service.store.database import Database
from comments_service.store.tables import comment, contact, event, hold_reason, page
from tests.running import Service, reply, running_service, version_of
from tests.service.pages import stored

EDITH = Actor("Edith")
OPEN = Rules(hold_all=False)


def facts(text: str = "A plain reply.", **more: Any) -> Facts:
    return Facts(text, "Ann", None, f"<p>{text}</p>", text, [], [])._replace(**more)


def put(service: Service, new: Rules) -> int:
    """Save rules as an editor does; return the number of the entry."""
    with service.db.write() as connection:
        site = the_site(connection)
        version = site_rules.in_force(connection, site).version
        entry = site_rules.save(
            connection, site, new, version=version, by=EDITH, now=service.clock()
        )
    return entry.seq if entry else 0


def told(service: Service, public_id: str) -> list[Any]:
    with service.db.read() as connection:
        rows = connection.execute(
            select(event.c.actor, event.c.action, event.c.before, event.c.after)
            .where(event.c.comment == public_id)
            .order_by(event.c.seq)
        )
        return [tuple(row) for row in rows]


# ---- the judge ----

WORDS = st.lists(st.sampled_from(["casino", "赌博", "buy now", "straße", ".*"]), max_size=3)


@given(
    st.builds(
        Rules,
        hold_all=st.booleans(),
        hold_links=st.none() | st.integers(1, 5),
        hold_words=WORDS.map(tuple),
        reject_words=WORDS.map(tuple),
    ),
    st.builds(
        facts,
        st.sampled_from(["plain", "a CASINO", "网络赌博", "buy  now", "STRASSE", "x .* y"]),
        links=st.lists(st.just("https://a.example"), max_size=6),
        checks=st.lists(st.sampled_from(rules.CHECKS), unique=True),
        trusted=st.booleans(),
        banned=st.lists(st.just("banned-address:ban 1"), max_size=1),
    ),
)
def test_nothing_is_approved_that_has_a_reason_against_it(new: Rules, known: Facts) -> None:
    status, reasons = judge(new, known)
    assert (status == Status.APPROVED) == (not reasons)
    if status == Status.APPROVED:
        assert not known.checks
        assert not known.banned
        assert known.trusted or not new.hold_all
        assert new.hold_links is None or len(known.links) < new.hold_links
    rejecting = [one for one in reasons if one.startswith(("banned-", "reject-word"))]
    assert (status == Status.SPAM) == bool(rejecting)
    assert set(known.checks) <= set(reasons)
    assert set(known.banned) <= set(reasons)
    for one in reasons:
        assert one.partition(":")[0] in REASONS
        assert len(one.partition(":")[0]) <= 32


def test_the_defaults_hold_everything_and_trust_nobody_by_typing() -> None:
    assert judge(Rules(), facts()) == (Status.PENDING, ["all"])
    assert judge(Rules(), facts(trusted=True)).status == Status.APPROVED
    assert judge(Rules(), facts(trusted=True, checks=["bidi"])).reasons == ["bidi"]


@pytest.mark.parametrize(
    "more",
    [
        {"text": "casino"},
        {"seen": "casino"},
        {"name": "Casino Royal"},
        {"url": "https://casino.example/"},
        {"links": ["https://a.example/?q=cas%69no"]},
    ],
)
def test_words_are_looked_for_wherever_readers_would_meet_them(more: dict[str, Any]) -> None:
    verdict = judge(Rules(hold_words=("casino",)), facts("plain")._replace(**more))
    assert verdict.reasons == ["all", "word:casino"]


def test_a_reason_tells_the_rule_and_what_fired_but_never_an_address() -> None:
    verdict = judge(Rules(reject_words=("ann@example.org", "buy")), facts("buy ann@example.org"))
    assert sorted(verdict.reasons) == ["reject-word", "reject-word:buy"]
    assert reason_in_words("reject-word:buy") == "It has a word that rejects a reply: buy"
    assert reason_in_words("all") == "Every reply waits for an editor"
    assert reason_in_words("of a later version:x") == "of a later version: x"


# ---- as a form ----


def test_a_form_gives_the_rules_that_it_was_made_of() -> None:
    new = Rules(
        hold_all=False,
        trust_verified=True,
        hold_links=3,
        hold_words=("one", "two words"),
        reject_words=("赌博",),
        close_after_days=30,
        keep_network="none",
        network_days=7,
    )
    for one in (new, Rules()):
        assert rules.parse(rules.as_form(one)) == one


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("hold_links", "0", "from 1 to 1,000"),
        ("hold_links", "many", "or leave it empty"),
        ("hold_links", "٣", "number of links"),
        ("close_after_days", "-1", "number of days"),
        ("network_days", "", "from 1 to 36,500"),
        ("keep_network", "all", "Choose"),
        ("hold_words", "x" * 101, "100 characters"),
        ("reject_words", "\n".join(f"w{n}" for n in range(2_001)), "2,000 words"),
        ("reject_words", "\n".join(f"{n:099}" for n in range(300)), "20,000 characters"),
        ("hold_words", "a\0b", "control characters"),
    ],
)
def test_a_field_that_cannot_be_says_the_mend(field: str, value: str, told: str) -> None:
    with pytest.raises(Invalid) as caught:
        rules.parse(rules.as_form(Rules()) | {field: value})
    assert told in caught.value.fields[field]
    assert list(caught.value.fields) == [field]


def test_the_same_word_in_two_spellings_is_one() -> None:
    form = rules.as_form(Rules()) | {
        "hold_words": " Casino \r\n\ncasino\nCASINO\n \u200b \nbuy   now"
    }
    assert rules.parse(form).hold_words == ("Casino", "buy now")


# ---- a running service ----


def test_by_default_every_reply_waits(service: Service) -> None:
    row = stored(service.db, service.submit())
    assert (row.status, row.reasons, row.position, row.revision) == ("pending", ["all"], None, 0)


def test_a_reply_that_no_rule_holds_is_public_at_once(service: Service) -> None:
    rung: list[bool] = []
    service.db.subscribe(lambda: rung.append(True))
    put(service, OPEN)
    first, second = service.submit(comment="First."), service.submit(comment="Second.")
    below = service.submit(comment="Below.", parent=first)
    rows = [stored(service.db, one) for one in (first, second, below)]
    assert [row.status for row in rows] == ["approved"] * 3
    assert [row.position for row in rows] == [1, 2, None]
    assert [row.reasons for row in rows] == [[]] * 3
    assert told(service, first) == [
        ("the author", "submit", None, {"status": "pending"}),
        ("the rules", "approve", {"status": "pending"}, {"status": "approved"}),
    ]
    shown = service.api("GET", "/discussions/networking").json()
    assert [one["id"] for one in shown["comments"]] == [first, second, below]
    assert shown["revision"] == rows[2].revision
    assert rung


def test_a_rejecting_word_leads_to_the_spam_with_its_reason(service: Service) -> None:
    put(service, Rules(hold_all=False, reject_words=("casino",), hold_links=2))
    public_id = service.submit(comment="CASINO https://a.example https://b.example")
    row = stored(service.db, public_id)
    assert (row.status, row.reasons) == ("spam", ["reject-word:casino", "links:2"])
    assert told(service, public_id)[1][:2] == ("the rules", "spam")
    with service.db.read() as connection:
        codes = (
            connection.execute(select(hold_reason.c.reason).order_by(hold_reason.c.reason))
            .scalars()
            .all()
        )
    assert codes == ["links", "reject-word"]


def test_what_a_rule_did_can_be_undone(service: Service) -> None:
    put(service, OPEN)
    public_id = service.submit()
    with service.db.read() as connection:
        last = events.last_of(connection, public_id)
    assert last is not None
    moderation.undo(service.db, last.seq, by=EDITH, now=service.clock())
    assert stored(service.db, public_id).status == "pending"
    assert service.api("GET", "/discussions/networking").json()["comments"] == []


HELD = [
    ({"comment": "Write to ann.okoye@example.org"}, "own-address"),
    ({"comment": "To be turned \u202e round"}, "bidi"),
    ({"comment": "Ask known@example.org about it"}, "private"),
    ({"comment": "It is 0123456789abcdef0123456789abcdef, look"}, "digest"),
    ({"author": "known@example.org"}, "private"),
    ({"comment": "Blocked all of 127.0.0.0/24 here."}, "private"),
]


@pytest.mark.parametrize(("fields", "reason"), HELD)
def test_what_must_not_be_published_is_held_whatever_the_rules_say(
    service: Service, fields: dict[str, str], reason: str
) -> None:
    service.submit(email="known@example.org")
    put(service, OPEN)
    row = stored(service.db, service.submit(**fields))
    assert (row.status, row.reasons) == ("pending", [reason])


def test_rules_cost_one_small_statement_for_each_batch(service: Service) -> None:
    statements: list[str] = []
    engine = service.db.engine
    hooks.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    service.submit(comment="By default.")
    assert sum("FROM setting" in one or "FROM ban" in one for one in statements) == 1
    put(service, Rules(hold_words=tuple(f"word{number}" for number in range(500))))
    service.submit(comment="The first one reads the list.")
    statements.clear()
    service.submit(comment="The next ones do not.")
    assert sum("FROM setting" in one or "FROM ban" in one for one in statements) == 1


def test_of_two_who_save_the_second_is_told(service: Service) -> None:
    put(service, OPEN)
    with service.db.write() as connection, pytest.raises(Conflict, match="Edith saved other"):
        site_rules.save(
            connection, the_site(connection), Rules(hold_links=2), version=0,
            by=Actor("Olaf"), now=service.clock(),
        )  # fmt: skip


def test_saved_rules_can_be_undone_and_that_too(service: Service) -> None:
    def now() -> Rules:
        with service.db.read() as connection:
            return site_rules.in_force(connection, the_site(connection)).rules

    def undo(number: int) -> int:
        return moderation.undo(service.db, number, by=EDITH, now=service.clock()).seq

    first = put(service, Rules(hold_links=2))
    put(service, Rules(hold_links=2, hold_words=("casino",)))
    # Another field: what the first one changed is as it left it.
    back = undo(first)
    assert now() == Rules(hold_words=("casino",))
    with pytest.raises(Conflict):
        undo(first)
    undo(back)
    assert now() == Rules(hold_links=2, hold_words=("casino",))
    assert put(service, now()) == 0


# ---- authors who are known ----


def verify(service: Service, public_id: str) -> Any:
    """Do what the link in the mail does."""
    with service.db.write() as connection:
        row_id = select(comment.c.id).where(comment.c.public_id == public_id).scalar_subquery()
        connection.execute(
            update(contact)
            .where(contact.c.comment_id == row_id)
            .values(verified_at=service.clock())
        )
        return auto_approval.reconsider(
            connection, the_site(connection), public_id, now=service.clock()
        )


def test_an_address_is_trusted_when_it_was_confirmed_never_when_it_was_typed(
    service: Service,
) -> None:
    put(service, Rules(trust_verified=True))
    first = service.submit(comment="First.")
    assert verify(service, first) is None, "nobody has approved anything yet"
    service.approve(first)
    service.clock.forward(hours=1)
    typed = service.submit(
        comment="Somebody else types the address.", email="Ann.Okoye@example.org"
    )
    assert stored(service.db, typed).status == "pending"
    entry = verify(service, typed)
    assert entry is not None
    assert (entry.actor, entry.action) == (RULES.name, "approve")
    assert stored(service.db, typed).status == "approved"


def test_a_browser_that_confirmed_the_address_is_trusted_at_once(service: Service) -> None:
    put(service, Rules(trust_verified=True))
    first = service.submit(comment="First.")
    with service.db.write() as connection:
        assert not auto_approval.verified(connection, first, now=service.clock())
    service.approve(first)
    service.clock.forward(hours=1)

    def sent(text: str, **more: Any) -> str:
        one = submission.prepare(
            b"s", "networking", comment_form.check(reply(comment=text)), now=service.clock()
        )._replace(**more)
        [answer] = submission.submit_all(service.db, [one], resend_window=timedelta(0))
        assert isinstance(answer, submission.Submitted)
        assert answer.public == (stored(service.db, answer.public_id).status == "approved")
        return str(stored(service.db, answer.public_id).status)

    assert sent("Known.", verified=True) == "approved"
    assert sent("Typed.", verified=False) == "pending"
    put(service, Rules())
    assert sent("No rule trusts.", verified=True) == "pending"


@pytest.mark.parametrize("why", ["off", "not confirmed before", "links", "spam", "edited", "leak"])
def test_a_confirmed_address_alone_publishes_nothing(service: Service, why: str) -> None:
    put(service, Rules(trust_verified=why != "off", hold_links=1))
    first = service.submit(comment="First.")
    if why != "not confirmed before":
        verify(service, first)
    service.approve(first)
    service.submit(comment="From somebody else.", email="known@example.org")
    service.clock.forward(hours=1)
    texts = {"links": "At https://a.example", "leak": "Of known@example.org"}
    second = service.submit(comment=texts.get(why, "Second."))
    if why == "spam":
        moderation.decide(
            service.db,
            second,
            "spam",
            by=EDITH,
            expected="pending",
            version=version_of(service.db, second),
            now=service.clock(),
        )
    if why == "edited":
        moderation.edit(service.db, second, "Other.", by=EDITH, version=0, now=service.clock())
    assert verify(service, second) is None
    assert stored(service.db, second).status == ("spam" if why == "spam" else "pending")


# ---- networks ----

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))
NETWORKS = [
    ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
    ("10.0.0.1", [], "10.0.0.1"),
    ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
    ("10.0.0.1", ["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
    ("10.0.0.1", ["6.6.6.6", "198.51.100.1, 10.0.0.2"], "198.51.100.1"),
    ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
    ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
    ("2001:db8::1", ["[2001:4860::8]:443"], "2001:4860::8"),
    ("10.0.0.1", ["6.6.6.6, unknown"], None),
    ("10.0.0.1", ["6.6.6.6, "], None),
    ("::ffff:10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
    ("fe80::1%eth0", [], "fe80::1"),
    ("/run/socket", ["6.6.6.6"], None),
    (None, ["6.6.6.6"], None),
]


@pytest.mark.parametrize(("peer", "forwarded", "client"), NETWORKS)
def test_only_trusted_proxies_are_believed(
    peer: str | None, forwarded: list[str], client: str | None
) -> None:
    assert ip_prefix.client(peer, forwarded, TRUSTED) == client


@given(st.text(max_size=40), st.lists(st.text(max_size=60), max_size=3))
def test_no_forwarded_line_breaks_anything(peer: str, forwarded: list[str]) -> None:
    for one in (peer, "10.0.0.1"):
        found = ip_prefix.client(one, forwarded, TRUSTED)
        if found is not None:
            assert ip_prefix.kept(found, "prefix")


@pytest.mark.parametrize(
    ("address", "how", "kept"),
    [
        ("203.0.113.9", "prefix", "203.0.113.0/24"),
        ("2001:db8:1:2::3", "prefix", "2001:db8:1::/48"),
        ("203.0.113.9", "full", "203.0.113.9"),
        ("203.0.113.9", "none", None),
        (None, "full", None),
    ],
)
def test_as_much_of_a_network_is_kept_as_the_rules_say(
    address: str | None, how: str, kept: str | None
) -> None:
    assert ip_prefix.kept(address, how) == kept


def networks(service: Service) -> list[str | None]:
    with service.db.read() as connection:
        query = select(contact.c.network).order_by(contact.c.comment_id)
        return list(connection.execute(query).scalars())


def post_from(service: Service, address: str, text: str) -> str:
    answer = requests.post(
        f"{service.url}/comments/networking",
        data=reply(comment=text),
        headers={"X-Forwarded-For": address},
        allow_redirects=False,
        timeout=30,
    )
    assert answer.status_code == 303
    return answer.headers["Location"].split("/")[3]


def test_a_prefix_is_stored_and_forgotten_in_time(tmp_path: Path) -> None:
    with running_service(tmp_path, trusted_proxies="127.0.0.1, ::1") as service:
        service.register("networking")
        post_from(service, "198.51.100.7", "By default.")
        put(service, Rules(keep_network="full"))
        post_from(service, "198.51.100.7", "In full.")
        put(service, Rules(keep_network="none"))
        post_from(service, "198.51.100.7", "Not at all.")
        assert networks(service) == ["198.51.100.0/24", "198.51.100.7", None]
        put(service, Rules())
        retention.keep_up(service.db, now=service.clock())
        assert networks(service) == ["198.51.100.0/24", "198.51.100.0/24", None]
        service.clock.forward(days=89)
        post_from(service, "198.51.100.7", "Later.")
        service.clock.forward(days=2)
        retention.keep_up(service.db, now=service.clock())
        assert networks(service) == [None, None, None, "198.51.100.0/24"]
        put(service, Rules(keep_network="none"))
        retention.keep_up(service.db, now=service.clock())
        assert networks(service) == [None] * 4


def test_without_trusted_proxies_nobody_can_make_up_an_address(service: Service) -> None:
    post_from(service, "198.51.100.7", "Made up.")
    assert networks(service) == ["127.0.0.0/24"]


# ---- closing ----


def opened(service: Service, key: str) -> bool | None:
    with service.db.read() as connection:
        found = pages.find(connection, the_site(connection).id, key)
    assert found is not None
    return found.opened


def test_old_discussions_are_closed_unless_an_editor_decided(service: Service) -> None:
    service.register("old", "kept-open", "undone", "new", "unknown")
    days = {"old": 1, "kept-open": 1, "undone": 1, "new": 22}
    with service.db.write() as connection:
        for key, day in days.items():
            at = datetime(2026, 11, day, tzinfo=UTC)
            connection.execute(update(page).where(page.c.key == key).values(published_at=at))
    moderation.set_open(service.db, "kept-open", opened=True, by=EDITH, now=service.clock())
    retention.keep_up(service.db, now=service.clock())
    assert opened(service, "old") is None
    put(service, Rules(close_after_days=14))
    retention.keep_up(service.db, now=service.clock())
    states = {key: opened(service, key) for key in ("old", "kept-open", "new", "unknown", "undone")}
    assert states == {
        "old": False, "kept-open": True, "new": None, "unknown": None, "undone": False,
    }  # fmt: skip
    with service.db.read() as connection:
        last = events.last_of_page(connection, "undone")
    assert last is not None
    assert (last.actor, last.action) == ("the rules", "close")
    moderation.undo(service.db, last.seq, by=EDITH, now=service.clock())
    service.clock.forward(days=1)
    retention.keep_up(service.db, now=service.clock())
    assert opened(service, "undone") is None
    assert service.post("old").status_code == 403
    moderation.set_open(service.db, "old", opened=None, by=EDITH, now=service.clock())
    retention.keep_up(service.db, now=service.clock() + timedelta(days=1))
    assert opened(service, "old") is False


def test_a_restored_database_is_judged_by_its_own_rules(service: Service, tmp_path: Path) -> None:
    put(service, OPEN)
    backup = tmp_path / "backup.sqlite3"
    with (
        closing(sqlite3.connect(str(service.db.file))) as source,
        closing(sqlite3.connect(backup)) as target,
    ):
        source.backup(target)
    # Both go on from here, with other rules and bans under the same numbers.
    restored = Database(f"sqlite:///{backup}")
    new = Service(service.url, service.settings, restored, service.clock)
    put(service, Rules(hold_all=False, hold_words=("casino",)))
    put(new, Rules(hold_all=False, hold_links=7))
    _ban_word(service, "roulette")
    _ban_word(new, "poker")
    for one, known_rules, word in (
        (service, Rules(hold_all=False, hold_words=("casino",)), "roulette"),
        (new, Rules(hold_all=False, hold_links=7), "poker"),
        (service, Rules(hold_all=False, hold_words=("casino",)), "roulette"),
    ):
        with one.db.read() as connection:
            book = site_rules.in_force(connection, the_site(connection))
        assert book.rules == known_rules
        texts = [[word]]
        now = service.clock()
        assert book.bans.reasons(email="a@b.example", network=None, texts=texts, now=now)
    restored.close()


def test_a_database_put_back_in_place_is_judged_by_its_own_rules(
    service: Service, tmp_path: Path
) -> None:
    file = service.db.file
    assert file is not None
    put(service, OPEN)
    backup = tmp_path / "backup.sqlite3"
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(backup)) as target:
        source.backup(target)
    other = Database(f"sqlite:///{backup}")
    put(Service(service.url, service.settings, other, service.clock), Rules(hold_links=7))
    other.close()
    put(service, Rules(hold_links=3))
    with service.db.read() as connection:
        assert site_rules.in_force(connection, the_site(connection)).rules.hold_links == 3
    service.db.close()
    for ending in ("-wal", "-shm"):
        file.with_name(file.name + ending).unlink(missing_ok=True)
    backup.replace(file)
    with service.db.read() as connection:
        assert site_rules.in_force(connection, the_site(connection)).rules.hold_links == 7


def _ban_word(service: Service, word: str) -> None:
    with service.db.write() as connection:
        new = NewBan("word", word, "", None)
        site_rules.ban(connection, the_site(connection), new, by=EDITH, now=service.clock())
