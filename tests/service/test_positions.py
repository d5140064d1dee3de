"""Slots: the permanent places of top-level replies, by which long discussions are divided."""

from pathlib import Path
from typing import Any

import requests
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from comments_service import migrations
from comments_service.domain import actor
from comments_service.services import moderation
from tests.running import Service, version_of


def slots(service: Service, key: str = "networking") -> dict[str, int | None]:
    told: dict[str, Any] = service.api("GET", f"/discussions/{key}").json()
    return {one["id"]: one["position"] for one in told["comments"]}


def decide(service: Service, public_id: str, action: str, expected: str) -> None:
    moderation.decide(
        service.db,
        public_id,
        action,
        by=actor.COMMAND_LINE,
        expected=expected,
        version=version_of(service.db, public_id),
        now=service.clock(),
    )


def test_a_slot_is_given_at_the_first_approval_and_never_again(service: Service) -> None:
    service.register("networking", "meetings")
    first, second, third = (service.submit(comment=f"Number {n}.") for n in range(3))
    # An older reply that is approved late comes after those that were there before it.
    service.approve(third)
    service.approve(first)
    answer = service.submit(comment="An answer.", parent=first)
    service.approve(answer)
    elsewhere = service.submit("meetings", comment="Elsewhere.")
    service.approve(elsewhere)
    assert slots(service) == {third: 1, first: 2, answer: None}
    assert slots(service, "meetings") == {elsewhere: 1}
    decide(service, third, "trash", "approved")
    service.approve(second)
    assert slots(service) == {first: 2, answer: None, second: 3}
    decide(service, third, "approve", "trash")
    assert slots(service)[third] == 1
    # A placeholder keeps the place of what stood there.
    decide(service, first, "trash", "approved")
    assert slots(service)[first] == 2


def test_a_slot_is_not_used_twice_when_its_reply_is_deleted(service: Service) -> None:
    first, second = (service.submit(comment=f"Number {n}.") for n in range(2))
    service.approve(first)
    with service.db.write() as connection:
        connection.execute(text("DELETE FROM comment WHERE public_id = :id"), {"id": first})
    service.approve(second)
    assert slots(service) == {second: 2}


def test_the_private_link_leads_to_the_page_on_which_the_thread_stands(service: Service) -> None:
    service.register("networking", page_size=1, replies_url="/networking/replies/{page}/")
    locations, ids = [], []
    for number in range(2):
        location = service.post(comment=f"Number {number}.").headers["Location"]
        locations.append(location)
        ids.append(location.split("/")[3])
        service.approve(ids[-1])
    locations.append(service.post(comment="An answer.", parent=ids[1]).headers["Location"])
    ids.append(locations[-1].split("/")[3])
    service.approve(ids[-1])
    places = ["/networking/", "/networking/replies/2/", "/networking/replies/2/"]
    for location, public_id, place in zip(locations, ids, places, strict=True):
        shown = requests.get(service.url + location, timeout=10).text
        assert f'{place}#comment-{public_id}"' in shown


def test_an_address_of_further_pages_is_checked(service: Service) -> None:
    page = {"key": "networking", "url": "/networking/", "title": "T", "page_size": 5}
    for pattern in ("//evil.example/{page}", "javascript:{page}", "/networking/replies/"):
        answer = service.api("PUT", "/pages", json={"pages": [{**page, "replies_url": pattern}]})
        assert answer.status_code == 422
    answer = service.api("PUT", "/pages", json={"pages": [{**page, "replies_url": "/n/{page}/"}]})
    assert answer.status_code == 200


def test_what_was_approved_before_slots_existed_gets_them_in_that_order(service: Service) -> None:
    first, second, third = (service.submit(comment=f"Number {n}.") for n in range(3))
    service.approve(second)
    service.approve(first)
    answer = service.submit(comment="An answer.", parent=first)
    service.approve(answer)
    before = slots(service)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with service.db.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
        command.upgrade(config, "head")
    assert slots(service) == before == {first: 2, second: 1, answer: None}
    service.approve(third)
    assert slots(service)[third] == 3
