"""Small files between builds, in the folder that QUICK_CACHE names; they may be lost."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any


def folder(settings: Mapping[str, Any]) -> Path | None:
    """Where a build may keep what the next one can use; None where nothing is kept."""
    configured = settings.get("QUICK_CACHE")
    return None if configured is None else Path(configured)


def replace(file: Path, data: bytes) -> None:
    """Write a file as a whole; a cache that cannot be written is none."""
    temporary = file.with_name(f"{file.name}.{secrets.token_hex(6)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        os.replace(temporary, file)  # noqa: PTH105
    except OSError:
        with suppress(OSError):
            temporary.unlink()
