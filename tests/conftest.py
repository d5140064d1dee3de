from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import Service, running_service


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service with three open pages and one closed."""
    with running_service(tmp_path) as running:
        running.register("networking", "meetings", "saying-no")
        yield running
