"""The list of drafts of a build, stored in var/, never in the output, which is public."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from .errors import AuthoringError


@dataclass(frozen=True, slots=True)
class Draft:
    """One draft: its title, source, address, and the moment it becomes public (ISO) or None."""

    title: str
    source: str
    url: str
    due: str | None


def path_of(var: Path, output: Path) -> Path:
    """Return the file with the drafts of the build that `output` shows."""
    return var / f"drafts-{output.name}.json"


def remember(path: Path, drafts: Iterable[Draft]) -> None:
    """Replace the list; only the owner can read the file."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump([asdict(one) for one in drafts], file, ensure_ascii=False, indent=1)
    temporary.replace(path)


def remembered_at(path: Path) -> datetime:
    """Return when the build ended whose drafts `recall` returns."""
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def recall(path: Path) -> list[Draft]:
    """Return the drafts of the last build; AuthoringError if there was none."""
    try:
        return [Draft(**one) for one in json.loads(path.read_text("utf-8"))]
    except FileNotFoundError:
        raise AuthoringError("There is no build yet; run: rejoinder build") from None
    except (OSError, ValueError, TypeError) as error:
        raise AuthoringError(f"{path} cannot be read ({error}); run: rejoinder build") from error
