from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.running import Service, running_service

# A slow machine must not fail a property that holds.
hypothesis.settings.register_profile(
    "rejoinder", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("rejoinder")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service with three open pages and one closed."""
    with running_service(tmp_path) as running:
        running.register("networking", "meetings", "saying-no")
        yield running
