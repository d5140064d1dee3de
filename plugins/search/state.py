"""The state of the index: each record's digest and the file with its text."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from ..shared import files as pages

VERSION = 1


@dataclass(slots=True)
class Held:
    """One record of the index: its digest, kind, and file below the index."""

    digest: str
    kind: str
    file: str


@dataclass(slots=True)
class State:
    """The last index; `stale` are unused files of earlier ones, with the time since when."""

    language: str = ""
    engine: str = ""
    records: dict[str, Held] = field(default_factory=dict)
    stale: dict[str, float] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> State:
        """Load it; empty if it is missing or unreadable: then the index is made again."""
        try:
            data = json.loads(path.read_bytes())
            if data["version"] != VERSION:
                return cls()
            records = {url: Held(*held) for url, held in data["records"].items()}
            return cls(data["language"], data["engine"], records, dict(data["stale"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls()

    def save(self, path: Path) -> None:
        """Save it, replacing the file."""
        data = {
            "version": VERSION,
            "language": self.language,
            "engine": self.engine,
            "records": {
                url: [held.digest, held.kind, held.file] for url, held in self.records.items()
            },
            "stale": self.stale,
        }
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        pages.replace(path, text.encode())

    def shows(self, digests: dict[str, str]) -> bool:
        """Whether the index contains exactly these records, by their addresses."""
        return {url: held.digest for url, held in self.records.items()} == digests
