"""The simulator: what it says is what submitting does, and it changes nothing."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from comments_service.domain import bans, comment_form
from comments_service.domain.actor import Actor
from comments_service.domain.models import Origin, Status
from comments_service.domain.rules import Rules
from comments_service.services import moderation, rule_preview, site_rules, submission
from comments_service.services.pages import the_site
from comments_service.services.rule_preview import Replay
from comments_service.store import events
from comments_service.store import rules as store
from comments_service.store.tables import comment
from tests.running import Service, reply, version_of
from tests.service.pages import dump, stored
from tests.service.test_rules import put, verify

EDITH = Actor("Edith")

TEXTS = [
    "A plain reply.",
    "At the CASINO.",
    "One https://a.example link.",
    "Two https://a.example https://b.example links.",
    "网络赌博游戏",
    "Die STRASSE.",
    "Mail me: ann.okoye@example.org",
    "turned \u202e round",
    "0123456789abcdef0123456789abcdef",
    "Ask early@example.org",
    "cas\u200bino and https://casino.example",
]
PROPOSED = [
    Rules(),
    Rules(hold_all=False),
    Rules(hold_all=False, hold_links=2, hold_words=("casino",), reject_words=("赌博",)),
    Rules(hold_all=False, hold_links=1, hold_words=("straße",), reject_words=("casino",)),
    Rules(reject_words=("plain reply",), trust_verified=True),
]


def replay(service: Service, proposed: Rules, most: int = 2_000) -> Replay:
    with service.db.read() as connection:
        return rule_preview.replay(
            connection, the_site(connection), proposed, most=most, now=service.clock()
        )


def replayed(service: Service, proposed: Rules) -> dict[str, tuple[str, list[str]]]:
    """What the simulator makes of each reply, by its text."""
    with service.db.read() as connection:
        site = the_site(connection)
        past = store.past(connection, site.id, 2_000)
        done = events.of_comments(connection, [one.public_id for one in past])
        verdicts = rule_preview.judge_past(
            connection, site, proposed, past, done, now=service.clock()
        )
    return {
        one.text: (verdict.status.value, verdict.reasons)
        for one, verdict in zip(past, verdicts, strict=True)
    }


@pytest.mark.parametrize("proposed", PROPOSED, ids=range(len(PROPOSED)))
def test_the_simulator_says_what_submitting_does(service: Service, proposed: Rules) -> None:
    service.submit("meetings", comment="The first.", email="early@example.org")
    with service.db.write() as connection:
        new = bans.parse({"ban-kind": "word", "ban-value": "two"}, now=service.clock())
        site_rules.ban(connection, the_site(connection), new, by=EDITH, now=service.clock())
    for text in TEXTS:
        service.submit("meetings", comment=text)
    said = replayed(service, proposed)
    put(service, proposed)
    for text in TEXTS:
        row = stored(service.db, service.submit("saying-no", comment=text))
        assert (row.status, row.reasons) == said[row.text], text


def test_an_edited_reply_is_judged_as_it_came(service: Service) -> None:
    public_id = service.submit(comment="At the casino.")
    for version, text in enumerate(("At the theatre.", "At the opera.")):
        moderation.edit(service.db, public_id, text, by=EDITH, version=version, now=service.clock())
    told = replay(service, Rules(hold_all=False, reject_words=("casino",)))
    assert [(one.was, one.now) for one in told.changes] == [("pending", "spam")]


def test_it_counts_what_was_would_be_and_what_editors_made_of_it(service: Service) -> None:
    good, bad, missed, waiting = (
        service.submit(comment=text)
        for text in ("Good.", "At the casino.", "Sold here.", "Another one.")
    )
    service.approve(good)
    for one, action in ((bad, "trash"), (missed, "spam")):
        moderation.decide(
            service.db,
            one,
            action,
            by=EDITH,
            expected="pending",
            version=version_of(service.db, one),
            now=service.clock(),
        )
    put(service, Rules(hold_all=False))
    at_once = service.submit(comment="At once.")
    before = dump(service.db)
    told = replay(service, Rules(hold_all=False, reject_words=("casino",)))
    assert dump(service.db) == before
    assert [tuple(row) for row in told.rows] == [
        ("approved", 1, 4, 1, 1, 2),
        ("pending", 4, 0, 0, 0, 0),
        ("spam", 0, 1, 0, 1, 0),
    ]
    assert (told.total, told.changed, told.agreed, told.decided) == (5, 4, 2, 3)
    assert {one.public_id for one in told.changes} == {good, bad, missed, waiting}
    assert at_once not in {one.public_id for one in told.changes}
    assert next(one for one in told.changes if one.public_id == bad).editors == Status.TRASH


def test_only_the_last_replies_of_readers_are_replayed(service: Service) -> None:
    for number in range(4):
        service.clock.forward(seconds=1)
        service.submit(comment=f"Number {number}.")
    submission.submit(
        service.db, b"s", "networking", comment_form.check(reply()), now=service.clock(),
        resend_window=timedelta(0), origin=Origin.DEMO,
    )  # fmt: skip
    told = replay(service, Rules(hold_all=False), most=3)
    with service.db.read() as connection:
        rows = connection.execute(select(comment.c.public_id, comment.c.text))
        texts = {row.public_id: row.text for row in rows}
    assert [texts[one.public_id] for one in told.changes] == [
        f"Number {number}." for number in (3, 2, 1)
    ]


def test_samples_stay_with_the_editors_whatever_the_rules_say(service: Service) -> None:
    put(service, Rules(hold_all=False))
    done = submission.submit(
        service.db, b"s", "networking", comment_form.check(reply()), now=service.clock(),
        resend_window=timedelta(0), origin=Origin.DEMO,
    )  # fmt: skip
    assert stored(service.db, done.public_id).reasons == ["all"]


def test_trust_is_replayed_as_it_would_have_been_given(service: Service) -> None:
    first = service.submit(comment="First.")
    verify(service, first)
    service.approve(first)
    service.clock.forward(hours=1)
    second, third = service.submit(comment="Second."), service.submit(comment="Third.")
    verify(service, second)
    told = replay(service, Rules(trust_verified=True))
    assert [one.public_id for one in told.changes] == [second]
    put(service, Rules(trust_verified=True))
    assert verify(service, third) is not None
