"""Avatars: drawn at random, the same for one name in one discussion, never from an address."""

import pytest

from comments_service import moderation
from comments_service.actors import Actor
from comments_service.store import avatars
from tests.running import Service

EDITH = Actor("Edith")


@pytest.fixture(autouse=True)
def _drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = iter(range(avatars.COUNT))
    monkeypatch.setattr("secrets.randbelow", lambda _count: next(numbers))


def _avatars(service: Service, key: str = "networking") -> list[int | None]:
    told = service.api("GET", f"/discussions/{key}").json()
    return [one["avatar"] for one in told["comments"]]


def _approved(service: Service, key: str = "networking", **fields: str) -> str:
    public_id = service.submit(key, **fields)
    service.approve(public_id)
    return public_id


def test_one_name_has_one_avatar_in_a_discussion(service: Service) -> None:
    for name in ("Ann", "Ben", "Ann", "ann"):
        _approved(service, author=name, comment=f"From {name}, {service.clock.now}")
        service.clock.forward(minutes=1)
    assert _avatars(service) == [0, 1, 0, 2]


def test_another_discussion_draws_anew(service: Service) -> None:
    service.register("networking", "meetings")
    _approved(service, author="Ann")
    _approved(service, "meetings", author="Ann")
    assert (_avatars(service), _avatars(service, "meetings")) == ([0], [1])


def test_an_equal_address_is_not_to_be_seen(service: Service) -> None:
    _approved(service, author="Ann", email="same@private.example")
    _approved(service, author="Nobody", email="same@private.example")
    assert _avatars(service) == [0, 1]


def test_a_guessed_address_is_not_confirmed(service: Service) -> None:
    _approved(service, author="Ann", email="ann@private.example")
    _approved(service, author="Ann", email="guess@private.example", comment="A guess.")
    _approved(service, author="Ann", email="ann@private.example", comment="A good guess.")
    assert _avatars(service) == [0, 0, 0]


def test_nobody_wears_an_editors_avatar_by_taking_the_name(service: Service) -> None:
    above = _approved(service, author="Edith")
    moderation.answer(
        service.db, above, "Yes.", by=EDITH, email="", expected="approved", now=service.clock()
    )
    assert _avatars(service) == [0, 1]


def test_a_placeholder_has_none(service: Service) -> None:
    above = _approved(service, author="Ann")
    _approved(service, author="Ben", parent=above)
    moderation.decide(
        service.db, above, "trash", by=EDITH, expected="approved", now=service.clock()
    )
    assert _avatars(service) == [None, 1]
