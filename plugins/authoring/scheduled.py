"""Scheduled articles: articles dated in the future are drafts until then.

The build stores the coming moments in `.discussion/due.json` in its own directory, so that they
always belong to the pages beside them.
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
    """A draft that becomes public automatically, at `due`."""

    content: Any
    due: datetime


def hold_back(content: Any, now: datetime) -> Scheduled | None:
    """Make a draft of an article whose date is after `now`; None for other articles."""
    if not isinstance(content, Article) or content.status not in ("published", "hidden"):
        return None
    # Pelican has set its time zone: the site's, or the article's own.
    date = getattr(content, "date", None)
    if date is None or date <= now:
        return None
    content.status = "draft"
    return Scheduled(content, date.astimezone(UTC))


def write_moments(output: Path, moments: Iterable[datetime], settings_file: str | None) -> None:
    """Store the moments and the settings to build with then; no file if there are none."""
    found = sorted({moment.isoformat() for moment in moments})
    path = path_of(output)
    if not found:
        files.remove(path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    data = {"moments": found, "settings": settings_file}
    files.replace(path, json.dumps(data, indent=1).encode() + b"\n")
