from collections.abc import Iterator

import pytest

from tests.running import Service, running_service


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for a whole module, where no test minds what another one stored."""
    with running_service(tmp_path_factory.mktemp("shared")) as running:
        running.register("networking", "meetings", "saying-no")
        yield running
