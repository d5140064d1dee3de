"""robots.txt: keeps crawlers from the queue and the service, and names the sitemap.

`PLUGINS = [..., "plugins.robots"]`. It is written if SITEURL is absolute and the site has
no robots.txt of its own. Crawlers look for it at the root of a host only.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

NAME = "robots.txt"


def register() -> None:
    """Connect the plugin to Pelican's signals."""
    from pelican import signals

    signals.finalized.connect(write)


def write(pelican: Any) -> None:
    """At `finalized`: write the file, unless there is one."""
    from .shared.files import replace

    settings, path = pelican.settings, Path(pelican.settings["OUTPUT_PATH"], NAME)
    if settings["SITEURL"].startswith(("http://", "https://")) and not path.exists():
        replace(path, text(settings).encode())


def text(settings: Mapping[str, Any]) -> str:
    """The file for a site with an absolute address."""
    site = settings["SITEURL"]
    comments = urlsplit(settings.get("DISCUSSION_COMMENTS_URL") or f"{site}/comments").path
    # The service's two paths have the same parent.
    root = comments.rpartition("/")[0]
    return (
        "User-agent: *\n"
        f"Disallow: {comments}/\n"
        f"Disallow: {root}/moderate\n"
        "\n"
        f"Sitemap: {site}/sitemap.xml\n"
    )
