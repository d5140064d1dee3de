"""A cache of small files between builds, below QUICK_CACHE; they may be lost."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any


def folder(settings: Mapping[str, Any]) -> Path | None:
    """Return the folder of the cache; None without one."""
    configured = settings.get("QUICK_CACHE")
    return None if configured is None else Path(configured)


def replace(file: Path, data: bytes) -> None:
    """Write a file atomically; ignore a cache that cannot be written."""
    temporary = file.with_name(f"{file.name}.{secrets.token_hex(6)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        os.replace(temporary, file)  # noqa: PTH105
    except OSError:
        with suppress(OSError):
            temporary.unlink()
