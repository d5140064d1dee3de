"""Avatars: drawn at random, the same for one name in one discussion, never from an address."""

import re
from pathlib import Path

import pytest
from sqlalchemy import select, update

from comments_service.domain.actor import Actor
from comments_service.services import moderation
from comments_service.store import avatars
from comments_service.store.tables import comment, page
from tests.running import Service, version_of

ROOT = Path(__file__).parents[2]
EDITH = Actor("Edith")


@pytest.fixture(autouse=True)
def _drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.randbelow", lambda _count: 0)


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
    assert (_avatars(service), _avatars(service, "meetings")) == ([0], [0])


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
        service.db,
        above,
        "Yes.",
        by=EDITH,
        email="",
        expected="approved",
        version=version_of(service.db, above),
        now=service.clock(),
    )
    assert _avatars(service) == [0, 1]


def test_a_placeholder_has_none(service: Service) -> None:
    above = _approved(service, author="Ann")
    _approved(service, author="Ben", parent=above)
    moderation.decide(
        service.db,
        above,
        "trash",
        by=EDITH,
        expected="approved",
        version=version_of(service.db, above),
        now=service.clock(),
    )
    assert _avatars(service) == [None, 1]


def _together(service: Service, *names: str) -> list[int]:
    """The numbers of people who are drawn in one go for one page."""
    with service.db.read() as connection:
        page_id = connection.execute(select(page.c.id).where(page.c.key == "networking")).scalar()
        assert page_id is not None
        faces = [(page_id, name, False) for name in names]
        drawn = avatars.draw_all(connection, faces)
        return [drawn[face] for face in faces]


def test_people_of_one_discussion_look_different_as_long_as_there_are_looks(
    service: Service,
) -> None:
    looks = len(set(map(avatars.look_of, range(avatars.COUNT))))
    names = [f"Reader {number}" for number in range(looks + 1)]
    drawn = _together(service, *names)
    assert len(set(map(avatars.look_of, drawn))) == looks
    assert drawn[-1] == 0


def test_who_comes_after_an_approval_looks_different_from_who_was_approved(
    service: Service,
) -> None:
    for name in ("Ann", "Ben", "Cy"):
        _approved(service, author=name, comment=f"I am {name}.")
    assert _avatars(service) == [0, 1, 2]


def test_a_half_turn_of_stripes_that_are_public_is_not_drawn(service: Service) -> None:
    _approved(service, author="Ann")
    service.submit(author="Waits", comment="Not public yet.")
    with service.db.write() as connection:
        # Pattern 5 are stripes; 128 turns them by half.
        changed = update(comment).where(comment.c.author_name == "Ann").values(avatar=5 + 128)
        connection.execute(changed)
        changed = update(comment).where(comment.c.author_name == "Waits").values(avatar=6)
        connection.execute(changed)
    drawn = _together(service, *(f"Reader {number}" for number in range(8)))
    assert drawn == [0, 1, 2, 3, 4, 6, 7, 8]


def test_what_looks_the_same_is_what_the_theme_draws_the_same() -> None:
    sheet = (ROOT / "theme/static/css/extra.css").read_text("utf-8")
    for pattern, turns in enumerate(avatars.TURNS):
        drawn = re.search(rf"\.p{pattern} {{ background-image: (.*) }}", sheet)
        assert drawn
        number = 3 * 8 + pattern
        same = {avatars.look_of(number + 64 * turned) for turned in range(4)}
        assert len(same) == turns
        # In the middle, it stands on itself in every turn; stripes and opposite quarters in two.
        centred = drawn[1].startswith("radial-gradient(") and " at " not in drawn[1]
        opposite = drawn[1].startswith("repeating-") or drawn[1].count("currentcolor") == 2
        assert turns == (1 if centred else 2 if opposite else 4), drawn[1]
    classes = re.findall(r"\.r([1-3]) { transform: rotate\((\d+)deg\)", sheet)
    assert classes == [("1", "90"), ("2", "180"), ("3", "270")]
