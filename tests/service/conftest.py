from collections.abc import Iterator, Sequence

import pytest
from sqlalchemy import Connection

from comments_service.domain.labels import FIELDS
from comments_service.store import events
from comments_service.store.events import Event
from tests.running import Service, running_service


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all tests of a module that do not depend on an empty database."""
    with running_service(tmp_path_factory.mktemp("shared")) as running:
        running.register("networking", "meetings", "saying-no")
        yield running


@pytest.fixture(autouse=True)
def fields_of_the_log_have_labels(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Check that the history page has labels for every event that a test logs."""
    logged: set[str] = set()
    add_all = events.add_all

    def add(
        connection: Connection, site_id: int, new: Sequence[Event], *, editor_id: int | None = None
    ) -> None:
        for entry in new:
            logged.update(entry.before or {}, entry.after or {})
        add_all(connection, site_id, new, editor_id=editor_id)

    monkeypatch.setattr(events, "add_all", add)
    yield
    assert logged <= FIELDS.keys()
