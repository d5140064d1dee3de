"""Settings of the authoring plugin under their old names, read for one version with a warning."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

logger = logging.getLogger(__name__)

# New name -> old name: Pelican settings and environment variables.
OLD_NAMES = {
    "AUTHORING_NOW": "DESK_NOW",
    "AUTHORING_IGNORE_LINKS": "DESK_IGNORE_LINKS",
    "REJOINDER_DRAFT_SECRET": "REJOINDER_DESK_SECRET",
}


def setting(settings: Mapping[str, Any], name: str, default: Any = None) -> Any:
    """Return a setting by its name or, with a warning, by the name that it had before."""
    old = OLD_NAMES[name]
    if name not in settings and old in settings:
        logger.warning("%s is called %s now; rename it. The next version ignores it.", old, name)
        return settings[old]
    return settings.get(name, default)
