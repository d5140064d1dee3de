"""Erasing for good: nothing of the reply is left anywhere, and the thread keeps its shape."""

import sqlite3
from pathlib import Path

import pytest

from comments_service.domain.actor import Actor
from comments_service.domain.errors import Conflict
from comments_service.services import database_scrub, moderation
from comments_service.store.database import Database
from tests.running import Service, version_of
from tests.service.pages import dump

EDITH = Actor("Edith")
WORD, NAME, EMAIL = "xylophonically", "Zebediah Quux", "zebediah@private.example"


def _erased(service: Service, *, answered: bool) -> str:
    public_id = service.submit(comment=f"Very {WORD}.", author=NAME, email=EMAIL)
    service.approve(public_id)
    now = service.clock()
    moderation.edit(service.db, public_id, f"Most {WORD}!", by=EDITH, version=0, now=now)
    if answered:
        service.approve(service.submit(comment="An answer.", parent=public_id))
    with pytest.raises(Conflict, match="in the trash"):
        moderation.erase(service.db, public_id, by=EDITH, now=now)
    moderation.decide(
        service.db,
        public_id,
        "trash",
        by=EDITH,
        expected="approved",
        version=version_of(service.db, public_id),
        now=now,
    )
    moderation.erase(service.db, public_id, by=EDITH, now=now)
    return public_id


@pytest.mark.parametrize("answered", [True, False])
def test_nothing_of_it_is_left_in_the_database(
    service: Service, answered: bool, tmp_path: Path
) -> None:
    _erased(service, answered=answered)
    everything = repr(dump(service.db))
    for trace in (WORD, NAME, EMAIL):
        assert trace not in everything
    with service.db.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO comment_search (comment_search) VALUES ('optimize')"
        )
    source = sqlite3.connect(service.settings.database.removeprefix("sqlite:///"))
    found = source.execute(
        "SELECT count(*) FROM comment_search WHERE comment_search MATCH ?", (WORD,)
    ).fetchone()
    source.close()
    assert found == (0,)


def test_its_answers_stay_where_they_were(service: Service) -> None:
    public_id = _erased(service, answered=True)
    placeholder, answer = service.api("GET", "/discussions/networking").json()["comments"]
    assert (placeholder["id"], placeholder["removed"]) == (public_id, True)
    assert answer["parent"] == public_id


def test_the_log_says_who_erased_it_and_other_entries_cannot_be_emptied(service: Service) -> None:
    _erased(service, answered=False)
    other = service.submit(comment="Another one.")
    moderation.decide(
        service.db,
        other,
        "spam",
        by=EDITH,
        expected="pending",
        version=version_of(service.db, other),
        now=service.clock(),
    )
    statement = f"UPDATE event SET before = NULL, after = NULL WHERE comment = '{other}'"
    with pytest.raises(Exception, match="append-only"), service.db.write() as connection:
        connection.exec_driver_sql(statement)
    assert "erase" in repr(dump(service.db)["event"])


def holding(service: Service, trace: str) -> list[str]:
    """The database's files that hold the trace as bytes."""
    file = Path(service.settings.database.removeprefix("sqlite:///"))
    files = [file, file.with_name(f"{file.name}-wal")]
    return [one.name for one in files if trace.lower().encode() in one.read_bytes().lower()]


@pytest.mark.parametrize("answered", [True, False])
def test_nothing_of_it_is_left_in_the_bytes_of_the_database(
    service: Service, answered: bool
) -> None:
    for number in range(60):
        service.submit(comment=f"Filler {number} " + "words of no matter " * 200)
    _erased(service, answered=answered)
    scrubbed = database_scrub.scrub(service.db)
    # The full-text index keeps only the part of a word that differs from its neighbour.
    traces = (WORD, WORD[4:].lower(), NAME, EMAIL)
    assert scrubbed or database_scrub.scrub(service.db)
    assert [(one, holding(service, one)) for one in traces if holding(service, one)] == []


def test_the_words_of_an_erased_reply_leave_the_full_text_index(service: Service) -> None:
    for number in range(200):
        service.submit(comment=f"Reply {number} about mixers, trains and gardens.")
    _erased(service, answered=False)
    assert WORD[4:] in index_of(service)
    assert database_scrub.scrub(service.db)
    assert WORD[4:] not in index_of(service)
    assert "mixers" in index_of(service)


def index_of(service: Service) -> str:
    """Every block of the full-text index, as text."""
    with service.db.read() as connection:
        blocks = connection.exec_driver_sql("SELECT block FROM comment_search_data").scalars()
        return b"".join(blocks).decode("latin-1")


def test_a_restart_before_the_scrubbing_forgets_nothing(service: Service) -> None:
    _erased(service, answered=False)
    second = Database(service.settings.database)
    assert database_scrub.scrub(second)
    second.close()
    assert holding(service, WORD) == []
