import sys
import weakref
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from argon2 import PasswordHasher
from playwright.sync_api import Browser, expect

from comments_service.domain import passwords
from tests.browser import browser as running_browser
from tests.running import Service, running_service

# Argon2 at production cost takes 0.2 s of CPU for each sign-in. Real processes keep that cost.
passwords._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)

# No deadline: a slow machine must not fail a property test.
hypothesis.settings.register_profile(
    "rejoinder", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("rejoinder")
# Generous for browser expectations too: the machine may be busy.
expect.set_options(timeout=20_000)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests of a worker: Playwright can run only once per process."""
    with running_browser() as running:
        yield running


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service with three open pages and one closed."""
    with running_service(tmp_path) as running:
        running.register("networking", "meetings", "saying-no")
        yield running


@pytest.fixture(autouse=True)
def _plugins_let_go() -> Iterator[None]:
    """Disconnect plugins after each test: Pelican's signals live as long as the process."""
    yield
    signals = sys.modules.get("pelican.plugins.signals")
    if signals is None:
        return
    for signal in vars(signals).values():
        for receiver in list(getattr(signal, "receivers", {}).values()):
            heard = receiver() if isinstance(receiver, weakref.ref) else receiver
            if getattr(heard, "__module__", "").startswith("plugins."):
                signal.disconnect(heard)
