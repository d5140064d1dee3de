"""What operators do to the database between two starts: nothing is lost, exposed or a traceback."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import requests

from tests.running import copy_migrated_database, free_port, reply
from tests.service.command_line import environment, rejoinder, service_process


def service_that_ends(folder: Path, **more: str) -> str:
    """Start the service, which must not stay; return what it printed."""
    return rejoinder(folder, "service", "--port", str(free_port()), fails=True, **more)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture
def var(tmp_path: Path) -> Path:
    """A folder of its own, with whatever is beside it."""
    var = tmp_path / "site" / "var"
    var.mkdir(parents=True)
    return var


# A database that was there is missing.


def test_a_deleted_database_is_not_replaced_by_an_empty_one(var: Path) -> None:
    rejoinder(var, "migrate")
    (var / "comments.sqlite3").unlink()
    for told in (rejoinder(var, "migrate", fails=True), service_that_ends(var)):
        assert "is missing or empty, but it was in use before" in told
        assert "--accept-empty" in told
    assert not (var / "comments.sqlite3").exists()


def test_a_folder_that_is_not_mounted_is_noticed_too(var: Path) -> None:
    rejoinder(var, "migrate")
    shutil.rmtree(var)
    var.mkdir()
    assert "was in use before" in rejoinder(var, "migrate", fails=True)
    assert list(var.iterdir()) == []


def test_an_emptied_file_is_a_missing_database(var: Path) -> None:
    rejoinder(var, "migrate")
    (var / "comments.sqlite3").write_bytes(b"")
    assert "was in use before" in rejoinder(var, "migrate", fails=True)


def test_a_database_that_the_service_used_is_remembered_as_well(var: Path) -> None:
    """Installations from before this was remembered."""
    copy_migrated_database(var / "comments.sqlite3")
    with service_process(var):
        pass
    (var / "comments.sqlite3").unlink()
    assert "was in use before" in rejoinder(var, "migrate", fails=True)


def test_accepting_sets_up_an_empty_database_once(var: Path) -> None:
    rejoinder(var, "migrate")
    (var / "comments.sqlite3").unlink()
    rejoinder(var, "migrate", "--accept-empty")
    rejoinder(var, "migrate")
    (var / "comments.sqlite3").unlink()
    assert "was in use before" in rejoinder(var, "migrate", fails=True)


def test_another_database_beside_the_first_is_no_loss(var: Path) -> None:
    rejoinder(var, "migrate")
    rejoinder(var, "migrate", REJOINDER_DATABASE=f"sqlite:///{var / 'other.sqlite3'}")


def test_the_marker_names_no_password_and_moves_with_the_project(var: Path) -> None:
    rejoinder(var, "migrate")
    marker = var.parent / ".var-databases.json"
    assert list(json.loads(marker.read_text())) == ["var/comments.sqlite3"]


def test_no_verb_makes_a_database_by_the_way(var: Path) -> None:
    for words in (["demo"], ["editor", "first-link"], ["service", "--port", str(free_port())]):
        assert "rejoinder migrate" in rejoinder(var, *words, fails=True)
    assert not (var / "comments.sqlite3").exists()


def test_nothing_is_acknowledged_into_a_file_that_was_deleted(var: Path) -> None:
    rejoinder(var, "migrate")
    with service_process(var) as (service, _):
        service.register("networking")
        assert service.post(comment="Before.").status_code == 303
        for path in var.glob("comments.sqlite3*"):
            path.unlink()
        assert service.post(comment="After.").status_code == 503
        assert not (var / "comments.sqlite3").exists()
        assert requests.get(f"{service.url}/comments/networking", timeout=10).status_code == 503


def test_a_restored_file_is_used_without_a_restart(var: Path) -> None:
    rejoinder(var, "migrate")
    with service_process(var) as (service, _):
        service.register("networking")
        for end in ("-wal", "-shm"):
            (var / f"comments.sqlite3{end}").unlink(missing_ok=True)
        copy_migrated_database(var / "copy.sqlite3")
        (var / "copy.sqlite3").replace(var / "comments.sqlite3")
        # The copy knows no page.
        assert service.post().status_code == 404


# Who may read it.


def test_the_database_is_private_whatever_the_umask(var: Path) -> None:
    before = os.umask(0)
    try:
        rejoinder(var, "migrate")
        with service_process(var) as (service, _):
            service.register("networking")
            files = sorted(var.glob("comments.sqlite3*"))
            assert [one.name for one in files] == [
                "comments.sqlite3",
                "comments.sqlite3-shm",
                "comments.sqlite3-wal",
            ]
            assert {mode(one) for one in files} == {0o600}
    finally:
        os.umask(before)


def test_a_folder_of_its_own_is_made_private(var: Path) -> None:
    url = f"sqlite:///{var.parent / 'data' / 'comments.sqlite3'}"
    rejoinder(var, "migrate", REJOINDER_DATABASE=url)
    assert mode(var.parent / "data") == 0o700


def test_others_pass_through_the_folder_of_the_pages_but_do_not_list_it(var: Path) -> None:
    var.rmdir()
    rejoinder(var.parent, "migrate", REJOINDER_VAR="var", REJOINDER_DATABASE="sqlite:///var/c.db")
    assert mode(var) == 0o711
    assert mode(var / "c.db") == 0o600


def test_older_files_are_made_private_and_it_is_said(var: Path) -> None:
    copy_migrated_database(var / "comments.sqlite3")
    (var / "comments.sqlite3").chmod(0o644)
    var.chmod(0o755)
    told = rejoinder(var, "migrate")
    assert "comments.sqlite3 was open to other users (0644); its mode is 0600 now." in told
    assert mode(var / "comments.sqlite3") == 0o600
    assert mode(var) == 0o711
    assert "open to other users" not in rejoinder(var, "migrate")


def test_the_service_makes_older_files_private_too(var: Path) -> None:
    copy_migrated_database(var / "comments.sqlite3")
    (var / "comments.sqlite3").chmod(0o664)
    with service_process(var):
        assert mode(var / "comments.sqlite3") == 0o600
        assert mode(var / "comments.sqlite3-wal") == 0o600


def test_a_folder_with_other_things_is_left_as_it_is(var: Path) -> None:
    shared = var.parent / "shared"
    shared.mkdir()
    shared.chmod(0o755)
    (shared / "other.txt").write_text("of somebody else")
    rejoinder(var, "migrate", REJOINDER_DATABASE=f"sqlite:///{shared / 'comments.sqlite3'}")
    assert mode(shared) == 0o755
    assert mode(shared / "comments.sqlite3") == 0o600


def test_secrets_that_others_could_read_are_made_private(var: Path) -> None:
    (var / "rejoinder.env").write_text("# by hand\n")
    (var / "rejoinder.env").chmod(0o644)
    told = rejoinder(var, "migrate")
    assert "rejoinder.env was open to other users (0644)" in told
    assert mode(var / "rejoinder.env") == 0o600


# What keeps it from starting, in words.


def damage(path: Path) -> None:
    """Overwrite the middle of the file, as a broken disk does."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (path.stat().st_size - 8192))


def test_a_damaged_database_is_told_with_the_way_out(var: Path) -> None:
    rejoinder(var, "migrate")
    damage(var / "comments.sqlite3")
    before = (var / "comments.sqlite3").read_bytes()
    for told in (rejoinder(var, "migrate", fails=True), service_that_ends(var)):
        assert "is damaged" in told
        assert "restore the newest backup" in told
        assert ".recover" in told
    assert (var / "comments.sqlite3").read_bytes() == before


def test_what_is_no_database_at_all_is_damaged(var: Path) -> None:
    (var / "comments.sqlite3").write_bytes(
        b"not a database, but long enough to be taken for one" * 99
    )
    assert "is damaged (file is not a database)" in rejoinder(var, "migrate", fails=True)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql+psycopg2://reader:geheim77@127.0.0.1/x", "pip install 'psycopg2-binary'"),
        ("postgresql://reader:geheim77@127.0.0.1/x", "pip install 'psycopg[binary]'"),
        ("nonsense", "REJOINDER_DATABASE is not a database URL"),
        ("nonsense://reader:geheim77@x/y", "names an unknown kind of database"),
        ("sqlite://var/comments.sqlite3", "too few slashes"),
    ],
)
def test_a_database_url_that_cannot_work_is_told_with_what_to_do(
    var: Path, url: str, told: str
) -> None:
    for words in (["migrate"], ["editor", "first-link"], ["service"]):
        said = rejoinder(var, *words, fails=True, REJOINDER_DATABASE=url)
        assert told in said
        assert "geheim77" not in said


def test_a_database_that_another_process_holds_is_told(var: Path) -> None:
    rejoinder(var, "migrate")
    with closing(sqlite3.connect(var / "comments.sqlite3", isolation_level=None)) as lock:
        lock.execute("PRAGMA journal_mode=DELETE")
        lock.execute("BEGIN EXCLUSIVE")
        assert "database is locked" in rejoinder(var, "migrate", fails=True)


def test_a_taken_port_is_told_in_words(var: Path) -> None:
    rejoinder(var, "migrate")
    with service_process(var) as (service, _):
        port = service.url.rsplit(":", 1)[1]
        done = subprocess.run(
            [sys.executable, "-m", "rejoinder", "service", "--port", port],
            cwd=var,
            env=environment(var),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 1
        assert f"Cannot listen on 127.0.0.1:{port} (Address already in use)" in done.stderr
        assert "Traceback" not in done.stderr
        service.register("networking")
        assert (
            requests.post(
                f"{service.url}/comments/networking", data=reply(), timeout=10
            ).status_code
            == 200
        )
