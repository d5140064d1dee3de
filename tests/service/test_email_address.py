"""Two domains that only look alike to case folding have two owners (IDNA 2008)."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from comments_service.domain import comment_form
from comments_service.domain.actor import COMMAND_LINE
from comments_service.domain.rules import Rules
from comments_service.services import (
    auto_approval,
    email_confirmation,
    moderation,
    site_rules,
    submission,
)
from comments_service.services.mail_limits import MOST_TO_ADDRESS_A_DAY
from comments_service.services.pages import the_site
from comments_service.services.submission import Submitted
from tests.running import Service, reply
from tests.service.followers import Site, confirmed, site, wishes
from tests.service.mail_server import mails
from tests.service.pages import signed_in, stored

SECRET = b"a secret of the tests"
# What IDNA 2003 took for one domain: ß was ss, and ς was σ.
PAIRS = [
    ("hans@strasse.example", "hans@straße.example"),
    ("eleni@βόλοσ.example", "eleni@βόλος.example"),
    ("straße@example.org", "strasse@example.org"),
]
HANS, OTHER = PAIRS[0]
# As the mail server gets it.
OTHER_MAILBOX = "hans@xn--strae-oqa.example"


@pytest.fixture(name="blog")
def _blog(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as found:
        yield found


def _trust(service: Service) -> None:
    with service.db.write() as connection:
        rules = Rules(trust_verified=True)
        now = service.clock()
        site_rules.save(
            connection, the_site(connection), rules, version=0, by=COMMAND_LINE, now=now
        )


def _verified(service: Service, public_id: str) -> None:
    with service.db.write() as connection:
        auto_approval.verified(connection, public_id, now=service.clock())


def _send(service: Service, email: str, comment: str) -> Submitted:
    """Submit a reply from a browser that has confirmed its address."""
    checked = comment_form.check(reply(email=email, comment=comment))
    one = submission.prepare(SECRET, "networking", checked, now=service.clock())
    (answer,) = submission.submit_all(
        service.db, [one._replace(verified=True)], resend_window=timedelta(days=1)
    )
    assert isinstance(answer, Submitted)
    return answer


@pytest.mark.parametrize(("known", "other"), PAIRS)
def test_another_owner_is_not_trusted(service: Service, known: str, other: str) -> None:
    _trust(service)
    first = service.submit(email=known, comment="First.")
    _verified(service, first)
    service.approve(first)
    service.clock.forward(hours=1)
    theirs = service.submit(email=other, comment="From somebody else.")
    _verified(service, theirs)
    assert stored(service.db, theirs).status == "pending"
    assert not _send(service, other, "Somebody else again.").public
    assert _send(service, known, "The first one again.").public


@pytest.mark.parametrize(("known", "other"), PAIRS)
def test_another_owner_does_not_hold_the_proof(service: Service, known: str, other: str) -> None:
    kept = email_confirmation.keep(SECRET, known, service.clock())
    assert email_confirmation.is_known(SECRET, kept, known, service.clock())
    assert not email_confirmation.is_known(SECRET, kept, other, service.clock())


def test_a_proof_holds_for_either_spelling_of_a_domain(service: Service) -> None:
    kept = email_confirmation.keep(SECRET, "Bo@BÜCHER.example", service.clock())
    assert email_confirmation.is_known(SECRET, kept, "bo@xn--bcher-kva.example", service.clock())


@pytest.mark.parametrize(("known", "other"), PAIRS)
def test_another_owners_reply_is_no_resend(service: Service, known: str, other: str) -> None:
    first = service.post(email=known).headers["Location"]
    assert service.post(email=other).headers["Location"] != first
    assert service.post(email=known).headers["Location"] == first


def test_each_owner_follows_and_stops_alone(blog: Site) -> None:
    for address in (HANS, OTHER):
        blog.follow(address)
    blog.publish()
    blog.settle()
    blog.told(2)
    assert set(blog.post.recipients) == {HANS, OTHER_MAILBOX}
    ending = next(blog.link(number) for number, to in enumerate(blog.post.recipients) if to == HANS)
    assert blog.send(ending).status_code < 400
    assert {one.email: one.state for one in wishes(blog.service.db)} == {
        HANS: "ended",
        OTHER: "confirmed",
    }


def test_an_answer_is_mailed_to_a_follower_of_the_other_domain(blog: Site) -> None:
    blog.follow(OTHER)
    blog.publish(email=HANS)
    blog.settle()
    blog.told()
    assert blog.post.recipients == [OTHER_MAILBOX]


def test_one_mailbox_in_two_spellings_gets_one_mail(blog: Site) -> None:
    both = ["bo@bücher.example", "Bo@xn--bcher-kva.example"]
    confirmed(blog.service.db, both, 1, blog.service.clock())
    blog.publish()
    blog.settle()
    blog.told(1)


def test_the_limit_of_one_owner_is_not_the_others(blog: Site) -> None:
    keys = [f"page-{number}" for number in range(6)]
    blog.service.register(*keys)
    for key in keys:
        assert blog.ask(HANS, key).status_code == 303
    assert blog.ask(OTHER, keys[0]).status_code == 303
    sent = [one.to_address for one in mails(blog.service.db)]
    assert sent == [HANS] * MOST_TO_ADDRESS_A_DAY + [OTHER]


def test_erasing_one_owners_reply_leaves_the_others_following(blog: Site) -> None:
    blog.follow(OTHER)
    blog.follow(HANS)
    public_id = blog.service.submit(email=HANS)
    blog.decide(public_id, "trash", "pending")
    moderation.erase(blog.service.db, public_id, by=COMMAND_LINE, now=blog.service.clock())
    assert [one.email for one in wishes(blog.service.db)] == [OTHER]


def test_the_queue_lists_one_owners_replies(service: Service) -> None:
    editor = signed_in(service)
    first = service.submit(email=HANS, comment="From Hans.")
    service.submit(email=OTHER, comment="From the other one.")
    found = editor.get(f"/moderate/?status=any&author={first}").text
    assert "From Hans." in found
    assert "From the other one." not in found
