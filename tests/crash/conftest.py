from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugins.discussion.publish import publisher
from tests.crash.points import Points, installed
from tests.crash.service_state import TOKEN, House


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A service, with the environment variables for builds and publishers."""
    house = House(Path(tmp_path_factory.mktemp("service")))
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("REJOINDER_SERVICE_URL", house.url)
        monkeypatch.setenv("REJOINDER_API_TOKEN", TOKEN)
        monkeypatch.setenv("REJOINDER_VAR", "var")
        monkeypatch.setattr(publisher, "WINDOW_SECONDS", 0.05)
        monkeypatch.setattr(publisher, "SHARED_PATIENCE", 0.01)
        monkeypatch.setattr(publisher, "SITEMAP_PATIENCE", 0.01)
        monkeypatch.setattr(publisher, "LOST_SECONDS", 0.2)
        # fsync is not needed here: a killed process loses nothing that it has written.
        monkeypatch.setattr(os, "sync", lambda: None)
        monkeypatch.setattr(os, "fsync", lambda handle: None)
        yield house
    house.stop()


@pytest.fixture(scope="module")
def points() -> Iterator[Points]:
    """The installed points in the code at which tests can act."""
    with installed() as points:
        yield points


@pytest.fixture(scope="module", autouse=True)
def publisher_log() -> Iterator[list[str]]:
    """Log lines of publishers, kept from the build, which would count them as its own errors."""
    logger = logging.getLogger("rejoinder.publisher")
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    before = logger.propagate, logger.level
    logger.propagate = False
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    yield lines
    logger.removeHandler(handler)
    logger.propagate = before[0]
    logger.setLevel(before[1])
