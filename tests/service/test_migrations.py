"""The schema: what the migrations make is what the tables say."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select, text, update
from sqlalchemy.exc import DatabaseError

from comments_service import migrations
from comments_service.domain.actor import COMMAND_LINE
from comments_service.domain.rules import Rules
from comments_service.services import author_actions, moderation, site_rules
from comments_service.services.pages import the_site
from comments_service.store import rules as store
from comments_service.store.database import Database
from comments_service.store.tables import contact, metadata, subscription
from tests.running import Service
from tests.service.followers import confirmed
from tests.service.pages import dump


@pytest.fixture(name="fresh")
def _fresh(tmp_path: Path) -> Iterator[Database]:
    db = Database(f"sqlite:///{tmp_path / 'fresh.sqlite3'}")
    yield db
    db.close()


def test_migrating_again_changes_nothing(service: Service) -> None:
    service.submit()
    before = dump(service.db)
    migrations.upgrade(service.db.engine)
    assert dump(service.db) == before


def test_the_migrations_make_the_tables(fresh: Database) -> None:
    migrations.upgrade(fresh.engine)
    with fresh.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_name": _ours}
        )
        assert compare_metadata(context, metadata) == []


def _ours(name: str | None, kind: str, _parents: object) -> bool:
    # FTS5 keeps its index in tables of its own.
    return not (kind == "table" and str(name).startswith(("comment_search", "article_search")))


def test_every_migration_can_be_taken_back(fresh: Database) -> None:
    migrations.upgrade(fresh.engine)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with fresh.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert inspect(fresh.engine).get_table_names() == ["alembic_version"]
    migrations.upgrade(fresh.engine)
    assert set(metadata.tables) <= set(inspect(fresh.engine).get_table_names())


def test_addresses_of_before_are_found_in_any_letters(service: Service) -> None:
    typed = ["Ann@Example.org", " Bo@example.org ", "Öznur.Çelik@example.org", ""]
    for number in range(len(typed)):
        service.submit(comment=f"Number {number}.")
    with service.db.engine.begin() as connection:
        rows = connection.execute(select(contact.c.comment_id)).scalars().all()
        for row, address in zip(rows, typed, strict=True):
            connection.execute(
                update(contact).where(contact.c.comment_id == row).values(email=address)
            )
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with service.db.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0007")
    migrations.upgrade(service.db.engine)
    with service.db.read() as connection:
        found = connection.execute(select(contact.c.folded).order_by(contact.c.comment_id))
        assert found.scalars().all() == [
            "ann@example.org", "bo@example.org", "öznur.çelik@example.org", "",
        ]  # fmt: skip


def test_every_database_has_an_epoch_of_its_own(tmp_path: Path) -> None:
    epochs = []
    for name in ("one", "two"):
        db = Database(f"sqlite:///{tmp_path / name}")
        migrations.upgrade(db.engine)
        epochs.append(dump(db)["site"][0][2])
        db.close()
    assert len(set(epochs)) == 2


def test_followers_and_rules_of_before_get_owners_and_stamps(service: Service) -> None:
    now = service.clock()
    emails = ["Hans@Straße.example", "hans@strasse.example", "bo@xn--bcher-kva.example"]
    confirmed(service.db, emails, 1, now)
    with service.db.write() as connection:
        site = the_site(connection)
        rules = Rules(hold_links=2)
        site_rules.save(connection, site, rules, version=0, by=COMMAND_LINE, now=now)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with service.db.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0013")
    migrations.upgrade(service.db.engine)
    with service.db.read() as connection:
        owners = connection.execute(select(subscription.c.mailbox).order_by(subscription.c.id))
        assert owners.scalars().all() == [
            "hans@xn--strae-oqa.example", "hans@strasse.example", "bo@xn--bcher-kva.example",
        ]  # fmt: skip
        assert len(store.stamps(connection, 1).rules) == 32
        assert site_rules.in_force(connection, the_site(connection)).rules == rules


def test_columns_get_standard_names_and_keep_their_data(service: Service) -> None:
    """Down to the version before and up again: columns, hold reasons, and fields in the log."""
    by, now = COMMAND_LINE, service.clock()
    public_id = service.submit(comment="Published, then asked about.")
    declined = service.submit(comment="Declined with a reason.")
    for one, action in ((public_id, "approve"), (declined, "trash")):
        moderation.decide(
            service.db, one, action, by=by, expected="pending", version=0, now=now,
            decline_reason="Not here." if action == "trash" else "",
        )  # fmt: skip
    author_actions.ask(service.db, public_id, "edit", "Please correct the year.", now=now)
    before = dump(service.db)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with service.db.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0015")
        old = connection.execute(text("SELECT told, wish, slot FROM comment ORDER BY id")).all()
        assert [row.slot for row in old] == [1, None]
        assert old[1].told == "Not here."
        logged = connection.execute(text("SELECT after FROM event")).scalars().all()
        assert any('"told"' in (entry or "") for entry in logged)
        assert any('"wish"' in (entry or "") for entry in logged)
    migrations.upgrade(service.db.engine)
    assert dump(service.db) == before
    with service.db.engine.begin() as connection, pytest.raises(DatabaseError, match="append-only"):
        connection.execute(text("UPDATE event SET actor = 'Nobody'"))
