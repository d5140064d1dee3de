"""The QUICK_ settings, read once per run and checked."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import SettingsError


@dataclass(frozen=True, slots=True)
class QuickSettings:
    """The number of `processes`, the `cache` folder, and whether to `link` or copy pages.

    `pure` are the names of functions, filters and tests that change nothing.
    """

    processes: int
    cache: Path | None
    link: bool
    pure_extensions: frozenset[str]
    pure: frozenset[str]

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> QuickSettings:
        """Read them from Pelican's settings; SettingsError names the invalid one."""
        cache = settings.get("QUICK_CACHE")
        if cache is not None and (not isinstance(cache, str | Path) or not str(cache)):
            raise SettingsError("QUICK_CACHE is neither a folder nor None")
        return cls(
            processes=_processes(settings.get("QUICK_PROCESSES")),
            cache=None if cache is None else Path(cache).absolute(),
            link=bool(settings.get("QUICK_LINK", False)),
            pure_extensions=_names(settings, "QUICK_PURE_EXTENSIONS", "extensions"),
            pure=_names(settings, "QUICK_PURE", "functions"),
        )


def _names(settings: Mapping[str, Any], name: str, of: str) -> frozenset[str]:
    given = settings.get(name, ())
    if isinstance(given, str) or not all(isinstance(one, str) for one in given):
        raise SettingsError(f"{name} is not a list of {of}' names")
    return frozenset(given)


def _processes(wanted: object) -> int:
    if wanted is None:
        wanted = len(os.sched_getaffinity(0)) if sys.platform == "linux" else 1
    if isinstance(wanted, bool) or not isinstance(wanted, int) or wanted < 1:
        raise SettingsError(f"QUICK_PROCESSES is {wanted!r}; set it to None, 1 or more")
    return wanted
