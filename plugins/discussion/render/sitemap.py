"""The sitemap: an index, and files of at most a thousand URLs with the dates of last changes."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from ..model.options import RenderSettings
from ..model.paths import shard_file
from .environment import paint_xml
from .feeds import XML


def index(shards: int, settings: RenderSettings, templates: Path) -> str:
    """Render the list of the sitemap's files."""
    urls = [f"{settings.site_url}/{shard_file(number)}" for number in range(1, shards + 1)]
    return XML + paint_xml(templates, "sitemap_index.xml", None, {"urls": urls}) + "\n"


def shard(urls: list[tuple[str, str]], templates: Path) -> str:
    """Render one file: URLs with the time of their last change, or ""."""
    return XML + paint_xml(templates, "sitemap.xml", None, {"urls": urls}) + "\n"


def later(date: str, replied: str) -> str:
    """Return the later of two times in ISO 8601, either of which may be ""."""
    if not date or not replied:
        return date or replied
    return max(date, replied, key=lambda text: datetime.fromisoformat(text))
