"""The verbs of the command line, run as a shell runs them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from comments_service.domain import actor, comment_form
from comments_service.domain.models import Origin
from comments_service.services import demo, moderation, submission
from comments_service.store.database import Database
from comments_service.store.tables import comment, editor, page
from tests.running import NOON, Service, reply, running_service
from tests.service.command_line import rejoinder
from tests.service.pages import PASSWORD, Editor, rows

SAMPLES = json.loads(demo.FILE.read_text("utf-8"))


@pytest.fixture(name="migrated")
def _migrated(tmp_path: Path) -> Path:
    rejoinder(tmp_path, "migrate")
    return tmp_path


def test_migrating_makes_the_folder_and_may_be_repeated(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'folder' / 'comments.sqlite3'}"
    for _ in range(2):
        rejoinder(tmp_path, "migrate", REJOINDER_DATABASE=url)
    assert (tmp_path / "new" / "folder" / "comments.sqlite3").exists()


def test_a_database_that_is_not_migrated_is_told_with_the_mend(tmp_path: Path) -> None:
    for words in (["editor", "first-link"], ["editor", "add", "a@b.example"], ["demo"]):
        told = rejoinder(tmp_path, *words, typed=PASSWORD + "\n", fails=True)
        assert "rejoinder migrate" in told


def test_missing_settings_are_told_with_the_mend(tmp_path: Path) -> None:
    told = rejoinder(tmp_path, "migrate", fails=True, REJOINDER_SECRET="short")
    assert "REJOINDER_SECRET cannot be used" in told
    assert "short;" not in told


def test_an_editor_is_added_and_let_in_by_password_and_link(tmp_path: Path) -> None:
    with running_service(tmp_path) as service:
        url = service.url
        first = rejoinder(tmp_path, "editor", "first-link", REJOINDER_SITE_URL=url).strip()
        assert Editor(service).http.get(first, timeout=30).status_code == 200
        told = rejoinder(tmp_path, "editor", "add", "Edith@example.org", typed=PASSWORD + "\n")
        assert "edith@example.org can sign in" in told
        assert PASSWORD not in told
        assert rejoinder(tmp_path, "editor", "first-link", REJOINDER_SITE_URL=url) == ""
        browser = Editor(service)
        assert browser.sign_in("edith@example.org").status_code == 303
        rejoinder(
            tmp_path, "editor", "password", "edith@example.org", typed="another good password\n"
        )
        assert browser.get(allow_redirects=False).status_code == 303
        assert browser.sign_in("edith@example.org", "another good password").status_code == 303
        service.clock.now = datetime.now(UTC)
        link = rejoinder(
            tmp_path, "editor", "link", "edith@example.org", REJOINDER_SITE_URL=url
        ).strip()
        assert Editor(service).http.get(link, timeout=30).status_code == 200
        with service.db.read() as connection:
            assert connection.execute(select(editor.c.name)).scalars().all() == ["edith"]


@pytest.mark.parametrize(
    ("words", "typed", "told"),
    [
        (["add", "not-an-address"], PASSWORD, "correct format"),
        (["add", "a@b.example"], "short", "between 12 and 200"),
        (["add", "a@b.example"], "", "between 12 and 200"),
        (["password", "nobody@b.example"], PASSWORD, "rejoinder editor add nobody@b.example"),
        (["link", "nobody@b.example"], "", "rejoinder editor add nobody@b.example"),
    ],
)
def test_what_cannot_be_done_is_told(
    migrated: Path, words: list[str], typed: str, told: str
) -> None:
    assert told in rejoinder(migrated, "editor", *words, typed=typed, fails=True)


def test_a_demo_without_articles_says_what_to_run(migrated: Path) -> None:
    assert "rejoinder build" in rejoinder(migrated, "demo", fails=True)


def states(db: Database) -> dict[str, int]:
    with db.read() as connection:
        found = connection.execute(select(comment.c.status)).scalars().all()
    return {state: found.count(state) for state in sorted(set(found))}


def revisions(db: Database) -> dict[str, int]:
    with db.read() as connection:
        return {row.key: row.revision for row in connection.execute(select(page))}


def test_the_demo_fills_every_state_once_and_goes_without_a_trace(tmp_path: Path) -> None:
    with running_service(tmp_path) as service:
        service.register(*sorted({sample["page"] for sample in SAMPLES}), "untouched")
        real = service.submit(comment="A real reply.")
        told = rejoinder(tmp_path, "demo")
        assert f"{len(SAMPLES)} sample replies are in" in told
        wanted = [sample["status"] for sample in SAMPLES] + ["pending"]
        assert states(service.db) == {state: wanted.count(state) for state in sorted(set(wanted))}
        assert len(states(service.db)) == 4
        assert "0 sample replies are in" in rejoinder(tmp_path, "demo")
        assert rows(service.db)["comment"] == len(SAMPLES) + 1
        above = public_sample(service)
        answer = service.submit(comment="A real answer to a sample.", parent=above)
        before = revisions(service.db)
        told = rejoinder(tmp_path, "demo", "--remove")
        assert f"{len(SAMPLES)} sample replies are gone, and 1 that answered them" in told
        with service.db.read() as connection:
            kept = connection.execute(select(comment.c.public_id)).scalars().all()
        assert kept == [real]
        assert answer not in kept
        after = revisions(service.db)
        assert all(after[key] > before[key] for key in before if before[key])
        assert after["untouched"] == 0
        assert all(
            not one["comments"] for one in service.api("GET", "/changes").json()["discussions"]
        )
        assert "0 sample replies are gone" in rejoinder(tmp_path, "demo", "--remove")
        assert revisions(service.db) == after
        assert f"{len(SAMPLES)} sample replies are in" in rejoinder(tmp_path, "demo")


def public_sample(service: Service) -> str:
    told = service.api("GET", "/discussions/networking").json()
    public_id: str = told["comments"][0]["id"]
    return public_id


def test_removing_samples_that_were_never_public_is_no_public_change(service: Service) -> None:
    submission.submit(
        service.db,
        b"s",
        "networking",
        comment_form.check(reply()),
        now=NOON,
        resend_window=timedelta(0),
        origin=Origin.DEMO,
    )
    gone = moderation.remove_demo(service.db, by=actor.COMMAND_LINE, now=NOON)
    assert gone == (1, 0)
    assert revisions(service.db)["networking"] == 0


def test_the_samples_hold_nothing_that_the_form_would_refuse() -> None:
    assert {sample["status"] for sample in SAMPLES} == {"approved", "pending", "spam", "trash"}
    for sample in SAMPLES:
        assert sample["email"].endswith((".example", "example.org", "example.com", "example.net"))
