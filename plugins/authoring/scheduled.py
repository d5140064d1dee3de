"""Articles dated in the future: drafts until their moment has come.

The build leaves the moments that are still to come in `.discussion/due.json`, beside the pages that
do not show them yet, so that the two can never be of different builds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pelican.contents import Article

from ..shared import files
from .schedule import path_of


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A draft that becomes public by itself, at `due`."""

    content: Any
    due: datetime


def hold_back(content: Any, now: datetime) -> Scheduled | None:
    """Make a draft of an article whose date is after `now`; None for what is not held back."""
    if not isinstance(content, Article) or content.status not in ("published", "hidden"):
        return None
    # Pelican has given it the site's time zone, or the article's own.
    date = getattr(content, "date", None)
    if date is None or date <= now:
        return None
    content.status = "draft"
    return Scheduled(content, date.astimezone(UTC))


def write_moments(output: Path, moments: Iterable[datetime], settings_file: str | None) -> None:
    """Leave the moments for the alarm, and with which settings to build then; no file if none."""
    found = sorted({moment.isoformat() for moment in moments})
    path = path_of(output)
    if not found:
        files.remove(path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    data = {"moments": found, "settings": settings_file}
    files.replace(path, json.dumps(data, indent=1).encode() + b"\n")
